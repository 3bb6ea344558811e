-- Priority classes, settings and events. Everything here runs as the caller, under row-level security.

-- name: InsertPriorityClass :one
insert into public.priority_classes (name, value, preemption_policy, global_default, description)
values (@name, @value, @preemption_policy, @global_default, @description)
returning name, value, preemption_policy, global_default, description, created_at, revision;

-- name: ListPriorityClasses :many
-- There are few: no pages. The most important first.
select name, value, preemption_policy, global_default, description, created_at, revision from public.priority_classes order by value desc, name;

-- name: GetPriorityClass :one
select name, value, preemption_policy, global_default, description, created_at, revision from public.priority_classes where name = @name;

-- name: UpdatePriorityClass :execrows
update public.priority_classes
set description = coalesce(sqlc.narg('description')::text, description), global_default = coalesce(sqlc.narg('global_default')::boolean, global_default)
where name = @name and revision = coalesce(sqlc.narg('revision')::bigint, revision);

-- name: DeletePriorityClass :execrows
delete from public.priority_classes where name = @name;

-- name: ListSettings :many
-- Every known key, with what it is while nobody has set it.
select k.key, k.type, coalesce(c.value, k.default_value) as value, k.default_value, k.description, (c.key is not null)::boolean as is_set,
       c.updated_at, coalesce(c.revision, 0)::bigint as revision
from stark.config_keys k
left join public.cluster_config c on c.key = k.key
where (sqlc.narg('key')::text is null or k.key = sqlc.narg('key'))
  and exists (select 1 from public.users u where u.id = (select auth.uid())) -- row-level security of cluster_config hides its rows, not the catalogue
order by k.key;

-- name: PutSetting :execrows
insert into public.cluster_config as c (key, value, description)
values (@key, @value, coalesce((select k.description from stark.config_keys k where k.key = @key), ''))
on conflict (key) do update set value = excluded.value where c.revision = coalesce(sqlc.narg('revision')::bigint, c.revision);

-- name: DeleteSetting :execrows
delete from public.cluster_config where key = @key;

-- name: ListEvents :many
-- Newest first.
select id, at, kind, object_id, object_name, namespace, type, reason, message, data, actor_id, actor_role, correlation_id
from public.events
where (@kind::text = '' or kind = @kind)
  and (sqlc.narg('object_id')::uuid is null or object_id = sqlc.narg('object_id'))
  and (@object_name::text = '' or object_name = @object_name)
  and (@namespace::text = '' or namespace = @namespace)
  and (@type::text = '' or type = @type)
  and (@reason::text = '' or reason = @reason)
  and at >= @since::timestamptz
  and id < @before_id::bigint
order by id desc
limit @page_size;
