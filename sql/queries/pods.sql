-- Pods. Everything here runs as the caller, under row-level security: pack_name is empty when the caller may not see the pack.

-- name: InsertPod :one
-- The fallbacks repeat the column defaults: a statement cannot say "default" for some rows only. Requests left out are the trigger's: the namespace has
-- defaults.
insert into public.pods (name, namespace, pack_id, env, args, metadata, cpu, memory, priority_class, node_selector, tolerations, affinity,
                         topology_spread, scheduling_group, scheduling_group_size, grace_period_ms, labels, annotations)
values (sqlc.narg('name'), coalesce(nullif(@namespace::text, ''), 'default'), @pack_id, @env, @args, @metadata,
        nullif(@cpu::text, ''), nullif(@memory::text, ''), nullif(@priority_class::text, ''),
        @node_selector, @tolerations, @affinity, @topology_spread, nullif(@scheduling_group::text, ''), nullif(@scheduling_group_size::integer, 0),
        coalesce(sqlc.narg('grace_period_ms')::integer, 10000), @labels, @annotations)
returning id;

-- name: GetPod :one
select p.id, p.name, p.namespace, p.pack_id, coalesce(pk.name, '')::text as pack_name, coalesce(pk.version, '')::text as pack_version,
       p.node_id, coalesce(n.name, '')::text as node_name, p.status, p.desired_state, p.reason, p.message, p.incarnation, p.restarts,
       p.cpu, p.memory, p.priority_class, p.priority, p.env, p.args, p.metadata, p.node_selector, p.tolerations, p.affinity, p.topology_spread,
       coalesce(p.scheduling_group, '')::text as scheduling_group, coalesce(p.scheduling_group_size, 0)::integer as scheduling_group_size,
       p.grace_period_ms, p.labels, p.annotations, p.unschedulable, p.result, p.created_by, p.created_at, p.scheduled_at, p.started_at,
       p.finished_at, p.revision, p.deployment_id, coalesce(p.deployment_generation, 0)::bigint as deployment_generation,
       coalesce(p.eviction, '')::text as eviction
from public.pods p
left join public.packs pk on pk.id = p.pack_id
left join public.nodes n on n.id = p.node_id
where p.id = @id;

-- name: ListPods :many
select p.id, p.name, p.namespace, p.pack_id, coalesce(pk.name, '')::text as pack_name, coalesce(pk.version, '')::text as pack_version,
       p.node_id, coalesce(n.name, '')::text as node_name, p.status, p.desired_state, p.reason, p.message, p.incarnation, p.restarts,
       p.cpu, p.memory, p.priority_class, p.priority, p.env, p.args, p.metadata, p.node_selector, p.tolerations, p.affinity, p.topology_spread,
       coalesce(p.scheduling_group, '')::text as scheduling_group, coalesce(p.scheduling_group_size, 0)::integer as scheduling_group_size,
       p.grace_period_ms, p.labels, p.annotations, p.unschedulable, p.result, p.created_by, p.created_at, p.scheduled_at, p.started_at,
       p.finished_at, p.revision, p.deployment_id, coalesce(p.deployment_generation, 0)::bigint as deployment_generation,
       coalesce(p.eviction, '')::text as eviction
from public.pods p
left join public.packs pk on pk.id = p.pack_id
left join public.nodes n on n.id = p.node_id
where (@namespace::text = '' or p.namespace = @namespace)
  and (@name::text = '' or p.name = @name)
  and (@status::text = '' or p.status = @status)
  and (sqlc.narg('node_id')::uuid is null or p.node_id = sqlc.narg('node_id'))
  and (sqlc.narg('pack_id')::uuid is null or p.pack_id = sqlc.narg('pack_id'))
  and (sqlc.narg('created_by')::uuid is null or p.created_by = sqlc.narg('created_by'))
  and (sqlc.narg('deployment_id')::uuid is null or p.deployment_id = sqlc.narg('deployment_id'))
  and (@not_status::text = '' or p.status <> @not_status)
  and (@node_name::text = '' or n.name = @node_name)
  and not exists ( -- a requirement that the labels do not meet; as in Kubernetes, notin and != let a pod without the label through
    select 1 from jsonb_array_elements(@selector::jsonb) r
    where not case r ->> 'op'
      when 'in' then coalesce((r -> 'values') ? (p.labels ->> (r ->> 'key')), false)
      when 'notin' then coalesce(not (r -> 'values') ? (p.labels ->> (r ->> 'key')), true)
      when 'exists' then p.labels ? (r ->> 'key')
      when 'absent' then not p.labels ? (r ->> 'key')
      else false end)
  and (p.created_at, p.id) < (@after_at::timestamptz, @after_id::uuid)
order by p.created_at desc, p.id desc
limit @page_size;

-- name: ListPodsLabelled :many
-- The page that carries all of these labels, found by their index: row-level security would have the whole table read for a rare label.
select p.id, p.name, p.namespace, p.pack_id, coalesce(pk.name, '')::text as pack_name, coalesce(pk.version, '')::text as pack_version,
       p.node_id, coalesce(n.name, '')::text as node_name, p.status, p.desired_state, p.reason, p.message, p.incarnation, p.restarts,
       p.cpu, p.memory, p.priority_class, p.priority, p.env, p.args, p.metadata, p.node_selector, p.tolerations, p.affinity, p.topology_spread,
       coalesce(p.scheduling_group, '')::text as scheduling_group, coalesce(p.scheduling_group_size, 0)::integer as scheduling_group_size,
       p.grace_period_ms, p.labels, p.annotations, p.unschedulable, p.result, p.created_by, p.created_at, p.scheduled_at, p.started_at,
       p.finished_at, p.revision, p.deployment_id, coalesce(p.deployment_generation, 0)::bigint as deployment_generation,
       coalesce(p.eviction, '')::text as eviction
from public.pods p
left join public.packs pk on pk.id = p.pack_id
left join public.nodes n on n.id = p.node_id
where p.id in (select stark.pods_page(@labels::jsonb, nullif(@namespace::text, ''), @after_at::timestamptz, @after_id::uuid, @page_size::integer))
order by p.created_at desc, p.id desc;

-- name: LockPod :one
-- FOR UPDATE asks the update policy too: no row means gone, invisible, or not the caller's to change.
select id, desired_state from public.pods where id = @id for update;

-- name: StopPod :exec
update public.pods set desired_state = 'stopped' where id = @id and desired_state = 'running';

-- name: DeletePod :execrows
delete from public.pods where id = @id;

-- name: PodHistory :many
-- The newest entries, oldest first.
select h.id, h.at, h.event, h.from_status, h.to_status, h.reason, h.message, h.node_id, h.incarnation, h.actor_id, h.actor_role, h.correlation_id
from (select * from public.pod_history l where l.pod_id = @pod_id order by l.id desc limit @page_size) h
order by h.id;

-- name: PodLogsAfter :many
select id, at, stream, line, incarnation
from public.pod_logs
where pod_id = @pod_id and id > @after_id::bigint
order by id
limit @page_size;

-- name: PodLogsTail :many
-- The newest lines, oldest first.
select t.id, t.at, t.stream, t.line, t.incarnation
from (select * from public.pod_logs l where l.pod_id = @pod_id and l.id > @after_id::bigint order by l.id desc limit @page_size) t
order by t.id;

-- name: PodLogAccess :one
-- Explains an empty log: it repeats the policy of pod_logs, which is what decides.
select ((select stark.i_am('admin', 'operator')) or coalesce(created_by = (select auth.uid()), false))::boolean as readable
from public.pods
where id = @id;

-- name: InsertPods :many
-- A whole batch in one statement; ids come in the order of the batch.
insert into public.pods (name, namespace, pack_id, env, args, metadata, cpu, memory, priority_class, node_selector, tolerations, affinity,
                         topology_spread, scheduling_group, scheduling_group_size, grace_period_ms, labels, annotations)
select nullif(i.pod ->> 'name', ''), coalesce(nullif(i.pod ->> 'namespace', ''), 'default'), (i.pod ->> 'packId')::uuid,
       i.pod -> 'env', i.pod -> 'args', i.pod -> 'metadata', nullif(i.pod ->> 'cpu', ''), nullif(i.pod ->> 'memory', ''),
       nullif(i.pod ->> 'priorityClass', ''), i.pod -> 'nodeSelector', i.pod -> 'tolerations', i.pod -> 'affinity', i.pod -> 'topologySpread',
       nullif(i.pod ->> 'schedulingGroup', ''), nullif((i.pod ->> 'schedulingGroupSize')::integer, 0),
       coalesce((i.pod ->> 'gracePeriodMs')::integer, 10000), i.pod -> 'labels', i.pod -> 'annotations'
from jsonb_array_elements(@pods::jsonb) with ordinality i (pod, place)
order by i.place
returning id;

-- name: PatchPod :execrows
-- Labels and annotations are merged: a null in them takes the key away (RFC 7396). The rest of a pod never changes.
update public.pods p
set labels = jsonb_strip_nulls(p.labels || @labels::jsonb), annotations = jsonb_strip_nulls(p.annotations || @annotations::jsonb)
where p.id = @id and p.revision = coalesce(sqlc.narg('revision')::bigint, p.revision);

-- name: CopyPod :one
-- Another pod as this one, of another version of its pack.
insert into public.pods (namespace, pack_id, env, args, metadata, cpu, memory, priority_class, node_selector, tolerations, affinity, topology_spread,
                         scheduling_group, scheduling_group_size, grace_period_ms, labels, annotations)
select p.namespace, @pack_id, p.env, p.args, p.metadata, p.cpu, p.memory, p.priority_class, p.node_selector, p.tolerations, p.affinity, p.topology_spread,
       p.scheduling_group, p.scheduling_group_size, p.grace_period_ms, p.labels, p.annotations
from public.pods p where p.id = @id
returning id;

-- name: PreviewPod :one
-- All of a new pod that deciding about its place needs.
select id, name, namespace, pack_id, cpu_millis, memory_bytes, priority, preemption_policy, node_selector, tolerations, affinity, topology_spread,
       coalesce(scheduling_group, '')::text as scheduling_group, coalesce(scheduling_group_size, 0)::integer as scheduling_group_size, grace_period_ms, labels,
       created_by, created_at
from public.pods where id = @id;

-- name: VisiblePods :many
select id from public.pods where id = any(@ids::uuid[]);
