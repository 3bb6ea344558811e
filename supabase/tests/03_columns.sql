-- Which columns a user may write at all. What is not listed is the system's, whatever a policy says.
begin;
create extension if not exists pgtap with schema extensions;
select plan(32);

create function pg_temp.writable(relation text, verb text) returns text language sql as $$
  select coalesce(string_agg(column_name, ' ' order by column_name collate "C"), '')
  from information_schema.column_privileges
  where table_schema = 'public' and table_name = relation and grantee = 'authenticated' and privilege_type = verb
$$;
create function pg_temp.only(relation text, verb text, expected text) returns text language sql as $$
  select extensions.is(pg_temp.writable(relation, verb), expected, verb || ' on ' || relation)
$$;

select pg_temp.only('users', 'INSERT', '');
select pg_temp.only('users', 'UPDATE', 'display_name role');
select pg_temp.only('namespaces', 'INSERT', 'defaults labels name resource_quota');
select pg_temp.only('namespaces', 'UPDATE', 'defaults labels resource_quota');
select pg_temp.only('namespace_usage', 'INSERT', '');
select pg_temp.only('namespace_usage', 'UPDATE', '');
select pg_temp.only('priority_classes', 'INSERT', 'description global_default name preemption_policy value');
select pg_temp.only('priority_classes', 'UPDATE', 'description global_default preemption_policy value');
select pg_temp.only('cluster_config', 'INSERT', 'description key value');
select pg_temp.only('cluster_config', 'UPDATE', 'description value');
select pg_temp.only('packs', 'INSERT', 'bundle_path bundle_sha256 bundle_size description entry metadata min_runtime_version name runtime_tag version visibility');
select pg_temp.only('packs', 'UPDATE', 'description metadata visibility');
select pg_temp.only('nodes', 'INSERT', 'agent_version annotations capabilities cpu labels max_pods memory name runtime_type runtime_version taints');
select pg_temp.only('nodes', 'UPDATE', 'access agent_version annotations capabilities cpu drain_deadline labels max_pods memory runtime_version taints unschedulable');
select pg_temp.only('node_leases', 'INSERT', '');
select pg_temp.only('node_leases', 'UPDATE', '');
select pg_temp.only('leader_lease', 'INSERT', '');
select pg_temp.only('leader_lease', 'UPDATE', '');
select pg_temp.only('pods', 'INSERT', 'affinity annotations args cpu env grace_period_ms labels memory metadata name namespace node_selector pack_id '
  'priority_class scheduling_group scheduling_group_size tolerations topology_spread');
select pg_temp.only('pods', 'UPDATE', 'annotations desired_state labels');
select pg_temp.only('pod_history', 'INSERT', '');
select pg_temp.only('pod_history', 'UPDATE', '');
select pg_temp.only('pod_logs', 'INSERT', '');
select pg_temp.only('pod_logs', 'UPDATE', '');
select pg_temp.only('deployments', 'INSERT', 'annotations follow_latest history_limit labels mode name namespace pack_id paused replicas spec strategy');
select pg_temp.only('deployments', 'UPDATE', 'annotations follow_latest history_limit labels pack_id paused replicas spec strategy');
select pg_temp.only('deployment_revisions', 'INSERT', '');
select pg_temp.only('deployment_revisions', 'UPDATE', '');
select pg_temp.only('events', 'INSERT', '');
select pg_temp.only('events', 'UPDATE', '');

select is_empty(
  $$select relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and relname not in ('users', 'namespaces', 'namespace_usage', 'priority_classes', 'cluster_config', 'packs', 'nodes', 'node_leases',
                          'leader_lease', 'pods', 'pod_history', 'pod_logs', 'deployments', 'deployment_revisions', 'events')$$,
  'no table is left out above');
select is_empty(
  $$select table_name, column_name from information_schema.column_privileges
    where table_schema in ('public', 'stark') and grantee in ('anon', 'PUBLIC')
      and table_name not like 'pg\_%' and table_name not like 'tap\_%'$$,
  'anon reads and writes no column');
select * from finish();
rollback;
