-- Pages of pods whose cost does not grow with the table: newest first, from a cursor (created_at, id), whatever they are filtered by.
-- Each of these serves its foreign key or policy as well, and replaces the index that did only that.

drop index public.pods_created_by, public.pods_pack_id, public.pods_node_id;
create index pods_created_by on public.pods (created_by, created_at, id);
create index pods_pack_id on public.pods (pack_id, created_at, id);
create index pods_node_id on public.pods (node_id, created_at, id);
create index pods_status_page on public.pods (status, created_at, id);

-- By label. Under row-level security an index is used only through operators that are known not to leak what they compare, and jsonb's @> is not
-- one of them: a user's own query reads the whole table for a rare label. This finds the page with the definer's eyes, for those who may see all pods
-- anyway, and the caller reads the rows under their own rights.
create function stark.pods_page(
  selector jsonb, in_namespace text default null, before_at timestamptz default 'infinity', before_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  page_size integer default 50
) returns setof uuid
language plpgsql stable security definer set search_path = '' rows 50
as $$
begin
  if not stark.i_am('admin', 'operator', 'developer', 'viewer') then
    return;
  end if;
  -- Dynamic, so that it is planned for this selector: a rare label through its index, a common one along the cursor.
  return query execute
    'select p.id from public.pods p where p.labels @> $1 and ($2 is null or p.namespace = $2) and (p.created_at, p.id) < ($3, $4)
     order by p.created_at desc, p.id desc limit $5'
    using selector, in_namespace, before_at, before_id, page_size;
end
$$;
comment on function stark.pods_page(jsonb, text, timestamptz, uuid, integer) is
  'Ids of a page of pods that carry all labels of selector ({"app": "web"}), newest first, before a cursor. Nothing for who may not read pods.';
revoke execute on function stark.pods_page(jsonb, text, timestamptz, uuid, integer) from public;
grant execute on function stark.pods_page(jsonb, text, timestamptz, uuid, integer) to authenticated, service_role;
