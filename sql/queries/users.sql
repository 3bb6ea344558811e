-- Who asks. Everything here runs as the caller, under row-level security.

-- name: Whoami :one
select id, coalesce(email, '')::text as email, display_name, role
from public.users
where id = (select auth.uid());

-- name: SetupAdmin :exec
-- Makes the caller the first admin; the database decides.
select stark.setup_admin(@token);

-- name: OfferSetup :one
-- As the service: a token to show once, or '' when there is an admin or one is out already.
select coalesce(stark.offer_setup(renew => @renew::boolean), '')::text;

-- name: ListUsers :many
select id, coalesce(email, '')::text as email, display_name, role, created_at, revision
from public.users
where (created_at, id) < (@after_at::timestamptz, @after_id::uuid)
order by created_at desc, id desc
limit @page_size;

-- name: GetUser :one
select id, coalesce(email, '')::text as email, display_name, role, created_at, revision from public.users where id = @id;

-- name: UpdateUser :one
update public.users
set role = coalesce(sqlc.narg('role'), role), display_name = coalesce(sqlc.narg('display_name'), display_name)
where id = @id and revision = coalesce(sqlc.narg('revision')::bigint, revision)
returning id, coalesce(email, '')::text as email, display_name, role, created_at, revision;
