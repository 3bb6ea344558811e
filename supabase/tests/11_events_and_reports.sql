-- Events, what is pruned and when, and who reports a pod's status.
begin;
create extension if not exists pgtap with schema extensions;
select plan(41);
\ir helpers/world.psql

-- Events.
do $$ begin perform set_config('stark.correlation_id', 'request-2', true); end $$;
select tests.become('admin');
insert into public.namespaces (name) values ('new');
insert into public.priority_classes (name, value) values ('new', 3);
insert into public.cluster_config (key, value) values ('scheduler.preemption', 'false');
update public.cluster_config set value = 'true' where key = 'scheduler.preemption';
update public.cluster_config set value = 'true' where key = 'scheduler.preemption';
delete from public.cluster_config where key = 'scheduler.preemption';
delete from public.priority_classes where name = 'new';
delete from public.namespaces where name = 'new';
select results_eq(
  $$select kind, object_name, reason, data, actor_id, actor_role, correlation_id from public.events where actor_id is not null order by id$$,
  $$select v.kind, v.name, v.reason, v.data::jsonb, tests.id('admin'), 'authenticated', 'request-2' from (values
    ('namespace', 'new', 'created', '{"from": null, "to": {}}'), ('priority_class', 'new', 'created', '{"from": null, "to": 3}'),
    ('config', 'scheduler.preemption', 'created', '{"from": null, "to": false}'), ('config', 'scheduler.preemption', 'changed', '{"from": false, "to": true}'),
    ('config', 'scheduler.preemption', 'deleted', '{"from": true, "to": null}'), ('priority_class', 'new', 'deleted', '{"from": 3, "to": null}'),
    ('namespace', 'new', 'deleted', '{"from": {}, "to": null}')) v (kind, name, reason, data)$$, 'what admins do, by whom, on which request');
select tests.become('owner');
select is(tests.refusal('update public.events set reason = ''x'''), '42501 events_append_only', 'nobody rewrites events');
select is(tests.refusal('truncate public.events'), '42501 events_append_only', 'or drops them all');
select tests.become('service');
select is(tests.attempt(format('insert into public.events (kind, reason, type, audience) values (%L, %L, %L, %L)', k, r, t, a)), '23514', concat_ws(' ', 'no event:', k, r, t, a))
  from (values ('thing', 'x', 'Normal', 'all'), ('pod', 'Not Machine Readable', 'Normal', 'all'), ('pod', 'x', 'Bad', 'all'), ('pod', 'x', 'Normal', 'friends')) v (k, r, t, a);
insert into public.events (kind, reason) values ('cluster', 'scheduled');
select is((select actor_role from public.events order by id desc limit 1), 'service_role', 'the service says that it is the service');

-- Private packs: nobody learns of them here either.
select tests.become('other');
select is((select count(*) from public.events where object_name = 'dev-private'), 0::bigint, 'another''s private pack');
select is((select count(*) from public.events where object_name = 'dev-public'), 1::bigint, 'another''s public pack');
select tests.become('operator');
select is((select count(*) from public.events where object_name = 'dev-private'), 0::bigint, 'an operator');
select tests.become('dev');
select is((select count(*) from public.events where object_name = 'dev-private'), 1::bigint, 'the owner');
update public.packs set visibility = 'private' where name = 'unused';
update public.packs set visibility = 'public' where name = 'unused';
update public.packs set description = 'x' where name = 'unused';
delete from public.packs where name = 'unused';
select is((select array_agg(reason || ' ' || audience order by id) from public.events where object_name = 'unused'),
  array['registered all', 'visibility_changed owner', 'visibility_changed all', 'deleted all'], 'hidden, published, deleted');

-- Who reports. dev-pod and other-pod are on the agent's node, in incarnation 1.
select tests.become('owner');
create function tests.report(status text, incarnation bigint default 1, pod text default '1') returns text language sql as $$
  select tests.refusal(format('select stark.report_pod_status(%L, %s, %L)', 'd0000000-0000-4000-8000-00000000000' || pod, incarnation, status))
$$;
grant execute on function tests.report to public;
select tests.become('anon');
select is(tests.report('running'), '42501', 'anon reports nothing');
select tests.become('nobody');
select is(tests.report('running'), '42501 pods_report_owner', 'nobody does not own the node');
select tests.become('viewer');
select is(tests.report('running'), '42501 pods_report_owner', 'viewer does not own the node');
select tests.become('other');
select is(tests.report('running'), '42501 pods_report_owner', 'other does not own the node');
select tests.become('dev');
select is(tests.report('running'), '42501 pods_report_owner', 'dev does not own the node');
select tests.become('operator');
select is(tests.report('running'), '42501 pods_report_owner', 'operator does not own the node');
select tests.become('admin');
select is(tests.report('running'), '42501 pods_report_owner', 'admin does not own the node');
select tests.become('service');
select is(tests.report('running'), '42501 pods_report_owner', 'service does not own the node');
select tests.become('agent');
select is(tests.report('running', 1, '3'), '42501 pods_report_owner', 'the agent: a pod that is nowhere');
select is(tests.report('running', 0), '23514 pods_report_stale', 'the agent: an incarnation that is over');
select is(tests.report('running', 2), '23514 pods_report_stale', 'the agent: an incarnation yet to come');
select is(tests.report('pending'), '22023', 'the agent: not for a node to say');
select is(tests.report('lost'), '22023', 'the agent: no status');
select is(tests.report('running'), '1 rows', 'the agent: its pod runs');
select is(stark.report_pod_status('d0000000-0000-4000-8000-000000000001', 1, 'running', '', 'hello'), 'running', 'running');
select is(stark.report_pod_status('d0000000-0000-4000-8000-000000000001', 1, 'stopped', 'completed', '', '{"answer": 42}'), 'stopped', 'stopped');
select is(tests.report('running'), '23514 pods_transition', 'and that is final');
select is(tests.attempt('select from public.pods'), '0', 'it still reads no pods');
select tests.become('dev');
select results_eq($$select status, reason, result from public.pods where name = 'dev-pod'$$, $$values ('stopped', 'completed', '{"answer": 42}'::jsonb)$$, 'the owner sees it');
select is((select actor_id from public.pod_history where to_status = 'stopped' and pod_id = 'd0000000-0000-4000-8000-000000000001'), tests.id('agent'), 'and who said so');
select tests.become('owner');
update public.users set role = 'viewer' where id = tests.id('agent');
select tests.become('agent');
select is(tests.report('running', 1, '2'), '42501 pods_report_owner', 'an account that is no agent any more reports nothing');

-- Pruning.
select is(tests.attempt('select stark.prune()'), '42501', 'users prune nothing');
select tests.become('service');
select is(stark.prune(), '{"pods": 0, "logs": 0, "events": 0, "history": 0}', 'nothing is old yet');
select tests.become('owner');
alter table public.pod_history disable trigger pod_history_append_only;
alter table public.events disable trigger events_append_only;
update public.pod_history set at = at - interval '91 days';
update public.events set at = at - interval '8 days';
update public.pod_logs set at = at - interval '8 days';
alter table public.pod_history enable trigger pod_history_append_only;
alter table public.events enable trigger events_append_only;
alter table public.pods disable trigger pods_guard_update;
update public.pods set finished_at = now() - interval '2 hours' where name = 'dev-pod';
alter table public.pods enable trigger pods_guard_update;
select tests.become('service');
create temporary table pruned on commit drop as select stark.prune() as result, (select count(*) from public.events) as events;
select is((select result - 'events' from pruned), '{"pods": 0, "logs": 1, "history": 0}', 'old logs; the history of pods that are there, and those pods, stay');
select cmp_ok((select (result ->> 'events')::bigint from pruned), '>', 10::bigint, 'old events');
insert into public.cluster_config (key, value) values ('pods.retentionHours', '1')
  on conflict (key) do update set value = excluded.value;
select is(stark.prune() ->> 'pods', '1', 'pods that ended, when asked for');
select tests.become('owner');
alter table public.pod_history disable trigger pod_history_append_only;
update public.pod_history set at = now() - interval '91 days';
alter table public.pod_history enable trigger pod_history_append_only;
select tests.become('service');
select is(stark.prune() ->> 'history', '1', 'the history of deleted pods: the last entry here, the rest went with the pod');
update public.cluster_config set value = '0' where key = 'pods.retentionHours';
insert into public.cluster_config (key, value) values ('logs.retentionHours', '0'), ('events.retentionHours', '0'), ('history.retentionDays', '0')
  on conflict (key) do update set value = excluded.value;
select is(stark.prune(), '{"pods": 0, "logs": 0, "events": 0, "history": 0}', '0 is for ever');
select * from finish();
rollback;
