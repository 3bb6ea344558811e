-- Roles as hosted Supabase has them: names, attributes, memberships and settings.
-- Source: supabase/postgres, migrations/db and nix/tests/expected/roles.out. Roles are shared by all databases of the server.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('postgres'), ('anon'), ('authenticated'), ('service_role'), ('authenticator'), ('dashboard_user'), ('pgbouncer'),
      ('supabase_auth_admin'), ('supabase_storage_admin'), ('supabase_realtime_admin'), ('supabase_replication_admin'),
      ('supabase_read_only_user'), ('supabase_etl_admin')
    ) as r (name)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I', wanted.name);
    end if;
  end loop;
end
$$;

-- The stand-in's one password, as in Supabase local development; the server listens on loopback only.
alter role supabase_admin             superuser createdb createrole login replication bypassrls password 'postgres';
alter role postgres                   nosuperuser createdb createrole login replication bypassrls password 'postgres';
alter role anon                       nologin inherit;
alter role authenticated              nologin inherit;
alter role service_role               nologin inherit bypassrls;
alter role authenticator              login noinherit password 'postgres';
alter role dashboard_user             nologin createdb createrole replication;
alter role pgbouncer                  login password 'postgres';
alter role supabase_auth_admin        login noinherit createrole password 'postgres';
alter role supabase_storage_admin     login noinherit createrole password 'postgres';
alter role supabase_realtime_admin    login noinherit createrole replication password 'postgres';
alter role supabase_replication_admin login replication password 'postgres';
alter role supabase_read_only_user    login bypassrls password 'postgres';
alter role supabase_etl_admin         login replication password 'postgres';

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to supabase_realtime_admin;
grant authenticator to supabase_storage_admin; -- Storage acts as its caller: set role anon | authenticated | service_role
grant pg_read_all_data to supabase_read_only_user, supabase_etl_admin;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

do $$
begin
  if current_setting('server_version_num')::int >= 160000 then
    grant anon, authenticated, service_role to postgres with admin option;
    -- A role with createrole no longer administers roles that others made.
    -- Older servers cannot parse these options, so they are text until the version is known.
    execute 'grant authenticator to postgres with admin option, inherit false, set false';
    grant pg_create_subscription to postgres;
  else
    grant anon, authenticated, service_role to postgres;
  end if;
end
$$;

-- Hosted Supabase lets `postgres` write policies on, and drop its own triggers from, tables that the service roles own, by an extension
-- of theirs (supautils.policy_grants, supautils.drop_trigger_grants). Plain Postgres has no such thing, so here `postgres` is a member of the
-- owners. That is more than hosted allows (it could also alter those tables): SQL that works there works here, not always the other way.
grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres;

alter role anon                    set statement_timeout = '3s';
alter role authenticated           set statement_timeout = '8s';
alter role authenticator           set statement_timeout = '8s';
alter role authenticator           set lock_timeout = '8s';
alter role postgres                set search_path = "$user", public, extensions;
alter role supabase_admin          set search_path = "$user", public, auth, extensions;
alter role supabase_admin          set log_statement = 'none';
alter role supabase_auth_admin     set search_path = auth;
alter role supabase_auth_admin     set idle_in_transaction_session_timeout = 60000;
alter role supabase_auth_admin     set log_statement = 'none';
alter role supabase_storage_admin  set search_path = storage;
alter role supabase_storage_admin  set log_statement = 'none';
alter role supabase_realtime_admin set search_path = public, extensions, realtime;
