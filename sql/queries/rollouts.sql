-- What the leader does about deployments: one transaction a step, which does all of it or nothing.

-- name: LockLease :one
-- Holds a take-over off until the step is committed; a stale leader finds nothing.
select true as ours from public.leader_lease l
where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
for key share;

-- name: LockDeployment :one
-- The step was decided for this generation. Somebody who holds the row is not waited for.
select (exists (select 1 from public.users u where u.id = d.created_by and u.role in ('admin', 'operator', 'developer'))
    or (d.created_by is null and exists (select 1 from public.packs p where p.id = d.pack_id and p.visibility = 'public')))::boolean as may_run
from public.deployments d
where d.id = @id and d.generation = @generation
for no key update of d skip locked;

-- name: StopDeploymentPods :exec
update public.pods p set desired_state = 'stopped'
where p.id = any (@pods::uuid[]) and p.deployment_id = @deployment_id and p.desired_state = 'running' and p.status || '' not in ('stopped', 'failed');

-- name: DeleteDeploymentPods :exec
delete from public.pods p where p.id = any (@pods::uuid[]) and p.deployment_id = @deployment_id and p.status || '' in ('stopped', 'failed');

-- name: CreateDeploymentPods :execrows
-- From what each generation was. A pod for one node names it in its affinity, in the place of the template's required terms, which the node satisfies.
with wanted as materialized (
  select gen_random_uuid() as id, w.node, w.generation
  from (select unnest(@nodes::text[]) as node, unnest(@generations::bigint[]) as generation) w
)
insert into public.pods (id, name, namespace, pack_id, env, args, metadata, cpu, memory, priority_class, node_selector, tolerations, affinity, topology_spread,
                         scheduling_group, scheduling_group_size, grace_period_ms, labels, annotations, created_by, deployment_id, deployment_generation)
select w.id, d.name || '-' || left(replace(w.id::text, '-', ''), 12), d.namespace, r.pack_id,
       coalesce(r.spec -> 'env', '{}'), coalesce(r.spec -> 'args', '[]'), coalesce(r.spec -> 'metadata', '{}'), r.spec ->> 'cpu', r.spec ->> 'memory',
       r.spec ->> 'priorityClass', coalesce(r.spec -> 'nodeSelector', '{}'), coalesce(r.spec -> 'tolerations', '[]'),
       case when w.node = '' then coalesce(r.spec -> 'affinity', '{}')
         else coalesce(r.spec -> 'affinity', '{}') || jsonb_build_object('nodeAffinity', coalesce(r.spec -> 'affinity' -> 'nodeAffinity', '{}')
           || jsonb_build_object('requiredDuringSchedulingIgnoredDuringExecution', jsonb_build_object('nodeSelectorTerms', jsonb_build_array(
                jsonb_build_object('matchFields', jsonb_build_array(jsonb_build_object('key', 'metadata.name', 'operator', 'In', 'values', jsonb_build_array(w.node)))))))) end,
       coalesce(r.spec -> 'topologySpread', '[]'), r.spec ->> 'schedulingGroup', (r.spec ->> 'schedulingGroupSize')::integer,
       coalesce((r.spec ->> 'gracePeriodMs')::integer, 10000), coalesce(r.spec -> 'labels', '{}'), coalesce(r.spec -> 'annotations', '{}'),
       d.created_by, d.id, r.generation
from wanted w
join public.deployments d on d.id = @deployment_id
join public.deployment_revisions r on r.deployment_id = d.id and r.generation = w.generation;

-- name: SayOfDeployment :exec
update public.deployments set status = @status, observed_generation = @generation where id = @id;

-- name: MoveDeployment :execrows
update public.deployments set pack_id = @pack_id where id = @id and follow_latest;

-- name: RollBackDeployment :execrows
update public.deployments d set pack_id = r.pack_id, spec = r.spec
from public.deployment_revisions r
where d.id = @id and r.deployment_id = d.id and r.generation = @generation;

-- name: TellOfDeployment :exec
insert into public.events (kind, object_id, object_name, namespace, type, reason, message, data)
select 'deployment', d.id, d.name, d.namespace, case when e.warning then 'Warning' else 'Normal' end, e.reason, e.message,
       jsonb_build_object('generation', d.generation)
from public.deployments d, (select unnest(@reasons::text[]) as reason, unnest(@warnings::boolean[]) as warning, unnest(@messages::text[]) as message) e
where d.id = @id;

-- name: WALPosition :one
-- Everything that has been committed on this connection is before it.
select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint;
