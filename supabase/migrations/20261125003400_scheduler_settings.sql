-- How pods choose among nodes: what each score counts. Zero switches it off.

insert into stark.config_keys (key, type, least, most, choices, default_value, description) values
  ('scheduler.weights.nodeAffinity', 'integer', 0, 100, null, '2', 'What preferred node affinity counts.'),
  ('scheduler.weights.podAffinity', 'integer', 0, 100, null, '2', 'What preferred pod affinity and anti-affinity count.'),
  ('scheduler.weights.topologySpread', 'integer', 0, 100, null, '2', 'What spreading with ScheduleAnyway counts.'),
  ('scheduler.weights.preferNoSchedule', 'integer', 0, 100, null, '3', 'What avoiding PreferNoSchedule taints counts.'),
  ('scheduler.weights.resources', 'integer', 0, 100, null, '1', 'What scheduler.strategy counts.'),
  ('scheduler.weights.balanced', 'integer', 0, 100, null, '1', 'What it counts that a node''s CPU and memory are taken alike.'),
  ('scheduler.weights.bundleCached', 'integer', 0, 100, null, '1', 'What it counts that a node has the bundle already.'),
  ('scheduler.weights.ownNode', 'integer', 0, 100, null, '1', 'What it counts that a node is the pod''s owner''s.');
comment on column public.namespaces.labels is
  'Pods'' affinity can select by them. scheduler.stark.dev/strategy (leastAllocated, mostAllocated) overrides scheduler.strategy for the pods of the namespace.';
