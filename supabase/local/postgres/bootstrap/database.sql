-- What belongs to a database rather than to what is in it, so that CREATE DATABASE ... TEMPLATE does not copy it: owner and access.
-- Runs for whichever database it is connected to.

do $$
declare
  db constant text := current_database();
begin
  execute format('alter database %I owner to postgres', db);
  execute format('grant all on database %I to postgres, dashboard_user', db);
  execute format('grant create on database %I to supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin', db);
end
$$;
