-- The first admin: one explicit step with a token that is offered once, never "whoever calls first" and never metadata.

comment on schema stark is
  'Stark''s helper functions and the tables that nobody reads directly. Not exposed through PostgREST, so nothing in it can be called as an RPC.';

create table stark.setup_token (
  only_row boolean primary key default true check (only_row),
  token_sha256 bytea not null,
  offered_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by uuid
);
comment on table stark.setup_token is 'The one token that makes the first admin. At most one row; only its digest is kept.';
comment on column stark.setup_token.token_sha256 is 'SHA-256 of the token: who reads this table cannot use it.';
comment on column stark.setup_token.used_by is 'The user who became admin with it. No foreign key: the record outlives the account.';
revoke all on stark.setup_token from public, anon, authenticated, service_role;
alter table stark.setup_token enable row level security;
-- Nobody has a grant; the policy says who would be meant, should someone give one.
create policy setup_token_select on stark.setup_token for select to authenticated
  using ((select stark.i_am('admin')));

create function stark.offer_setup(valid_for interval default '7 days', renew boolean default false) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  -- two random UUIDs from the server's strong source: 244 bits
  fresh constant text := 'stark_setup_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', '');
begin
  if exists (select 1 from public.users u where u.role = 'admin') then
    return null;
  end if;
  insert into stark.setup_token as t (token_sha256, expires_at)
  values (pg_catalog.sha256(pg_catalog.convert_to(fresh, 'UTF8')), pg_catalog.now() + valid_for)
  on conflict (only_row) do update
    set token_sha256 = excluded.token_sha256, expires_at = excluded.expires_at, offered_at = pg_catalog.now(), used_at = null, used_by = null
    where renew or t.expires_at <= pg_catalog.now() or t.used_at is not null;
  return case when found then fresh end;
end
$$;
comment on function stark.offer_setup(interval, boolean) is
  'A new setup token, to be shown once, or null: there is an admin already, or an unused token is out (renew replaces it). For the service role.';
revoke execute on function stark.offer_setup(interval, boolean) from public;
grant execute on function stark.offer_setup(interval, boolean) to service_role;

create function stark.setup_admin(token text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  me constant uuid := auth.uid();
  offer stark.setup_token;
begin
  if not exists (select 1 from public.users u where u.id = me) then
    raise exception 'log in first' using errcode = '42501', constraint = 'setup_login', detail = 'setup_login';
  end if;
  select * into offer from stark.setup_token for update; -- two callers with the right token: one after the other
  if exists (select 1 from public.users u where u.role = 'admin') then
    raise exception 'there is an admin already'
      using errcode = '23514', constraint = 'setup_done', detail = 'setup_done', hint = 'Ask an admin for the role that you need.';
  end if;
  if offer.used_at is not null or offer.expires_at <= pg_catalog.now()
     or offer.token_sha256 is distinct from pg_catalog.sha256(pg_catalog.convert_to(token, 'UTF8')) then
    raise exception 'the setup token is wrong or has expired'
      using errcode = '42501', constraint = 'setup_token', detail = 'setup_token',
            hint = 'The server prints it at its first start. For a new one run, as service role: select stark.offer_setup(renew => true).';
  end if;
  update stark.setup_token set used_at = pg_catalog.now(), used_by = me;
  update public.users u set role = 'admin' where u.id = me;
  return me;
end
$$;
comment on function stark.setup_admin(text) is
  'Makes the caller the first admin, once. Raises 42501 (setup_token) for a wrong token and 23514 (setup_done) when there is an admin.';
revoke execute on function stark.setup_admin(text) from public;
grant execute on function stark.setup_admin(text) to authenticated;

-- Only an admin changes a role, and the last one cannot leave: nobody could let another in.
create or replace function stark.guard_user() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.id is distinct from old.id then
    raise exception 'the id of a user is immutable' using errcode = '23514', constraint = 'users_immutable', detail = 'users_immutable';
  end if;
  if new.role is not distinct from old.role or current_user <> 'authenticated' then
    return new;
  end if;
  if not stark.i_am('admin') then
    raise exception 'only an admin may change roles' using errcode = '42501', constraint = 'users_role', detail = 'users_role';
  end if;
  if old.role = 'admin' then
    -- Two admins who demote each other at the same time come here one after the other.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('stark.last_admin', 0));
    if not exists (select 1 from public.users u where u.role = 'admin' and u.id <> old.id) then
      raise exception 'the last admin stays'
        using errcode = '23514', constraint = 'users_last_admin', detail = 'users_last_admin', hint = 'Make another user admin first.';
    end if;
  end if;
  return new;
end
$$;
comment on function stark.guard_user() is 'Row trigger: a user may edit their own name, but only an admin a role, and never the last admin''s.';
