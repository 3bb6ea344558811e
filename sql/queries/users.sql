-- Who asks. Everything here runs as the caller, under row-level security.

-- name: Whoami :one
select id, coalesce(email, '')::text as email, display_name, role
from public.users
where id = (select auth.uid());
