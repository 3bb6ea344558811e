-- Namespaces. Everything here runs as the caller, under row-level security. Usage is kept by trigger where there is a quota; elsewhere it is counted, and
-- only when one namespace is asked for.

-- name: InsertNamespace :one
insert into public.namespaces (name, labels, resource_quota, defaults)
values (@name, @labels, @resource_quota, @defaults)
returning name;

-- name: GetNamespace :one
select n.id, n.name, n.labels, n.resource_quota, n.defaults, n.created_at, n.revision, (u.namespace is not null)::boolean as counted,
       coalesce(u.pods, 0)::bigint as pods, coalesce(u.cpu_millis, 0)::bigint as cpu_millis, coalesce(u.memory_bytes, 0)::bigint as memory_bytes
from public.namespaces n
left join public.namespace_usage u on u.namespace = n.name
where n.name = @name;

-- name: CountNamespace :one
select count(*)::bigint as pods, coalesce(sum(p.cpu_millis), 0)::bigint as cpu_millis, coalesce(sum(p.memory_bytes), 0)::bigint as memory_bytes
from public.pods p
where p.namespace = @name and p.status not in ('stopped', 'failed');

-- name: ListNamespaces :many
select n.id, n.name, n.labels, n.resource_quota, n.defaults, n.created_at, n.revision, (u.namespace is not null)::boolean as counted,
       coalesce(u.pods, 0)::bigint as pods, coalesce(u.cpu_millis, 0)::bigint as cpu_millis, coalesce(u.memory_bytes, 0)::bigint as memory_bytes
from public.namespaces n
left join public.namespace_usage u on u.namespace = n.name
where (n.created_at, n.id) < (@after_at::timestamptz, @after_id::uuid)
order by n.created_at desc, n.id desc
limit @page_size;

-- name: UpdateNamespace :execrows
-- What is null stays; labels are merged (RFC 7396), quota and defaults are replaced.
update public.namespaces n
set labels = jsonb_strip_nulls(n.labels || @labels::jsonb),
    resource_quota = coalesce(sqlc.narg('resource_quota')::jsonb, n.resource_quota),
    defaults = coalesce(sqlc.narg('defaults')::jsonb, n.defaults)
where n.name = @name and n.revision = coalesce(sqlc.narg('revision')::bigint, n.revision);

-- name: DeleteNamespace :execrows
delete from public.namespaces where name = @name;
