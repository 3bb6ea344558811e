-- The bucket for bundles, and who may touch what in it.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('packs', 'packs', false, 52428800,
        array['text/javascript', 'application/javascript', 'application/json', 'application/octet-stream'])
on conflict (id) do nothing;

-- Each of these asks about other tables with the definer's eyes: an agent's account sees no packs and no pods.
create function stark.may_read_bundle(object_name text) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select 1 from public.packs p
    where p.bundle_path = object_name
      and p.visibility = 'public'
      and stark.i_am('operator', 'developer', 'viewer')
  ) or exists (
    -- an agent: the bundles of the pods that are on its nodes right now
    select 1
    from public.packs p
    join public.pods d on d.pack_id = p.id
    join public.nodes n on n.id = d.node_id
    where p.bundle_path = object_name
      and n.owner_id = auth.uid()
      and d.status in ('scheduled', 'starting', 'running', 'stopping')
  )
$$;
comment on function stark.may_read_bundle(text) is 'A public pack''s bundle, or one that is assigned to a node of the caller''s.';
revoke execute on function stark.may_read_bundle(text) from public;
grant execute on function stark.may_read_bundle(text) to authenticated, service_role;

create function stark.is_registered_bundle(object_name text) returns boolean
language sql stable security definer set search_path = ''
as $$ select exists (select 1 from public.packs p where p.bundle_path = object_name) $$;
comment on function stark.is_registered_bundle(text) is 'Whether a pack version refers to this object; it then stays.';
revoke execute on function stark.is_registered_bundle(text) from public;
grant execute on function stark.is_registered_bundle(text) to authenticated, service_role;

-- Own folder only, insert only: there is no update policy, so a bundle is never overwritten.
create policy stark_packs_insert on storage.objects for insert to authenticated
  with check (bucket_id = 'packs'
              and (storage.foldername(name))[1] = (select auth.uid())::text
              and (select stark.i_am('admin', 'developer')));
create policy stark_packs_select on storage.objects for select to authenticated
  using (bucket_id = 'packs'
         and ((storage.foldername(name))[1] = (select auth.uid())::text
              or (select stark.i_am('admin'))
              or stark.may_read_bundle(name)));
create policy stark_packs_delete on storage.objects for delete to authenticated
  using (bucket_id = 'packs'
         and ((storage.foldername(name))[1] = (select auth.uid())::text or (select stark.i_am('admin')))
         and (select stark.i_am('admin', 'developer'))
         and not stark.is_registered_bundle(name));
