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
       n.cpu, n.memory, n.max_pods, n.drain_requested_at, n.drain_deadline, n.drained_at, n.created_at, n.revision,
       (select count(*) from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) as pods
from public.nodes n
left join public.node_leases l on l.node_id = n.id
where n.id = sqlc.narg('id')::uuid or n.name = @name::text
order by (n.id is not distinct from sqlc.narg('id')::uuid) desc
limit 1;

-- name: ListNodes :many
select n.id, n.name, n.runtime_type, n.runtime_version, n.agent_version, n.status, n.status_reason, n.status_since,
       l.renewed_at as last_heartbeat, n.owner_id, n.access, n.unschedulable, n.labels, n.annotations, n.taints, n.capabilities,
       n.cpu, n.memory, n.max_pods, n.drain_requested_at, n.drain_deadline, n.drained_at, n.created_at, n.revision,
       (select count(*) from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) as pods
from public.nodes n
left join public.node_leases l on l.node_id = n.id
where (@name::text = '' or n.name = @name)
  and (@status::text = '' or n.status = @status)
  and (@runtime_type::text = '' or n.runtime_type = @runtime_type)
  and (n.created_at, n.id) < (@after_at::timestamptz, @after_id::uuid)
order by n.created_at desc, n.id desc
limit @page_size;

-- name: VisibleNodes :many
select id from public.nodes where id = any(@ids::uuid[]);

-- name: DeleteNode :execrows
delete from public.nodes where id = @id;

-- name: UpdateNode :one
-- What is null stays. Labels and annotations are merged: a null in them takes the key away (RFC 7396).
update public.nodes n
set labels = jsonb_strip_nulls(n.labels || @labels::jsonb),
    annotations = jsonb_strip_nulls(n.annotations || @annotations::jsonb),
    taints = coalesce(sqlc.narg('taints')::jsonb, n.taints),
    access = coalesce(sqlc.narg('access'), n.access),
    unschedulable = coalesce(sqlc.narg('unschedulable'), n.unschedulable),
    drain_deadline = case when @end_drain::boolean then null
      else coalesce(now() + make_interval(secs => sqlc.narg('drain_seconds')::double precision), n.drain_deadline) end
where n.id = (select x.id from public.nodes x where x.id = sqlc.narg('id')::uuid or x.name = @name::text
              order by (x.id is not distinct from sqlc.narg('id')::uuid) desc limit 1)
  and n.revision = coalesce(sqlc.narg('revision')::bigint, n.revision)
returning n.id;
