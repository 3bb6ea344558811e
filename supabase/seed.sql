-- What every cluster starts with. Safe to run again: what is there already stays as it is.

insert into public.namespaces (name, labels) values
  ('default', '{}'),
  ('stark-system', '{"stark.dev/system": "true"}')
on conflict (name) do nothing;

insert into public.priority_classes (name, value, preemption_policy, global_default, description) values
  ('system-node-critical', 2000001000, 'PreemptLowerPriority', false, 'What a node cannot be without.'),
  ('system-cluster-critical', 2000000000, 'PreemptLowerPriority', false, 'What the cluster cannot be without.'),
  ('high-priority', 1000, 'PreemptLowerPriority', false, 'Before ordinary work; may preempt it.'),
  ('low-priority', -100, 'Never', false, 'After ordinary work; never preempts.')
on conflict (name) do nothing;

insert into public.cluster_config (key, value, description) values
  ('heartbeat.intervalMs', '10000', 'How often an agent beats.'),
  ('heartbeat.timeoutMs', '30000', 'A node that was not heard for this long is unhealthy and loses its pods.'),
  ('logs.maxLinesPerPod', '10000', 'How many of its newest log lines a pod keeps.')
on conflict (key) do nothing;
