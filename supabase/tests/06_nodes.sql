-- Nodes: whom they are for, taints, drain, the state machine, and what an agent's account may not touch.
begin;
create extension if not exists pgtap with schema extensions;
select plan(57);
\ir helpers/world.psql

create function tests.registered(who text) returns text language plpgsql as $$
declare
  access text;
begin
  perform tests.become(who);
  insert into public.nodes (name, runtime_type) values ('by-' || who, 'node') returning nodes.access into access;
  perform tests.become('owner');
  return access;
end
$$;
select is(tests.registered(who), 'private', 'registered by ' || who || ': private') from unnest(array['dev', 'other']) who;
select is(tests.registered(who), 'shared', 'registered by ' || who || ': shared') from unnest(array['agent', 'operator', 'admin']) who;

-- quantities
select is(tests.refusal(format('insert into public.nodes (name, runtime_type, cpu) values (''n'', ''node'', %L)', q)), '22023', 'cpu ' || q)
  from unnest(array['', 'x', '1.5m', '-1', '1 ', '1e3', '1Gi']) q;
select is(tests.refusal(format('insert into public.nodes (name, runtime_type, memory) values (''n'', ''node'', %L)', q)), '22023', 'memory ' || q)
  from unnest(array['', 'x', '1m', '-1', '1gi', '1 Gi', '9Pi1', '99999999Pi']) q;
insert into public.nodes (name, runtime_type, cpu, memory) values ('q', 'node', '2000m', '1024Mi');
select results_eq($$select cpu, cpu_millis, memory, memory_bytes from public.nodes where name = 'q'$$,
  $$values ('2', 2000::bigint, '1Gi', 1073741824::bigint)$$, 'quantities are normalised');
select results_eq(
  $$select stark.parse_cpu(c) from unnest(array['250m', '0.5', '2', '0.0001']) c$$, array[250, 500, 2000, 1]::bigint[], 'cpu to millicores, rounded up');
select results_eq(
  $$select stark.parse_memory(m) from unnest(array['128Mi', '1Gi', '1.5k', '7', '1Ki', '1Ti', '1Pi', '1M', '1G', '1T', '1P']) m$$,
  array[134217728, 1073741824, 1500, 7, 1024, 1099511627776, 1125899906842624, 1000000, 1000000000, 1000000000000, 1000000000000000]::bigint[], 'memory to bytes');
select results_eq(
  $$select stark.format_memory(m) from unnest(array[0, 7, 1024, 1048576, 1073741824, 1099511627776, 1125899906842624]::bigint[]) m$$,
  array['0', '7', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi'], 'and back');
select is(stark.format_cpu(250) || ' ' || stark.format_cpu(2000), '250m 2', 'and back');

-- identity
select is(tests.refusal(format('update public.nodes set %s where name = ''dev-node''', change)), '23514 nodes_immutable', change)
  from unnest(array['name = ''x''', 'runtime_type = ''browser''', 'owner_id = tests.id(''other'')', 'id = gen_random_uuid()']) change;
select is(tests.refusal($$insert into public.nodes (name, runtime_type) values ('Not A Label', 'node')$$), '23514 nodes_name_check', 'a name is a DNS label');

-- taints
select tests.become('operator');
select is(tests.refusal(format('update public.nodes set taints = %L where name = ''agent-node''', t)), '22023', 'taints ' || t)
  from unnest(array['{}', '[{"effect": "NoSchedule"}]', '[{"key": "a"}]', '[{"key": "a", "effect": "Never"}]', '[{"key": "a b", "effect": "NoSchedule"}]',
                    '[{"key": "a", "effect": "NoSchedule", "value": 1}]',
                    '[{"key": "a", "effect": "NoSchedule", "value": "1"}, {"key": "a", "effect": "NoSchedule", "value": "2"}]']) t;
update public.nodes set taints = '[{"key": "a", "effect": "NoSchedule"}, {"key": "gone", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}]' where name = 'agent-node';
update public.nodes set taints = '[{"key": "gone", "effect": "NoExecute"}, {"key": "new", "effect": "NoExecute"}, {"key": "a", "effect": "NoSchedule"}]' where name = 'agent-node';
select is((select taints -> 0 ->> 'timeAdded' from public.nodes where name = 'agent-node'), '2026-01-01T00:00:00Z', 'a NoExecute taint remembers since when');
select ok((select (taints -> 1 ->> 'timeAdded')::timestamptz = date_trunc('milliseconds', now()) from public.nodes where name = 'agent-node'), 'a new one starts now');
select is((select taints -> 2 ? 'timeAdded' from public.nodes where name = 'agent-node'), false, 'others have no time');

-- an agent's account
select tests.become('agent');
select is(tests.refusal(format('update public.nodes set %s where name = ''agent-node''', change)), '42501 nodes_restriction', 'an agent: ' || change)
  from unnest(array['unschedulable = true', 'taints = ''[]''', 'drain_deadline = now()']) change;
select is(tests.refusal($$update public.nodes set access = 'private' where name = 'agent-node'$$), '42501 nodes_access', 'an agent: access');
select is(tests.attempt($$update public.nodes set labels = '{"a": "b"}', capabilities = '{"cores": 4}', cpu = '4' where name = 'agent-node'$$), '1', 'an agent: what it offers');

-- drain
select tests.become('operator');
update public.nodes set drain_deadline = now() + interval '5 minutes' where name = 'agent-node';
select results_eq($$select unschedulable, drain_requested_at = now(), drain_requested_by from public.nodes where name = 'agent-node'$$,
  $$values (true, true, tests.id('operator'))$$, 'a drain cordons and says since when and by whom');
select is(tests.refusal($$update public.nodes set unschedulable = false where name = 'agent-node'$$), '23514 nodes_draining', 'a node being drained stays cordoned');
update public.nodes set drain_deadline = null where name = 'agent-node';
select results_eq($$select unschedulable, drain_requested_at, drain_requested_by from public.nodes where name = 'agent-node'$$,
  $$values (true, null::timestamptz, null::uuid)$$, 'the end of a drain leaves the node cordoned');
select is(tests.attempt($$update public.nodes set unschedulable = false where name = 'agent-node'$$), '1', 'until it is uncordoned');

-- health
select tests.become('service');
select results_eq(
  $$select f, t, stark.node_transition_allowed(f, t) from unnest(array['unknown', 'healthy', 'unhealthy']) with ordinality a (f, i),
    unnest(array['unknown', 'healthy', 'unhealthy']) with ordinality b (t, j) where f <> t order by i, j$$,
  $$values ('unknown', 'healthy', true), ('unknown', 'unhealthy', true), ('healthy', 'unknown', true), ('healthy', 'unhealthy', true),
           ('unhealthy', 'unknown', false), ('unhealthy', 'healthy', true)$$, 'the state machine');
update public.nodes set status = 'unhealthy', status_reason = 'lease_expired' where name = 'empty-node';
update public.nodes set status = 'unknown', status_reason = 'connection_lost' where name = 'empty-node';
select results_eq($$select status, status_reason from public.nodes where name = 'empty-node'$$, $$values ('unhealthy', 'lease_expired')$$,
  'a node that lost its pods does not become one that keeps them');
update public.nodes set status = 'healthy', status_reason = 'connected' where name = 'empty-node';
select is((select status from public.nodes where name = 'empty-node'), 'healthy', 'it comes back by being heard');

-- leaving
select is(tests.refusal($$delete from public.nodes where name = 'agent-node'$$), '23503 nodes_in_use', 'a node with pods stays');
select is(tests.refusal($$delete from public.nodes where name = 'empty-node'$$), '1 rows', 'an empty one goes');
select is((select array_agg(reason order by id) from public.events where object_name = 'agent-node'),
  array['registered', 'status', 'taints_changed', 'taints_changed', 'cordoned', 'drain_requested', 'drain_ended'], 'all of it are events');
select tests.become('operator');
update public.nodes set access = 'shared' where name = 'dev-node';
select is((select data from public.events where object_name = 'dev-node' and reason = 'access_changed'), '{"from": "private", "to": "shared"}'::jsonb,
  'sharing is an event');
delete from public.nodes where name = 'empty-node';
select is((select actor_id from public.events where object_name = 'empty-node' and reason = 'deleted'), tests.id('operator'), 'with who did it');
select * from finish();
rollback;
