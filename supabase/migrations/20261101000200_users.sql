-- Users and roles. A role lives in this table, never in token metadata, and takes effect at the next statement.

create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  email text,
  display_name text not null default '' check (length(display_name) <= 200),
  role text not null default 'viewer' check (role in ('admin', 'operator', 'developer', 'viewer', 'node')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1
);
comment on table public.users is 'One row a Supabase Auth user, created by trigger; carries the Stark role.';
comment on column public.users.role is
  'admin: everything · operator: read all, manage nodes and pods · developer: own packs, pods and deployments · viewer: read all · node: an agent''s account.';
comment on column public.users.revision is 'Bumped at every update; compare it to detect a conflicting change.';

create trigger users_touch before update on public.users
  for each row execute function stark.touch();

create function stark.on_auth_user_written() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.users (id, email) values (new.id, new.email)
  on conflict (id) do update set email = excluded.email
    where public.users.email is distinct from excluded.email;
  return new;
end
$$;
comment on function stark.on_auth_user_written() is 'Trigger on auth.users: mirrors a new user as a viewer, and a changed address.';
revoke execute on function stark.on_auth_user_written() from public;

create trigger stark_on_auth_user_written after insert or update of email on auth.users
  for each row execute function stark.on_auth_user_written();

-- Whoever was there before Stark.
insert into public.users (id, email) select id, email from auth.users on conflict (id) do nothing;

create function stark.my_role() returns text
language sql stable security definer set search_path = ''
as $$ select u.role from public.users u where u.id = (select auth.uid()) $$;
comment on function stark.my_role() is 'The caller''s role, or null when the caller is nobody here. Call it as (select stark.my_role()) in policies.';
revoke execute on function stark.my_role() from public;
grant execute on function stark.my_role() to authenticated, service_role;

create function stark.i_am(variadic roles text[]) returns boolean
language sql stable security definer set search_path = ''
as $$ select coalesce((select u.role from public.users u where u.id = (select auth.uid())) = any (roles), false) $$;
comment on function stark.i_am(text[]) is 'Whether the caller has one of these roles. Call it as (select stark.i_am(...)) in policies.';
revoke execute on function stark.i_am(text[]) from public;
grant execute on function stark.i_am(text[]) to authenticated, service_role;

revoke all on public.users from anon, authenticated;
grant select on public.users to authenticated;
grant update (display_name, role) on public.users to authenticated;
grant all on public.users to service_role;

alter table public.users enable row level security;
create policy users_select on public.users for select to authenticated
  using (id = (select auth.uid()) or (select stark.i_am('admin', 'operator')));
create policy users_update on public.users for update to authenticated
  using (id = (select auth.uid()) or (select stark.i_am('admin')))
  with check (id = (select auth.uid()) or (select stark.i_am('admin')));

create function stark.guard_user() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.role is distinct from old.role and current_user = 'authenticated' and not stark.i_am('admin') then
    raise exception 'only an admin may change roles' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function stark.guard_user() is 'Row trigger: a user may edit their own name, but only an admin a role.';
grant execute on function stark.guard_user() to authenticated, service_role;
create trigger users_guard before update on public.users
  for each row execute function stark.guard_user();
