-- Every table, every verb, every kind of caller.
begin;
create extension if not exists pgtap with schema extensions;
select plan(9 * 86 + 1);
\ir helpers/world.psql

-- users -----------------------------------------------------------------------------------------------------------------
select tests.matrix('users', 'select', $$select from public.users where email = 'dev@example.com'$$,
  '{"nobody": "0", "agent": "0", "viewer": "0", "other": "0", "dev": "1", "operator": "1", "admin": "1", "service": "1"}');
select tests.matrix('users', 'insert', $$insert into public.users (id) values (gen_random_uuid())$$, '{"service": "23503"}'); -- only through Auth
select tests.matrix('users', 'update', $$update public.users set display_name = 'x' where email = 'dev@example.com'$$,
  '{"nobody": "0", "agent": "0", "viewer": "0", "other": "0", "dev": "1", "operator": "0", "admin": "1", "service": "1"}');
select tests.matrix('users', 'update', $$update public.users set role = 'admin' where email = 'dev@example.com'$$,
  '{"nobody": "0", "agent": "0", "viewer": "0", "other": "0", "operator": "0", "admin": "1", "service": "1"}');
select tests.matrix('users', 'update', $$update public.users set email = 'x@example.com' where email = 'dev@example.com'$$, '{"service": "1"}');
select tests.matrix('users', 'delete', $$delete from public.users where email = 'viewer@example.com'$$, '{"service": "1"}');

-- namespaces, their usage ---------------------------------------------------------------------------------------------
select tests.matrix('namespaces', 'select', $$select from public.namespaces where name = 'team'$$, '{"nobody": "0", "agent": "0", "else": "1", "anon": "42501"}');
select tests.matrix('namespaces', 'insert', $$insert into public.namespaces (name) values ('new')$$, '{"operator": "1", "admin": "1", "service": "1"}');
select tests.matrix('namespaces', 'update', $$update public.namespaces set labels = '{"a": "b"}' where name = 'team'$$,
  '{"anon": "42501", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('namespaces', 'update', $$update public.namespaces set resource_quota = '{}' where name = 'team'$$,
  '{"anon": "42501", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('namespaces', 'delete', $$delete from public.namespaces where name = 'stark-system'$$,
  '{"anon": "42501", "operator": "23514", "admin": "23514", "service": "1", "else": "0"}');
select tests.matrix('namespaces', 'delete', $$delete from public.namespaces where name = 'team'$$, -- has pods
  '{"anon": "42501", "operator": "23503", "admin": "23503", "service": "23503", "else": "0"}');
select tests.matrix('namespace_usage', 'select', $$select from public.namespace_usage where namespace = 'team'$$,
  '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('namespace_usage', 'insert', $$insert into public.namespace_usage (namespace) values ('default')$$, '{}');
select tests.matrix('namespace_usage', 'update', $$update public.namespace_usage set pods = 0$$, '{}');
select tests.matrix('namespace_usage', 'delete', $$delete from public.namespace_usage$$, '{}');

-- priority classes, cluster configuration ------------------------------------------------------------------------------
select tests.matrix('priority_classes', 'select', $$select from public.priority_classes where name = 'batch'$$,
  '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('priority_classes', 'insert', $$insert into public.priority_classes (name, value) values ('new', 5)$$, '{"admin": "1", "service": "1"}');
select tests.matrix('priority_classes', 'update', $$update public.priority_classes set description = 'x' where name = 'batch'$$,
  '{"anon": "42501", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('priority_classes', 'delete', $$delete from public.priority_classes where name = 'batch'$$,
  '{"anon": "42501", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('cluster_config', 'select', $$select from public.cluster_config where key = 'logs.maxLinesPerPod'$$,
  '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('cluster_config', 'insert', $$insert into public.cluster_config (key, value) values ('scheduler.preemption', 'true')$$,
  '{"admin": "1", "service": "1"}');
select tests.matrix('cluster_config', 'update', $$update public.cluster_config set value = '100' where key = 'logs.maxLinesPerPod'$$,
  '{"anon": "42501", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('cluster_config', 'delete', $$delete from public.cluster_config where key = 'logs.maxLinesPerPod'$$,
  '{"anon": "42501", "admin": "1", "service": "1", "else": "0"}');

-- packs: private ones of others do not exist ---------------------------------------------------------------------------
select tests.matrix('packs', 'select', $$select from public.packs where name = 'dev-private'$$,
  '{"anon": "42501", "dev": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('packs', 'select', $$select from public.packs where name = 'dev-public'$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('packs', 'insert', $$insert into public.packs (name, version, runtime_tag, bundle_path, bundle_sha256, bundle_size)
  values ('fresh', '1.0.0', 'node', auth.uid() || '/fresh/1.0.0/b.mjs', repeat('b', 64), 1)$$,
  '{"other": "1", "dev": "1", "admin": "1", "service": "23502"}'); -- the service names no user's folder
select tests.matrix('packs', 'insert', $$insert into public.packs (name, version, runtime_tag, bundle_path, bundle_sha256, bundle_size)
  values ('fresh', '1.0.0', 'node', tests.id('dev') || '/fresh/1.0.0/b.mjs', repeat('b', 64), 1)$$, -- from the developer's folder
  '{"dev": "1", "service": "1"}');
select tests.matrix('packs', 'update', $$update public.packs set visibility = 'public' where name = 'dev-private'$$,
  '{"anon": "42501", "dev": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('packs', 'update', $$update public.packs set description = 'x' where name = 'dev-public'$$,
  '{"anon": "42501", "dev": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('packs', 'update', $$update public.packs set bundle_sha256 = repeat('c', 64) where name = 'dev-public'$$, '{"service": "23514"}');
select tests.matrix('packs', 'delete', $$delete from public.packs where name = 'unused'$$,
  '{"anon": "42501", "dev": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('packs', 'delete', $$delete from public.packs where name = 'dev-private'$$, -- in use
  '{"anon": "42501", "dev": "23503", "admin": "23503", "service": "23503", "else": "0"}');

-- nodes, leases ---------------------------------------------------------------------------------------------------------
select tests.matrix('nodes', 'select', $$select from public.nodes where name = 'dev-node'$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('nodes', 'select', $$select from public.nodes where name = 'agent-node'$$, '{"anon": "42501", "nobody": "0", "else": "1"}');
select tests.matrix('nodes', 'insert', $$insert into public.nodes (name, runtime_type) values ('fresh', 'node')$$,
  '{"agent": "1", "other": "1", "dev": "1", "operator": "1", "admin": "1", "service": "1"}');
select tests.matrix('nodes', 'update', $$update public.nodes set labels = '{"a": "b"}' where name = 'dev-node'$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('nodes', 'update', $$update public.nodes set labels = '{"a": "b"}' where name = 'agent-node'$$,
  '{"anon": "42501", "agent": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('nodes', 'update', $$update public.nodes set unschedulable = true where name = 'agent-node'$$,
  '{"anon": "42501", "agent": "42501", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('nodes', 'update', $$update public.nodes set access = 'shared' where name = 'dev-node'$$,
  '{"anon": "42501", "dev": "42501", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('nodes', 'update', $$update public.nodes set status = 'unhealthy' where name = 'dev-node'$$, '{"service": "1"}');
select tests.matrix('nodes', 'delete', $$delete from public.nodes where name = 'dev-node'$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('nodes', 'delete', $$delete from public.nodes where name = 'agent-node'$$, -- has pods
  '{"anon": "42501", "agent": "23503", "operator": "23503", "admin": "23503", "service": "23503", "else": "0"}');
select tests.matrix('node_leases', 'select', $$select from public.node_leases$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('node_leases', 'insert', $$insert into public.node_leases (node_id, session_id, boot_id, server_id)
  values ('c0000000-0000-4000-8000-000000000002', gen_random_uuid(), gen_random_uuid(), 's')$$, '{"service": "1"}');
select tests.matrix('node_leases', 'update', $$update public.node_leases set renewed_at = now()$$, '{"service": "1"}');
select tests.matrix('node_leases', 'delete', $$delete from public.node_leases$$, '{"service": "1"}');
select tests.matrix('leader_lease', 'select', $$select from public.leader_lease$$,
  '{"anon": "42501", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('leader_lease', 'insert', $$insert into public.leader_lease (name, holder, epoch, expires_at) values ('x', 'me', 1, now())$$, '{"service": "1"}');
select tests.matrix('leader_lease', 'update', $$update public.leader_lease set holder = 'me'$$, '{"service": "1"}');
select tests.matrix('leader_lease', 'delete', $$delete from public.leader_lease$$, '{"service": "1"}');

-- pods, their history and logs -----------------------------------------------------------------------------------------
select tests.matrix('pods', 'select', $$select from public.pods where name = 'dev-pod'$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('pods', 'insert', $$insert into public.pods (pack_id) values ('b0000000-0000-4000-8000-000000000002')$$,
  '{"other": "1", "dev": "1", "operator": "1", "admin": "1", "service": "1"}');
select tests.matrix('pods', 'insert', $$insert into public.pods (pack_id) values ('b0000000-0000-4000-8000-000000000001')$$, -- a private pack
  '{"dev": "1", "admin": "1", "service": "1"}');
select tests.matrix('pods', 'insert', $$insert into public.pods (pack_id, created_by) values ('b0000000-0000-4000-8000-000000000002', tests.id('dev'))$$,
  '{"service": "1"}'); -- nobody acts in another's name
select tests.matrix('pods', 'insert', $$insert into public.pods (pack_id, node_id, status)
  values ('b0000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000001', 'scheduled')$$, '{"service": "23514"}');
select tests.matrix('pods', 'update', $$update public.pods set desired_state = 'stopped' where name = 'dev-pod'$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('pods', 'update', $$update public.pods set labels = '{"a": "b"}' where name = 'dev-pod'$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('pods', 'update', $$update public.pods set status = 'running' where name = 'dev-pod'$$, '{"service": "1"}');
select tests.matrix('pods', 'update', $$update public.pods set node_id = 'c0000000-0000-4000-8000-000000000002' where name = 'dev-pod'$$, '{"service": "23514"}');
select tests.matrix('pods', 'delete', $$delete from public.pods where name = 'dev-pod'$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('pod_history', 'select', $$select from public.pod_history where pod_id = 'd0000000-0000-4000-8000-000000000003'$$,
  '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('pod_history', 'insert', $$insert into public.pod_history (pod_id, event) values (gen_random_uuid(), 'created')$$, '{}');
select tests.matrix('pod_history', 'update', $$update public.pod_history set reason = 'x'$$, '{}');
select tests.matrix('pod_history', 'delete', $$delete from public.pod_history$$, '{}');
select tests.matrix('pod_logs', 'select', $$select from public.pod_logs$$, -- the dev's pod: no part of "read all"
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('pod_logs', 'insert', $$insert into public.pod_logs (pod_id, incarnation, at, stream, line)
  values ('d0000000-0000-4000-8000-000000000001', 1, now(), 'stdout', 'x')$$, '{"service": "1"}');
select tests.matrix('pod_logs', 'update', $$update public.pod_logs set line = 'x'$$, '{"service": "1"}');
select tests.matrix('pod_logs', 'delete', $$delete from public.pod_logs$$, '{"service": "1"}');

-- deployments -------------------------------------------------------------------------------------------------------------
select tests.matrix('deployments', 'select', $$select from public.deployments$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('deployments', 'insert', $$insert into public.deployments (name, pack_id) values ('fresh', 'b0000000-0000-4000-8000-000000000002')$$,
  '{"other": "1", "dev": "1", "operator": "1", "admin": "1", "service": "1"}');
select tests.matrix('deployments', 'insert', $$insert into public.deployments (name, pack_id) values ('fresh', 'b0000000-0000-4000-8000-000000000001')$$,
  '{"dev": "1", "admin": "1", "service": "1"}'); -- a private pack
select tests.matrix('deployments', 'update', $$update public.deployments set replicas = 3$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('deployments', 'update', $$update public.deployments set pack_id = 'b0000000-0000-4000-8000-000000000003'$$, -- another's private pack
  '{"anon": "42501", "dev": "42501", "operator": "42501", "admin": "42501", "service": "1", "else": "0"}');
select tests.matrix('deployments', 'update', $$update public.deployments set generation = 7, status = '{}'$$, '{"service": "1"}');
select tests.matrix('deployments', 'delete', $$delete from public.deployments$$,
  '{"anon": "42501", "dev": "1", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('deployment_revisions', 'select', $$select from public.deployment_revisions$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('deployment_revisions', 'insert', $$insert into public.deployment_revisions (deployment_id, generation, pack_id, spec)
  values ('e0000000-0000-4000-8000-000000000001', 9, 'b0000000-0000-4000-8000-000000000002', '{}')$$, '{}');
select tests.matrix('deployment_revisions', 'update', $$update public.deployment_revisions set spec = '{}'$$, '{}');
select tests.matrix('deployment_revisions', 'delete', $$delete from public.deployment_revisions$$, '{}');

-- events ------------------------------------------------------------------------------------------------------------------
select tests.matrix('events', 'select', $$select from public.events where object_name = 'for-all'$$, '{"anon": "42501", "nobody": "0", "agent": "0", "else": "1"}');
select tests.matrix('events', 'select', $$select from public.events where object_name = 'for-operators'$$,
  '{"anon": "42501", "operator": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('events', 'select', $$select from public.events where object_name = 'for-owner'$$,
  '{"anon": "42501", "dev": "1", "admin": "1", "service": "1", "else": "0"}');
select tests.matrix('events', 'insert', $$insert into public.events (kind, reason) values ('cluster', 'tested')$$, '{"service": "1"}');
select tests.matrix('events', 'update', $$update public.events set reason = 'x'$$, '{}');
select tests.matrix('events', 'delete', $$delete from public.events$$, '{}');

select is_empty(
  $$select c.relname, v.verb from pg_class c cross join unnest(array['select', 'insert', 'update', 'delete']) v (verb)
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
    except select relation, verb from tests.covered$$,
  'no table or verb is left out above');
select * from finish();
rollback;
