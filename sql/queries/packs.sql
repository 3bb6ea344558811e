-- Packs. Everything here runs as the caller, under row-level security.

-- name: InsertPack :one
insert into public.packs (name, version, runtime_tag, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata)
values (@name, @version, @runtime_tag, @visibility, @bundle_path, @bundle_sha256, @bundle_size, @description, @metadata)
returning id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata, created_at, revision;

-- name: GetPack :one
select id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata, created_at, revision
from public.packs
where id = @id;

-- name: ListPacks :many
select id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata, created_at, revision
from public.packs
where (@name::text = '' or name = @name)
  and (created_at, id) < (@after_at::timestamptz, @after_id::uuid)
order by created_at desc, id desc
limit @page_size;

-- name: PackVersions :many
select id, version from public.packs where name = @name;

-- name: DeletePack :execrows
delete from public.packs where id = @id;

-- name: UpdatePack :one
update public.packs
set visibility = coalesce(sqlc.narg('visibility'), visibility), description = coalesce(sqlc.narg('description'), description),
    metadata = coalesce(sqlc.narg('metadata')::jsonb, metadata)
where id = @id and revision = coalesce(sqlc.narg('revision')::bigint, revision)
returning id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata, created_at, revision;
