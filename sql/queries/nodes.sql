-- Nodes. Everything here runs as the caller, under row-level security.

-- name: InsertNode :one
-- The fallbacks repeat the column defaults: a statement cannot say "default" for some rows only.
insert into public.nodes (name, runtime_type, labels, annotations, taints, cpu, memory, max_pods)
values (@name, @runtime_type, @labels, @annotations, @taints, coalesce(nullif(@cpu::text, ''), '1'), coalesce(nullif(@memory::text, ''), '1Gi'),
        coalesce(nullif(@max_pods::integer, 0), 110))
returning id;

-- name: GetNode :one
-- By id or by name; an id wins, since a name may look like one.
select n.id, n.name, n.runtime_type, n.runtime_version, n.agent_version, n.status, n.status_reason, n.status_since,
       l.renewed_at as last_heartbeat, n.owner_id, n.access, n.unschedulable, n.labels, n.annotations, n.taints, n.capabilities,
       n.cpu, n.memory, n.max_pods, n.created_at, n.revision,
       (select count(*) from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) as pods
from public.nodes n
left join public.node_leases l on l.node_id = n.id
where n.id = sqlc.narg('id')::uuid or n.name = @name::text
order by (n.id is not distinct from sqlc.narg('id')::uuid) desc
limit 1;

-- name: ListNodes :many
select n.id, n.name, n.runtime_type, n.runtime_version, n.agent_version, n.status, n.status_reason, n.status_since,
       l.renewed_at as last_heartbeat, n.owner_id, n.access, n.unschedulable, n.labels, n.annotations, n.taints, n.capabilities,
       n.cpu, n.memory, n.max_pods, n.created_at, n.revision,
       (select count(*) from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) as pods
from public.nodes n
left join public.node_leases l on l.node_id = n.id
where (@name::text = '' or n.name = @name)
  and (@status::text = '' or n.status = @status)
  and (@runtime_type::text = '' or n.runtime_type = @runtime_type)
  and (n.created_at, n.id) < (@after_at::timestamptz, @after_id::uuid)
order by n.created_at desc, n.id desc
limit @page_size;

-- name: UpdateNode :execrows
-- What is null stays as it is.
update public.nodes
set unschedulable = coalesce(sqlc.narg('unschedulable'), unschedulable), access = coalesce(sqlc.narg('access'), access),
    labels = coalesce(sqlc.narg('labels')::jsonb, labels), annotations = coalesce(sqlc.narg('annotations')::jsonb, annotations),
    taints = coalesce(sqlc.narg('taints')::jsonb, taints)
where id = @id and revision = coalesce(sqlc.narg('revision')::bigint, revision);

-- name: DeleteNode :execrows
delete from public.nodes where id = @id;
