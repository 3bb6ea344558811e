-- Packs: how a bundle is entered, paths that stay in their folder, and an order of versions.

alter table public.packs
  add column entry jsonb not null default '{}' constraint packs_entry_check check (
    jsonb_typeof(entry) = 'object'
    and coalesce(entry ->> 'format', 'esm') in ('esm', 'commonjs')
    and (entry -> 'export' is null or jsonb_typeof(entry -> 'export') = 'string')),
  add column min_runtime_version text constraint packs_min_runtime_version_check check (min_runtime_version ~ '^[0-9]{1,5}(\.[0-9]{1,5}){0,2}$'),
  add constraint packs_bundle_path_clean check (bundle_path !~ '(^|/)\.{0,2}(/|$)' and bundle_path !~ '[\\[:cntrl:]]');
comment on column public.packs.entry is
  'How the bundle is entered: {"format": "esm" | "commonjs", "export": name}; what is left out is found by looking at the bundle. Immutable.';
comment on column public.packs.metadata is 'Free-form JSON of its owner''s; Stark does not read it.';
comment on column public.packs.min_runtime_version is 'The least runtime it runs on, for example "20" or "20.11.1"; null for any. Immutable.';
grant insert (entry, min_runtime_version) on public.packs to authenticated;

create or replace function stark.guard_pack() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    -- A name belongs to whoever registered it first. The lock is on the name, so other names do not wait.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('stark.pack:' || new.name, 0));
    if exists (select 1 from public.packs p where p.name = new.name and p.owner_id is distinct from new.owner_id) then
      raise exception 'the pack name "%" belongs to another user', new.name
        using errcode = '23505', constraint = 'packs_name_owner', detail = 'packs_name_owner', hint = 'Choose another name.';
    end if;
    return new;
  end if;
  if (new.id, new.name, new.version, new.runtime_tag, new.bundle_path, new.bundle_sha256, new.bundle_size, new.created_at, new.entry,
      new.min_runtime_version)
     is distinct from
     (old.id, old.name, old.version, old.runtime_tag, old.bundle_path, old.bundle_sha256, old.bundle_size, old.created_at, old.entry,
      old.min_runtime_version) then
    raise exception 'a registered pack version is immutable'
      using errcode = '23514', constraint = 'packs_immutable', detail = 'packs_immutable', hint = 'Register a new version.';
  end if;
  -- The owner changes only by being deleted: versions of one name never have two owners.
  if new.owner_id is distinct from old.owner_id and new.owner_id is not null then
    raise exception 'a pack keeps its owner'
      using errcode = '23514', constraint = 'packs_immutable', detail = 'packs_immutable', hint = 'Register it under another name.';
  end if;
  return new;
end
$$;
comment on function stark.guard_pack() is 'Row trigger: first come, first served for names; immutability of what was registered.';

create function stark.semver_key(version text) returns text
language sql immutable strict parallel safe set search_path = ''
as $$
  -- Numbers are written with their length in front, so that they compare as numbers. "~" after the numbers puts a release behind its
  -- pre-releases; build metadata has no part in precedence.
  select pg_catalog.string_agg(pg_catalog.lpad(pg_catalog.length(n)::text, 3, '0') || n, '.' order by i)
    || coalesce('-' || (
         select pg_catalog.string_agg(case when p ~ '^[0-9]+$' then '0' || pg_catalog.lpad(pg_catalog.length(p)::text, 3, '0') || p else '1' || p end,
           ' ' order by j)
         from pg_catalog.unnest(pg_catalog.string_to_array(
           pg_catalog.substring(pg_catalog.split_part(version, '+', 1), '^[0-9.]+-(.*)$'), '.')) with ordinality x (p, j)), '~')
  from pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.substring(version, '^[0-9.]+'), '.')) with ordinality v (n, i)
$$;
comment on function stark.semver_key(text) is
  'A text that sorts (in collation "C") as semantic versions do: order by stark.semver_key(version) collate "C" desc gives the newest first. Source: semver.org, 11.';
grant execute on function stark.semver_key(text) to authenticated, service_role;

create function stark.may_run_pack(who uuid, pack uuid) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select 1 from public.packs p
    where p.id = pack
      and (p.visibility = 'public' or p.owner_id = who or exists (select 1 from public.users u where u.id = who and u.role = 'admin')))
$$;
comment on function stark.may_run_pack(uuid, uuid) is 'Whether this user may run this pack: it is public, it is theirs, or they are an admin.';
revoke execute on function stark.may_run_pack(uuid, uuid) from public;
grant execute on function stark.may_run_pack(uuid, uuid) to authenticated, service_role;
