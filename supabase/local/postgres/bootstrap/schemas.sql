-- Schemas, their owners, and who may use them. Source: supabase/postgres, migrations/db/init-scripts.

create schema if not exists extensions     authorization postgres;
create schema if not exists auth           authorization supabase_admin;
create schema if not exists storage        authorization supabase_admin;
create schema if not exists realtime       authorization supabase_admin;
create schema if not exists graphql_public authorization supabase_admin;
create schema if not exists vault          authorization supabase_admin;
create schema if not exists pgbouncer      authorization pgbouncer;

grant usage on schema public, extensions, auth, storage, realtime, graphql_public to postgres, anon, authenticated, service_role;
grant all   on schema extensions to postgres, dashboard_user;
grant all   on schema auth       to supabase_auth_admin, dashboard_user;
grant all   on schema storage    to supabase_storage_admin with grant option;
grant all   on schema storage    to dashboard_user;
grant usage on schema storage    to postgres with grant option;
grant all   on schema realtime   to supabase_realtime_admin with grant option;
grant usage on schema realtime   to postgres with grant option;
grant usage on schema auth, extensions to supabase_realtime_admin;
grant create, usage on schema public to supabase_realtime_admin;
grant usage on schema vault      to postgres with grant option;

-- What postgres or supabase_admin makes in public is reachable for the API roles; RLS is what protects it.
do $$
declare
  maker text;
  kind text;
begin
  foreach maker in array array['postgres', 'supabase_admin'] loop
    foreach kind in array array['tables', 'functions', 'sequences'] loop
      execute format('alter default privileges for role %I in schema public grant all on %s to postgres, anon, authenticated, service_role', maker, kind);
      execute format('alter default privileges for role supabase_admin in schema graphql_public grant all on %s to postgres, anon, authenticated, service_role', kind);
      execute format('alter default privileges for role supabase_admin in schema extensions grant all on %s to postgres with grant option', kind);
      execute format('alter default privileges for role supabase_auth_admin in schema auth grant all on %s to postgres, dashboard_user', kind);
    end loop;
  end loop;
end
$$;

-- pg_graphql is not part of this stand-in; hosted projects without the extension answer the same.
create or replace function graphql_public.graphql(
  "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null
) returns jsonb language sql
as $$ select jsonb_build_object('errors', jsonb_build_array(jsonb_build_object('message', 'pg_graphql extension is not enabled.'))) $$;

-- Realtime's publication: empty until someone adds a table.
do $$
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
  alter publication supabase_realtime owner to postgres;
end
$$;
