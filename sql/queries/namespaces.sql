-- Namespaces. Everything here runs as the caller, under row-level security.

-- name: InsertNamespace :one
insert into public.namespaces (name, labels, resource_quota)
values (@name, @labels, @resource_quota)
returning id, name, labels, resource_quota, created_at, revision;

-- name: GetNamespace :one
select id, name, labels, resource_quota, created_at, revision from public.namespaces where name = @name;

-- name: ListNamespaces :many
select id, name, labels, resource_quota, created_at, revision
from public.namespaces
where (created_at, id) < (@after_at::timestamptz, @after_id::uuid)
order by created_at desc, id desc
limit @page_size;

-- name: DeleteNamespace :execrows
delete from public.namespaces where name = @name;
