-- Namespaces: names, quotas and defaults; quotas that count right whatever happens to pods. Concurrency is tests/schema's part.
begin;
create extension if not exists pgtap with schema extensions;
select plan(61);
\ir helpers/world.psql
create function tests.pods(ns text, n integer, request text default '100m') returns text language sql as $$
  select tests.refusal(format($f$insert into public.pods (namespace, pack_id, cpu) select %L, 'b0000000-0000-4000-8000-000000000002', %L from generate_series(1, %s)$f$, ns, request, n))
$$;
create function tests.usage(ns text) returns text language sql as $$
  select u.pods || ' ' || u.cpu_millis || ' ' || u.memory_bytes / 1048576 from public.namespace_usage u where u.namespace = ns
$$;
-- Whatever happened, the row says what a count says.
create function tests.true_usage(ns text) returns text language sql as $$
  select count(*) || ' ' || coalesce(sum(cpu_millis), 0) || ' ' || coalesce(sum(memory_bytes), 0)::bigint / 1048576
  from public.pods where namespace = ns and status not in ('stopped', 'failed')
$$;
grant execute on all functions in schema tests to public;

-- Names.
select tests.become('operator');
select is(tests.refusal(format('insert into public.namespaces (name) values (%L)', n)), '23514 namespaces_name_check', 'name ' || n)
  from unnest(array['', 'Upper', '-a', 'a.b', repeat('a', 64)]) n;
select is(tests.refusal(format('insert into public.namespaces (name) values (%L)', n)), '23514 namespaces_system', 'name ' || n) from unnest(array['stark-x', 'default']) n;
select is(tests.refusal($$delete from public.namespaces where name = 'default'$$), '23514 namespaces_system', 'the system''s stay');
select tests.become('service');
select is(tests.refusal($$update public.namespaces set name = 'x' where name = 'team'$$), '23514 namespaces_name_immutable', 'a name stays');
select is(tests.refusal($$insert into public.namespaces (name) values ('team')$$), '23505 namespaces_name_key', 'a name is taken once');

-- Quotas and defaults as they are written.
select tests.become('operator');
select is(tests.refusal(format('update public.namespaces set resource_quota = %L where name = ''team''', q)), rule, 'quota ' || q)
  from (values ('[]', '23514 namespaces_resource_quota_check'), ('{"pods": 1}', '22023'), ('{"maxPods": "many"}', '22023'), ('{"maxPods": -1}', '22023'),
    ('{"maxPods": 1.5}', '22023'), ('{"maxPods": true}', '22023'), ('{"maxCpu": "much"}', '22023'), ('{"maxMemory": "1gi"}', '22023'), ('{"maxMemory": []}', '22023')) v (q, rule);
select is(tests.refusal(format('update public.namespaces set defaults = %L where name = ''team''', d)), rule, 'defaults ' || d)
  from (values ('[]', '23514 namespaces_defaults_check'), ('{"disk": "1Gi"}', '22023'), ('{"cpu": "x"}', '22023'), ('{"memory": "x"}', '22023')) v (d, rule);
update public.namespaces set resource_quota = '{"maxPods": "10", "maxCpu": 2.5, "maxMemory": "1024Mi"}', defaults = '{"cpu": "0.25", "memory": null}' where name = 'team';
select results_eq($$select resource_quota, defaults from public.namespaces where name = 'team'$$,
  $$values ('{"maxPods": 10, "maxCpu": "2500m", "maxMemory": "1Gi"}'::jsonb, '{"cpu": "250m"}'::jsonb)$$, 'both are normalised');
select is((select reason from public.events where kind = 'namespace' order by id desc limit 1), 'quota_changed', 'a changed quota is an event');

-- Counting. team has three live pods of 100m and 128Mi.
select is(tests.usage('team'), '3 300 384', 'what is there is counted when the quota is set');
select tests.become('dev');
select is(tests.pods('team', 8), '23514 namespaces_quota_pods', 'one too many');
select is(tests.pods('team', 7, '315m'), '23514 namespaces_quota_cpu', 'too much cpu');
select is(tests.pods('team', 7, '0'), '23514 namespaces_quota_memory', 'too much memory');
select is(tests.pods('team', 5), '5 rows', 'just right');
select throws_like($$insert into public.pods (namespace, pack_id, cpu) values ('team', 'b0000000-0000-4000-8000-000000000002', '3')$$,
  'namespace "team" has not enough left of its quota: 300m of maxCpu 2500m used, 3 more asked for', 'the message says how much');
select is(tests.pods('default', 50), '50 rows', 'a namespace without a quota has none');
select is(tests.usage('default'), null, 'and no row');
insert into public.pods (name, namespace, pack_id) values ('a', 'team', 'b0000000-0000-4000-8000-000000000002'), ('b', 'default', 'b0000000-0000-4000-8000-000000000002'),
  ('c', 'team', 'b0000000-0000-4000-8000-000000000002');
select is(tests.usage('team'), '5 800 640', 'a statement over several namespaces'); -- 250m by default
update public.pods set desired_state = 'stopped' where name = 'a';
select is(tests.usage('team'), '4 550 512', 'a stopped pod gives back');
select tests.become('service');
update public.pods set status = 'running' where name = 'dev-pod';
select is(tests.usage('team'), '4 550 512', 'a running one does not');
update public.pods set status = 'failed' where name = 'dev-pod';
select is(tests.usage('team'), '3 450 384', 'a failed one does');
delete from public.pods where name in ('dev-pod', 'a');
select is(tests.usage('team'), '3 450 384', 'once');
delete from public.pods where name = 'c';
select is(tests.usage('team'), tests.true_usage('team'), 'and the row says what a count says');
update public.pods set status = 'pending', node_id = null where name = 'other-pod';
select is(tests.usage('team'), tests.true_usage('team'), 'a pod that waits again counts on');

-- A quota below what is used stops nothing.
select tests.become('operator');
update public.namespaces set resource_quota = '{"maxPods": 1}' where name = 'team';
select is(tests.usage('team'), tests.true_usage('team'), 'a smaller quota stops nothing');
select is(tests.pods('team', 1), '23514 namespaces_quota_pods', 'but admits no more');
update public.namespaces set resource_quota = '{"maxPods": 100, "maxCpu": "1m"}' where name = 'team';
select is(tests.pods('team', 1), '23514 namespaces_quota_cpu', 'too much cpu already');
select is(tests.pods('team', 1, '0'), '1 rows', 'is no reason to refuse what asks for none');
update public.namespaces set resource_quota = '{}' where name = 'team';
select is(tests.usage('team'), null, 'no quota, no row');
select is(tests.pods('team', 200), '200 rows', 'no limit');
select tests.become('owner');
insert into public.namespaces (name, resource_quota) values ('fresh', '{"maxPods": 0}');
select is(tests.usage('fresh'), '0 0 0', 'a new namespace has its row at once');
select is(tests.pods('fresh', 1), '23514 namespaces_quota_pods', 'maxPods 0 is none at all');
delete from public.namespaces where name = 'fresh';
select is(tests.usage('fresh'), null, 'which goes with it');

-- Configuration and priority classes.
select tests.become('admin');
select is(tests.refusal(format('insert into public.cluster_config (key, value) values (%L, %L) on conflict (key) do update set value = excluded.value', k, v)), rule, k || ' ' || v)
  from (values ('unknown', '1', '22023'), ('heartbeat.timeoutMs', '"30s"', '22023'), ('heartbeat.timeoutMs', '1.5', '22023'), ('heartbeat.timeoutMs', '0', '22023'),
    ('heartbeat.timeoutMs', '99999999', '22023'), ('heartbeat.timeoutMs', '19999', '23514 cluster_config_heartbeat'), ('scheduler.preemption', '"yes"', '22023'),
    ('scheduler.strategy', '"best"', '22023'), ('scheduler.strategy', '1', '22023'), ('scheduler.strategy', '"mostAllocated"', '1 rows'),
    ('scheduler.preemption', 'false', '1 rows'), ('heartbeat.timeoutMs', '20000', '1 rows')) x (k, v, rule);
select * from finish();
rollback;
