-- Pods: how they begin, what never changes, the state machine, incarnations, one home, and their history.
begin;
create extension if not exists pgtap with schema extensions;
select plan(134);
\ir helpers/world.psql

-- How they begin.
select tests.become('service');
select is(tests.refusal(format('insert into public.pods (pack_id, %s) values (''b0000000-0000-4000-8000-000000000002'', %s)', c, v)),
  '23514 pods_initial_state', 'a pod does not start with ' || c || ' ' || v)
  from (values ('status', '''running'''), ('incarnation', '5'), ('restarts', '1'), ('node_id', '''c0000000-0000-4000-8000-000000000001'''),
               ('desired_state', '''stopped''')) x (c, v);
select is(tests.refusal(format('insert into public.pods (pack_id, %s) values (''b0000000-0000-4000-8000-000000000002'', %L)', c, v)), rule, c || ' ' || v)
  from (values
    ('name', 'Upper', '23514 pods_name_check'), ('name', repeat('a', 64), '23514 pods_name_check'), ('name', 'a.b', '23514 pods_name_check'),
    ('cpu', 'much', '22023'), ('memory', '1gi', '22023'), ('env', '{"a": 1}', '23514 pods_env_check'), ('env', '[]', '23514 pods_env_check'), ('env', '{"a": ["b"]}', '23514 pods_env_check'),
    ('labels', '{"a": null}', '23514 pods_labels_check'), ('annotations', '"x"', '23514 pods_annotations_check'),
    ('node_selector', '{"a": {}}', '23514 pods_node_selector_check'), ('args', '{}', '23514 pods_args_check'), ('metadata', '[]', '23514 pods_metadata_check'),
    ('grace_period_ms', '-1', '23514 pods_grace_period_ms_check'), ('namespace', 'nowhere', '23503 pods_namespace_fkey'),
    ('priority_class', 'nothing', '23503 pods_priority_class_fkey'), ('tolerations', '[{"operator": "Sometimes"}]', '22023'),
    ('affinity', '{"x": {}}', '22023'), ('topology_spread', '[{}]', '22023'), ('scheduling_group', 'g', '23514 pods_scheduling_group'),
    ('deployment_id', 'e0000000-0000-4000-8000-00000000000f', '23503 pods_deployment_id_fkey')) x (c, v, rule);
select is(tests.refusal($$insert into public.pods (pack_id) values (gen_random_uuid())$$), '23503 pods_pack_id_fkey', 'a pack that is not there');
select is(tests.refusal($$insert into public.pods (pack_id, created_by) values ('b0000000-0000-4000-8000-000000000003', tests.id('dev'))$$),
  '42501 pods_private_pack', 'the service, too, runs no private pack for someone else');
select is(tests.refusal($$insert into public.pods (pack_id, created_by) values ('b0000000-0000-4000-8000-000000000003', tests.id('other'))$$), '1 rows', 'but for its owner');
select is(tests.refusal($$insert into public.pods (name, namespace, pack_id) values ('dev-pod', 'team', 'b0000000-0000-4000-8000-000000000002')$$),
  '23505 pods_namespace_name_key', 'a name is unique in its namespace');
select is(tests.refusal($$insert into public.pods (name, pack_id) values ('dev-pod', 'b0000000-0000-4000-8000-000000000002')$$), '1 rows', 'and only there');

-- Defaults.
update public.namespaces set defaults = '{"cpu": "0.25", "memory": "64Mi"}' where name = 'team';
insert into public.pods (name, namespace, pack_id) values ('defaults', 'default', 'b0000000-0000-4000-8000-000000000002'), ('team-defaults', 'team', 'b0000000-0000-4000-8000-000000000002');
insert into public.pods (name, namespace, pack_id, cpu, memory) values ('own', 'team', 'b0000000-0000-4000-8000-000000000002', '1000m', '2048Ki');
select results_eq($$select name, cpu, cpu_millis, memory, memory_bytes from public.pods where name in ('defaults', 'team-defaults', 'own') order by name$$,
  $$values ('defaults', '100m', 100::bigint, '128Mi', 134217728::bigint), ('own', '1', 1000, '2Mi', 2097152), ('team-defaults', '250m', 250, '64Mi', 67108864)$$,
  'requests: one''s own, the namespace''s, or 100m and 128Mi');
insert into public.pods (pack_id) values ('b0000000-0000-4000-8000-000000000002');
select matches((select name from public.pods where name like 'dev-public-%'), '^dev-public-[0-9a-f]{12}$', 'a pod without a name gets one');

-- Priority.
select results_eq($$select priority_class, priority, preemption_policy from public.pods where name = 'own'$$, $$values (null::text, 0, 'PreemptLowerPriority')$$, 'no class, no default');
insert into public.priority_classes (name, value, preemption_policy, global_default) values ('usual', 7, 'Never', true);
insert into public.pods (name, pack_id) values ('usual', 'b0000000-0000-4000-8000-000000000002');
insert into public.pods (name, pack_id, priority_class) values ('batch', 'b0000000-0000-4000-8000-000000000002', 'batch');
select results_eq($$select name, priority_class, priority, preemption_policy from public.pods where name in ('usual', 'batch') order by name$$,
  $$values ('batch', 'batch', 10, 'PreemptLowerPriority'), ('usual', 'usual', 7, 'Never')$$, 'the named class, else the global default');
select is(tests.refusal($$delete from public.priority_classes where name = 'batch'$$), '23503 pods_priority_class_fkey', 'a class in use stays');
select tests.become('dev');
select is(tests.refusal($$insert into public.pods (pack_id, priority_class) values ('b0000000-0000-4000-8000-000000000002', 'system-node-critical')$$),
  '42501 pods_system_priority', 'system classes are not for developers');
select tests.become('operator');
select is(tests.refusal($$insert into public.pods (pack_id, priority_class) values ('b0000000-0000-4000-8000-000000000002', 'system-node-critical')$$), '1 rows', 'but for operators');

-- What never changes.
select tests.become('service');
select is(tests.refusal(format('update public.pods set %s where name = ''dev-pod''', change)), '23514 pods_immutable', change)
  from unnest(array['name = ''x''', 'namespace = ''default''', 'pack_id = ''b0000000-0000-4000-8000-000000000002''', 'env = ''{"a": "b"}''', 'args = ''[1]''',
    'metadata = ''{"a": 1}''', 'cpu = ''1''', 'memory = ''1Gi''', 'cpu_millis = 1', 'memory_bytes = 1', 'priority_class = ''batch''', 'priority = 99',
    'preemption_policy = ''Never''', 'node_selector = ''{"a": "b"}''', 'tolerations = ''[{"operator": "Exists"}]''', 'affinity = ''{"nodeAffinity": {}}''',
    'topology_spread = ''[1]''', 'scheduling_group = ''g'', scheduling_group_size = 1', 'grace_period_ms = 1', 'created_at = now() - interval ''1 day''',
    'created_by = tests.id(''other'')', 'deployment_id = ''e0000000-0000-4000-8000-000000000001''', 'deployment_generation = 1', 'id = gen_random_uuid()']) change;
select is(tests.refusal($$update public.pods set created_by = null, labels = '{"a": "b"}', annotations = '{"c": "d"}' where name = 'dev-pod'$$), '1 rows',
  'labels and annotations do, and the owner may be forgotten');

-- The state machine: every pair. Each is tried on a pod brought into the first status the legal way.
select tests.become('owner');
create function tests.brought(to_status text) returns uuid language plpgsql as $$
declare
  pod uuid;
begin
  insert into public.pods (pack_id, created_by) values ('b0000000-0000-4000-8000-000000000002', tests.id('dev')) returning id into pod;
  if to_status in ('stopped', 'failed') then
    update public.pods set status = to_status where id = pod;
  elsif to_status <> 'pending' then
    update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000001' where id = pod;
    if to_status <> 'scheduled' then
      update public.pods set status = to_status where id = pod;
    end if;
  end if;
  return pod;
end
$$;
grant execute on function tests.brought to public;
create temporary table legal (f text, t text) on commit drop;
insert into legal values ('pending', 'scheduled'), ('pending', 'stopped'), ('pending', 'failed'),
  ('scheduled', 'starting'), ('scheduled', 'running'), ('scheduled', 'stopping'), ('scheduled', 'stopped'), ('scheduled', 'failed'), ('scheduled', 'pending'),
  ('starting', 'running'), ('starting', 'stopping'), ('starting', 'stopped'), ('starting', 'failed'), ('starting', 'pending'),
  ('running', 'stopping'), ('running', 'stopped'), ('running', 'failed'), ('running', 'pending'),
  ('stopping', 'stopped'), ('stopping', 'failed'), ('stopping', 'pending');
grant select on legal to public;
select tests.become('service');
select is(
  tests.refusal(format('update public.pods set status = %L, node_id = %s where id = %L', t,
    case when t = 'pending' then 'null' when f = 'pending' and t = 'scheduled' then '''c0000000-0000-4000-8000-000000000001''' else 'node_id' end, tests.brought(f))),
  case when exists (select from legal l where l.f = s.f and l.t = s.t) then '1 rows' else '23514 pods_transition' end, f || ' to ' || t)
  from (select f, t from unnest(array['pending', 'scheduled', 'starting', 'running', 'stopping', 'stopped', 'failed']) f,
    unnest(array['pending', 'scheduled', 'starting', 'running', 'stopping', 'stopped', 'failed']) t where f <> t) s;
select is(tests.attempt($$update public.pods set status = 'lost' where name = 'dev-pod'$$), '23514', 'there are seven statuses');

-- One home, incarnations, times.
select is(tests.refusal($$update public.pods set status = 'scheduled', node_id = null where name = 'waiting-pod'$$), '23514 pods_home', 'scheduled is somewhere');
select is(tests.refusal($$update public.pods set node_id = 'c0000000-0000-4000-8000-000000000001' where name = 'waiting-pod'$$), '23514 pods_home', 'pending is nowhere');
select is(tests.refusal($$update public.pods set node_id = 'c0000000-0000-4000-8000-000000000004' where name = 'dev-pod'$$), '23514 pods_home', 'a pod does not move');
select is(tests.refusal($$update public.pods set status = 'running', node_id = 'c0000000-0000-4000-8000-000000000004' where name = 'dev-pod'$$), '23514 pods_home',
  'not even with its status');
select is(tests.refusal($$update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000003' where name = 'waiting-pod'$$), '23514 pods_private_node',
  'nobody''s pod goes to another''s private node');
select is(tests.refusal($$update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000002' where name = 'waiting-pod'$$), '1 rows', 'but to one''s own');
update public.nodes set owner_id = null where name = 'dev-node';
update public.pods set created_by = null where name = 'waiting-pod';
select is(tests.refusal($$update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000002' where name = 'waiting-pod'$$), '23514 pods_private_node',
  'nobody''s private node takes nobody''s pods');
update public.pods set status = 'running', incarnation = 99 where name = 'dev-pod';
select results_eq($$select incarnation, restarts, started_at = now(), scheduled_at = now(), finished_at from public.pods where name = 'dev-pod'$$,
  $$values (1::bigint, 0, true, true, null::timestamptz)$$, 'the first incarnation, whatever was said');
update public.pods set status = 'pending', reason = 'node_lost' where name = 'dev-pod';
select results_eq($$select incarnation, restarts, node_id from public.pods where name = 'dev-pod'$$, $$values (1::bigint, 1, null::uuid)$$, 'lost its node');
update public.pods set unschedulable = '{"nodes": 0}' where name = 'dev-pod';
update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000004' where name = 'dev-pod';
select results_eq($$select incarnation, unschedulable, started_at from public.pods where name = 'dev-pod'$$, $$values (2::bigint, null::jsonb, null::timestamptz)$$,
  'another home, another incarnation, no explanation any more');

-- Pages by label.
select tests.become('service');
insert into public.pods (name, namespace, pack_id, labels, created_at)
  select 'page-' || i, case when i = 3 then 'team' else 'default' end, 'b0000000-0000-4000-8000-000000000002', jsonb_build_object('app', 'page', 'n', i::text), now() + i * interval '1 second'
  from generate_series(1, 4) i;
select tests.become('viewer');
create function pg_temp.names(selector jsonb, ns text default null, size integer default 50) returns text language sql as $$
  select string_agg(p.name, ' ' order by p.created_at desc) from public.pods p where p.id in (select stark.pods_page(selector, ns, page_size => size))
$$;
select is(pg_temp.names('{"app": "page"}'), 'page-4 page-3 page-2 page-1', 'pods by label, newest first');
select is(pg_temp.names('{"app": "page"}', size => 2), 'page-4 page-3', 'a page of them');
select is(pg_temp.names('{"app": "page"}', 'default'), 'page-4 page-2 page-1', 'of one namespace');
select is(pg_temp.names('{"app": "page", "n": "2"}'), 'page-2', 'all labels count');
select is((select count(*) from stark.pods_page('{"app": "page"}', null, now() + interval '3 seconds', 'ffffffff-ffff-ffff-ffff-ffffffffffff')), 3::bigint, 'before a cursor');
select tests.become('agent');
select is((select count(*) from stark.pods_page('{"app": "page"}')), 0::bigint, 'nothing for who may read no pods');

-- Stopping.
select tests.become('dev');
insert into public.pods (name, pack_id) values ('mine', 'b0000000-0000-4000-8000-000000000001');
update public.pods set desired_state = 'stopped' where name = 'mine';
select results_eq($$select status, reason, finished_at = now() from public.pods where name = 'mine'$$, $$values ('stopped', 'stopped_by_user', true)$$, 'what waits stops at once');
select is(tests.refusal($$update public.pods set desired_state = 'running' where name = 'mine'$$), '23514 pods_stop_is_final', 'and does not start again');
select tests.become('service');
update public.pods set desired_state = 'stopped' where name = 'dev-pod';
select is((select status from public.pods where name = 'dev-pod'), 'scheduled', 'what is somewhere is told first');
update public.pods set status = 'pending', node_id = null where name = 'dev-pod';
select is((select status || ' ' || reason from public.pods where name = 'dev-pod'), 'stopped stopped_by_user', 'and is not placed again when its node is lost');

-- History: nobody skips it, nobody rewrites it.
select set_config('stark.correlation_id', 'request-1', true) into temporary table ignored;
select tests.become('operator');
delete from public.pods where name = 'mine';
select results_eq(
  $$select h.event, h.from_status, h.to_status, h.actor_id, h.actor_role, h.correlation_id from public.pod_history h
    where h.id > (select max(id) - 1 from public.pod_history) order by h.id$$,
  $$values ('deleted', 'stopped', null::text, tests.id('operator'), 'authenticated', 'request-1')$$, 'who, what, from, to, and on which request');
select results_eq(
  $$select event, from_status, to_status, incarnation from public.pod_history where pod_id = 'd0000000-0000-4000-8000-000000000001' order by id$$,
  $$values ('created', null, 'pending', 0::bigint), ('status', 'pending', 'scheduled', 1), ('status', 'scheduled', 'running', 1), ('status', 'running', 'pending', 1),
           ('status', 'pending', 'scheduled', 2), ('stop_requested', 'scheduled', null, 2), ('status', 'scheduled', 'stopped', 2)$$, 'a pod''s whole life');
select tests.become('owner');
select is(tests.refusal('update public.pod_history set reason = ''x'''), '42501 pod_history_append_only', 'not even the owner of the table rewrites history');
select is(tests.refusal('truncate public.pods cascade'), '42501 pods_no_truncate', 'or skips it');
-- The log goes with the pod, the history stays.
delete from public.pods where name = 'dev-pod';
select is((select count(*) from public.pod_logs), 0::bigint, 'logs go with their pod');
select is((select count(*) from public.pod_history where pod_id = 'd0000000-0000-4000-8000-000000000001'), 8::bigint, 'history stays');
delete from auth.users where email = 'other@example.com';
select is((select created_by from public.pods where name = 'other-pod'), null, 'a deleted user''s pods stay, nobody''s');
select tests.become('service');
with made as (
  insert into public.pods (pack_id, cpu, memory)
  select 'b0000000-0000-4000-8000-000000000002', c, m from (values ('1m', '1Mi'), ('999m', '999Mi'), ('1000m', '1000Mi'), ('0m', '0Mi'), ('010m', '01Mi'), ('1.5', '1024Mi'), ('2', '999Gi'),
    ('0', '1Gi'), ('0.0001', '1.5Gi'), ('12345m', '1024Gi'), ('7', '1M')) q (c, m)
  returning cpu, memory, cpu_millis, memory_bytes)
select ok(count(*) = 11 and bool_and((cpu, memory) = (stark.format_cpu(cpu_millis), stark.format_memory(memory_bytes))
                                     and (cpu_millis, memory_bytes) = (stark.parse_cpu(cpu), stark.parse_memory(memory))),
  'requests that are read in place are what the functions make of them') from made;
select * from finish();
rollback;
