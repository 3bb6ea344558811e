-- Deployments. Everything here runs as the caller, under row-level security: pack_name is empty when the caller may not see the pack.

-- name: InsertDeployment :one
insert into public.deployments (name, namespace, labels, annotations, pack_id, follow_latest, mode, replicas, spec, strategy, paused, history_limit)
values (@name, coalesce(nullif(@namespace::text, ''), 'default'), @labels, @annotations, @pack_id, @follow_latest, coalesce(nullif(@mode::text, ''), 'replicas'),
        coalesce(sqlc.narg('replicas')::integer, 1), @spec, @strategy, @paused, coalesce(sqlc.narg('history_limit')::integer, 10))
returning id;

-- name: GetDeployment :one
select d.id, d.name, d.namespace, d.labels, d.annotations, d.pack_id, coalesce(pk.name, '')::text as pack_name,
       coalesce(pk.version, '')::text as pack_version, d.follow_latest, d.mode, d.replicas, d.spec, d.strategy, d.paused, d.history_limit,
       d.generation, d.observed_generation, d.status, d.created_by, d.created_at, d.updated_at, d.revision
from public.deployments d
left join public.packs pk on pk.id = d.pack_id
where d.id = @id;

-- name: ListDeployments :many
select d.id, d.name, d.namespace, d.labels, d.annotations, d.pack_id, coalesce(pk.name, '')::text as pack_name,
       coalesce(pk.version, '')::text as pack_version, d.follow_latest, d.mode, d.replicas, d.spec, d.strategy, d.paused, d.history_limit,
       d.generation, d.observed_generation, d.status, d.created_by, d.created_at, d.updated_at, d.revision
from public.deployments d
left join public.packs pk on pk.id = d.pack_id
where (@namespace::text = '' or d.namespace = @namespace)
  and (@name::text = '' or d.name = @name)
  and (sqlc.narg('pack_id')::uuid is null or d.pack_id = sqlc.narg('pack_id'))
  and (d.created_at, d.id) < (@after_at::timestamptz, @after_id::uuid)
order by d.created_at desc, d.id desc
limit @page_size;

-- name: UpdateDeployment :one
-- What is null stays. Labels and annotations are merged: a null in them takes the key away (RFC 7396). Spec and strategy are replaced.
update public.deployments d
set labels = jsonb_strip_nulls(d.labels || @labels::jsonb),
    annotations = jsonb_strip_nulls(d.annotations || @annotations::jsonb),
    pack_id = coalesce(sqlc.narg('pack_id')::uuid, d.pack_id),
    follow_latest = coalesce(sqlc.narg('follow_latest')::boolean, d.follow_latest),
    replicas = coalesce(sqlc.narg('replicas')::integer, d.replicas),
    spec = coalesce(sqlc.narg('spec')::jsonb, d.spec),
    strategy = coalesce(sqlc.narg('strategy')::jsonb, d.strategy),
    paused = coalesce(sqlc.narg('paused')::boolean, d.paused),
    history_limit = coalesce(sqlc.narg('history_limit')::integer, d.history_limit)
where d.id = @id and d.revision = coalesce(sqlc.narg('revision')::bigint, d.revision)
returning d.id;

-- name: UndoDeployment :one
-- What a generation was becomes the next one; following the latest ends, or it would undo this at once. 0 is the newest generation before the present one
-- that differs from it.
update public.deployments d
set pack_id = r.pack_id, spec = r.spec, follow_latest = false
from public.deployment_revisions r
where d.id = @id and r.deployment_id = d.id and d.revision = coalesce(sqlc.narg('revision')::bigint, d.revision)
  and r.generation = case when @generation::bigint > 0 then @generation::bigint
    else (select max(o.generation) from public.deployment_revisions o
          where o.deployment_id = d.id and o.generation < d.generation and (o.pack_id, o.spec) is distinct from (d.pack_id, d.spec)) end
returning d.id;

-- name: DeploymentRevisions :many
select r.generation, r.pack_id, coalesce(pk.name, '')::text as pack_name, coalesce(pk.version, '')::text as pack_version, r.spec, r.created_by, r.created_at
from public.deployment_revisions r
left join public.packs pk on pk.id = r.pack_id
where r.deployment_id = @deployment_id
order by r.generation desc;

-- name: DeleteDeployment :execrows
delete from public.deployments where id = @id;
