-- Evictions: an intention of the control loop alone; who was asked to leave waits again once it has stopped. And how drains end.
begin;
create extension if not exists pgtap with schema extensions;
select plan(21);
\ir helpers/world.psql

-- Nobody else may ask.
select tests.become('anon');
select is(tests.refusal('update public.pods set eviction = ''preempted'''), '42501', 'anon evicts nobody');
select tests.become('viewer');
select is(tests.refusal('update public.pods set eviction = ''preempted'''), '42501', 'viewer evicts nobody');
select tests.become('dev');
select is(tests.refusal('update public.pods set eviction = ''preempted'''), '42501', 'dev evicts nobody');
select tests.become('operator');
select is(tests.refusal('update public.pods set eviction = ''preempted'''), '42501', 'operator evicts nobody');
select tests.become('admin');
select is(tests.refusal('update public.pods set eviction = ''preempted'''), '42501', 'admin evicts nobody');

select tests.become('service');
select is(tests.refusal($$update public.pods set eviction = 'because' where name = 'dev-pod'$$), '23514 pods_eviction_check', 'a reason that there is not');
select is(tests.refusal($$update public.pods set eviction = 'drained', eviction_grace_ms = -1 where name = 'dev-pod'$$), '23514 pods_eviction_grace_check', 'no time before now');
select is(tests.refusal($$update public.pods set eviction_grace_ms = 5 where name = 'dev-pod'$$), '23514 pods_eviction_grace_check', 'time for nothing');
insert into public.pods (name, pack_id) values ('nowhere', 'b0000000-0000-4000-8000-000000000002');
update public.pods set eviction = 'drained' where name = 'nowhere';
select is((select eviction from public.pods where name = 'nowhere'), null, 'who is nowhere leaves nothing');

-- The life of one that makes room.
update public.pods set status = 'running', message = '' where name = 'dev-pod';
update public.pods set eviction = 'preempted', eviction_grace_ms = 500, message = 'makes room for pod x' where name = 'dev-pod';
select results_eq($$select event, to_status, reason, message from public.pod_history order by id desc limit 1$$,
  $$values ('eviction_requested', null::text, 'preempted', 'makes room for pod x')$$, 'it is on record');
update public.pods set status = 'stopping', reason = 'preempted', message = '' where name = 'dev-pod';
update public.pods set status = 'stopped', reason = 'preempted', message = '' where name = 'dev-pod';
select results_eq($$select status, reason, message, node_id, restarts, eviction, eviction_grace_ms, finished_at from public.pods where name = 'dev-pod'$$,
  $$values ('pending', 'preempted', 'makes room for pod x', null::uuid, 1, null::text, null::integer, null::timestamptz)$$, 'it waits for another place');
update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000004' where name = 'dev-pod';
update public.pods set eviction = 'drained' where name = 'dev-pod';
update public.pods set status = 'failed', reason = 'crashed', message = 'boom' where name = 'dev-pod';
select is((select (status, reason, message)::text from public.pods where name = 'dev-pod'), '(pending,drained,boom)', 'one that falls over on its way out, too');
update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000004' where name = 'dev-pod';
update public.pods set status = 'running', eviction = 'drained' where name = 'dev-pod';
update public.pods set status = 'pending', reason = 'node_lost' where name = 'dev-pod';
select is((select (status, reason, eviction)::text from public.pods where name = 'dev-pod'), '(pending,node_lost,)', 'or whose node is lost meanwhile');

-- Who ends by its own doing, or is not wanted any more, does not come back.
update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000004' where name = 'dev-pod';
update public.pods set eviction = 'drained' where name = 'dev-pod';
savepoint asked;
update public.pods set status = 'stopped', reason = 'completed' where name = 'dev-pod';
select is((select (status, reason, eviction)::text from public.pods where name = 'dev-pod'), '(stopped,completed,)', 'what has completed has completed');
rollback to asked;
update public.pods set desired_state = 'stopped' where name = 'dev-pod';
update public.pods set status = 'stopped', reason = 'drained' where name = 'dev-pod';
select is((select (status, reason, eviction)::text from public.pods where name = 'dev-pod'), '(stopped,stopped_by_user,)', 'what its user stopped meanwhile stays stopped');

-- Drains.
select is(tests.refusal($$update public.nodes set drained_at = now() where name = 'agent-node'$$), '23514 nodes_drained', 'what is not drained has no end of it');
select tests.become('operator');
select is(tests.refusal($$update public.nodes set drained_at = now() where name = 'agent-node'$$), '42501', 'nor does an operator say that it ended');
update public.nodes set drain_deadline = now() + interval '1 hour' where name = 'agent-node';
select tests.become('service');
update public.nodes set drained_at = now() where name = 'agent-node';
select results_eq($$select object_name, reason from public.events order by id desc limit 1$$, $$values ('agent-node', 'drained')$$, 'its end is an event');
update public.nodes set drained_at = now() where name = 'agent-node';
select is((select count(*) from public.events where reason = 'drained'), 1::bigint, 'one');
select tests.become('operator');
update public.nodes set drain_deadline = now() + interval '2 hours' where name = 'agent-node';
select is((select drained_at from public.nodes where name = 'agent-node'), null, 'another drain begins anew');
update public.nodes set drain_deadline = null where name = 'agent-node';
select is((select drained_at from public.nodes where name = 'agent-node'), null, 'and one that is taken back leaves nothing');
select * from finish();
rollback;
