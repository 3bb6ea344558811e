-- Packs: one row a version. What is registered never changes.

create table public.packs (
  id uuid primary key default gen_random_uuid(),
  name text not null check (stark.is_dns_label(name)),
  version text not null check (length(version) <= 128 and version ~
    '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$'),
  runtime_tag text not null check (runtime_tag in ('node', 'browser', 'universal')),
  owner_id uuid default auth.uid() references public.users (id) on delete set null,
  visibility text not null default 'private' check (visibility in ('private', 'public')),
  bundle_path text not null check (length(bundle_path) between 1 and 1024),
  bundle_sha256 text not null check (bundle_sha256 ~ '^[0-9a-f]{64}$'),
  bundle_size bigint not null check (bundle_size > 0),
  description text not null default '' check (length(description) <= 4096),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1,
  unique (name, version)
);
comment on table public.packs is 'A registered JavaScript bundle, one row a version. Everything but visibility, description and metadata is immutable.';
comment on column public.packs.version is 'Semantic version 2.0.0, without a leading v.';
comment on column public.packs.visibility is 'private: the owner and admins see and run it. public: everyone with a role does.';
comment on column public.packs.bundle_path is 'Object name in the Storage bucket `packs`: <owner uuid>/<name>/<version>/<file>.';
comment on column public.packs.bundle_sha256 is 'Hex SHA-256 of the bundle; an agent checks it before a line of it runs.';
comment on column public.packs.bundle_size is 'Bytes.';
create index packs_owner_id on public.packs (owner_id);
create index packs_bundle_path on public.packs (bundle_path);

create function stark.guard_pack() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    -- A name belongs to whoever registered it first. The lock is on the name, so other names do not wait.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('stark.pack:' || new.name, 0));
    if exists (select 1 from public.packs p where p.name = new.name and p.owner_id is distinct from new.owner_id) then
      raise exception 'the pack name "%" belongs to another user', new.name
        using errcode = '23505', constraint = 'packs_name_owner', hint = 'Choose another name.';
    end if;
    return new;
  end if;
  if (new.id, new.name, new.version, new.runtime_tag, new.bundle_path, new.bundle_sha256, new.bundle_size, new.created_at)
     is distinct from
     (old.id, old.name, old.version, old.runtime_tag, old.bundle_path, old.bundle_sha256, old.bundle_size, old.created_at) then
    raise exception 'a registered pack version is immutable'
      using errcode = '23514', constraint = 'packs_immutable', hint = 'Register a new version.';
  end if;
  return new;
end
$$;
comment on function stark.guard_pack() is 'Row trigger: first come, first served for names; immutability of what was registered.';
revoke execute on function stark.guard_pack() from public;

create trigger packs_guard before insert or update on public.packs
  for each row execute function stark.guard_pack();
create trigger packs_touch before update on public.packs
  for each row execute function stark.touch();

revoke all on public.packs from anon, authenticated;
grant all on public.packs to service_role;
grant select, delete on public.packs to authenticated;
grant insert (name, version, runtime_tag, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata),
      update (visibility, description, metadata)
  on public.packs to authenticated;

alter table public.packs enable row level security;
create policy packs_select on public.packs for select to authenticated
  using ((owner_id = (select auth.uid()) and (select stark.i_am('admin', 'operator', 'developer', 'viewer')))
         or (visibility = 'public' and (select stark.i_am('admin', 'operator', 'developer', 'viewer')))
         or (select stark.i_am('admin')));
-- One registers what lies in one's own folder, so nobody can lend their name to someone else's bundle.
create policy packs_insert on public.packs for insert to authenticated
  with check (owner_id = (select auth.uid())
              and (select stark.i_am('admin', 'developer'))
              and bundle_path like (select auth.uid())::text || '/%');
create policy packs_update on public.packs for update to authenticated
  using ((owner_id = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin')))
  with check ((owner_id = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin')));
create policy packs_delete on public.packs for delete to authenticated
  using ((owner_id = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin')));
