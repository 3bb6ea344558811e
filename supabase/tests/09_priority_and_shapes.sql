-- Priority classes, and the shapes of what scheduling reads.
begin;
create extension if not exists pgtap with schema extensions;
select plan(104);
\ir helpers/world.psql

select results_eq($$select name, value from public.priority_classes where name like 'system-%' order by name$$,
  $$values ('system-cluster-critical', 2000000000), ('system-node-critical', 2000001000)$$, 'Kubernetes'' built-ins are there');
select tests.become('admin');
select is(tests.refusal(s), rule, s) from (values
  ($$insert into public.priority_classes (name, value) values ('system-mine', 1)$$, '23514 priority_classes_system'),
  ($$delete from public.priority_classes where name = 'system-node-critical'$$, '23514 priority_classes_system'),
  ($$update public.priority_classes set description = '' where name = 'system-node-critical'$$, '23514 priority_classes_system'),
  ($$insert into public.priority_classes (name, value) values ('big', 1000000001)$$, '23514 priority_classes_value_user'),
  ($$insert into public.priority_classes (name, value) values ('big', 1000000000)$$, '1 rows'),
  ($$insert into public.priority_classes (name, value) values ('Not A Label', 1)$$, '23514 priority_classes_name_check'),
  ($$insert into public.priority_classes (name, value, preemption_policy) values ('p', 1, 'Sometimes')$$, '23514 priority_classes_preemption_policy_check'),
  ($$update public.priority_classes set value = 11 where name = 'batch'$$, '23514 priority_classes_immutable'),
  ($$update public.priority_classes set preemption_policy = 'Never' where name = 'batch'$$, '23514 priority_classes_immutable'),
  ($$insert into public.priority_classes (name, value, global_default) values ('one', 1, true), ('two', 2, true)$$, '23505 priority_classes_one_default')) v (s, rule);

create function pg_temp.refused(check_it text, value text, expected text) returns text language sql as $$
  select extensions.is(tests.refusal(format('select stark.%I(''column'', %L::jsonb)', check_it, value)), expected, check_it || ' ' || value)
$$;
-- Well formed: as in Kubernetes' own documentation.
select pg_temp.refused(f, v, '1 rows') from (values
  ('check_taints', '[]'), ('check_taints', '[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}, {"key": "example.com/x", "effect": "NoExecute"}]'),
  ('check_tolerations', '[]'), ('check_tolerations', '[{"operator": "Exists"}]'),
  ('check_tolerations', '[{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 300}, {"key": "a", "value": "b"}]'),
  ('check_affinity', '{}'),
  ('check_affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
     {"key": "zone", "operator": "In", "values": ["a", "b"]}, {"key": "cores", "operator": "Gt", "values": ["4"]}, {"key": "gpu", "operator": "Exists"}]},
     {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]},
     "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [{"key": "ssd", "operator": "DoesNotExist"}]}}]}}'),
  ('check_affinity', '{"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}]},
     "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname",
       "labelSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]}, "namespaces": ["team"]}}]}}'),
  ('check_topology_spread', '[]'),
  ('check_topology_spread', '[{"maxSkew": 5, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}, "minDomains": 3}]'),
  ('check_label_selector', 'null'), ('check_label_selector', '{}')) v (f, v);
-- Not.
select pg_temp.refused(f, v, '22023') from (values
  ('check_taints', '{}'), ('check_taints', '[1]'),
  ('check_taints', '[{"key": 5, "effect": "NoSchedule"}]'), ('check_tolerations', '[{"key": 5}]'), ('check_tolerations', '["x"]'), ('check_tolerations', '[[]]'),
  ('check_tolerations', '[{"key": "a", "tolerationSeconds": "300"}]'), ('check_topology_spread', '[{"maxSkew": "1", "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]'),
  ('check_tolerations', '{}'), ('check_tolerations', '[1]'), ('check_tolerations', '[{"operator": "Maybe"}]'), ('check_tolerations', '[{"value": "x"}]'),
  ('check_tolerations', '[{"key": "a b", "operator": "Exists"}]'), ('check_tolerations', '[{"key": "a", "operator": "Exists", "value": "x"}]'),
  ('check_tolerations', '[{"key": "a", "effect": "Never"}]'), ('check_tolerations', '[{"key": "a", "tolerationSeconds": "soon"}]'),
  ('check_affinity', '[]'), ('check_affinity', '{"nodeAffinity": []}'), ('check_affinity', '{"nodeAffinity": {"required": []}}'), ('check_affinity', '{"zoneAffinity": {}}'),
  ('check_affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}'),
  ('check_affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}'),
  ('check_affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [1]}}}'),
  ('check_affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"labels": []}]}}}'),
  ('check_affinity', '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": {}}]}}}'),
  ('check_affinity', '{"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "preference": {}}]}}'),
  ('check_affinity', '{"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 101, "preference": {}}]}}'),
  ('check_affinity', '{"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}}'),
  ('check_affinity', '{"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}'),
  ('check_affinity', '{"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}]}}'),
  ('check_affinity', '{"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "namespaces": "x"}]}}'),
  ('check_affinity', '{"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": {"match": {}}}]}}'),
  ('check_topology_spread', '{}'), ('check_topology_spread', '[1]'), ('check_topology_spread', '[{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]'),
  ('check_topology_spread', '[{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]'), ('check_topology_spread', '[{"maxSkew": 1, "topologyKey": "z"}]'),
  ('check_topology_spread', '[{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 0}]'),
  ('check_label_selector', '[]'), ('check_label_selector', '{"matchLabels": {"a": 1}}'), ('check_label_selector', '{"matchLabels": []}'),
  ('check_label_selector', '{"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}')) v (f, v);
select pg_temp.refused('check_affinity', format('{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [%s]}]}}}', e), '22023')
  from unnest(array['1', '{}', '{"key": "a"}', '{"key": "a b", "operator": "Exists"}', '{"key": "a", "operator": "Like"}', '{"key": "a", "operator": "In"}', '{"key": "a", "operator": "In", "values": []}',
    '{"key": "a", "operator": "In", "values": "x"}', '{"key": "a", "operator": "In", "values": [1]}', '{"key": "a", "operator": "Exists", "values": ["x"]}',
    '{"key": "a", "operator": "Gt", "values": ["1", "2"]}', '{"key": "a", "operator": "Lt", "values": ["x"]}']) e;

-- A template takes what a pod takes, and nothing else.
select pg_temp.refused('check_pod_spec', v, '1 rows') from unnest(array['{}',
  '{"labels": {"a": "b"}, "annotations": {}, "env": {"A": "1"}, "args": [1], "metadata": {"x": 1}, "cpu": "250m", "memory": "1Gi", "priorityClass": "batch", "nodeSelector": {"a": "b"},
    "tolerations": [], "affinity": {}, "topologySpread": [], "gracePeriodMs": 1000, "schedulingGroup": "g", "schedulingGroupSize": 3}']) v;
select pg_temp.refused('check_pod_spec', v, '22023') from unnest(array['{"image": "x"}', '{"labels": {"a": 1}}', '{"args": {}}', '{"metadata": []}', '{"cpu": "x"}', '{"memory": "x"}',
  '{"priorityClass": "A B"}', '{"priorityClass": 1}', '{"gracePeriodMs": -1}', '{"gracePeriodMs": 3600001}', '{"schedulingGroupSize": 0}', '{"tolerations": {}}', '{"affinity": []}', '{"topologySpread": {}}']) v;
select pg_temp.refused('check_strategy', v, '1 rows') from unnest(array['{}',
  '{"type": "RollingUpdate", "maxSurge": "25%", "maxUnavailable": 0, "minReadySeconds": 5, "progressDeadlineSeconds": 600, "autoRollback": true}', '{"type": "Recreate"}']) v;
select pg_temp.refused('check_strategy', v, '22023') from unnest(array['{"type": "Sometimes"}', '{"type": null}', '{"maxSurge": "101%"}', '{"maxUnavailable": -1}', '{"minReadySeconds": "x"}', '{"autoRollback": "maybe"}',
  '{"speed": 1}', '{"maxSurge": 0, "maxUnavailable": "0%"}']) v;
select * from finish();
rollback;
