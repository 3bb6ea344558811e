-- Namespace quotas that hold for any client, any batch size and any concurrency.
--
-- A namespace with a quota has one row of usage. A statement that adds pods adds their sums to it, once, and looks at the result; the row's lock
-- makes concurrent statements of that namespace line up between their end and their commit. Namespaces without a quota have no row:
-- they take no lock, and no namespace waits for another.
--
-- How a quota begins is the delicate part: it must count pods that are being added or ended at this very moment. Whoever adds or ends pods holds FOR KEY
-- SHARE on the namespace's row until commit (adding: by the foreign key; ending: stark.release_quota). Setting a quota takes FOR UPDATE on it: it waits
-- for those who could not know of it, counts, and whoever comes later waits for its commit and finds the row of usage.

create table public.namespace_usage (
  namespace text primary key references public.namespaces (name) on delete cascade,
  pods bigint not null default 0,
  cpu_millis bigint not null default 0,
  memory_bytes bigint not null default 0,
  max_pods bigint,
  max_cpu_millis bigint,
  max_memory_bytes bigint
) with (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
comment on table public.namespace_usage is
  'What the live pods of a namespace with a quota sum up to, kept by trigger. A namespace without a quota has no row. Live is every status but stopped and failed.';
comment on column public.namespace_usage.max_pods is 'The quota''s maxPods; null for no limit.';
comment on column public.namespace_usage.max_cpu_millis is 'The quota''s maxCpu in millicores; null for no limit.';
comment on column public.namespace_usage.max_memory_bytes is 'The quota''s maxMemory in bytes; null for no limit.';

revoke all on public.namespace_usage from anon, authenticated, service_role;
grant select on public.namespace_usage to authenticated, service_role;
alter table public.namespace_usage enable row level security;
create policy namespace_usage_select on public.namespace_usage for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));

create function stark.hold_namespace() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Also when the quota stays the same: apply_quota counts anew all the same, and must not overwrite what is being added meanwhile.
  if new.resource_quota <> '{}' then
    if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
      -- An older snapshot would not see pods that were committed while this waited.
      raise exception 'a quota is set in a read committed transaction'
        using errcode = '0A000', hint = 'Set it in a transaction of its own, at the default isolation level.';
    end if;
    perform 1 from public.namespaces n where n.id = old.id for update;
  end if;
  return new;
end
$$;
comment on function stark.hold_namespace() is 'Row trigger: waits for inserts that cannot know of the new quota, and holds off later ones.';
revoke execute on function stark.hold_namespace() from public;
create trigger namespaces_hold before update of resource_quota on public.namespaces
  for each row execute function stark.hold_namespace();

create function stark.apply_quota() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.resource_quota = '{}' then
    delete from public.namespace_usage u where u.namespace = new.name;
    return null;
  end if;
  insert into public.namespace_usage as u (namespace, pods, cpu_millis, memory_bytes, max_pods, max_cpu_millis, max_memory_bytes)
  select new.name, count(p.id), coalesce(sum(p.cpu_millis), 0), coalesce(sum(p.memory_bytes), 0), (new.resource_quota ->> 'maxPods')::bigint,
         stark.parse_cpu(new.resource_quota ->> 'maxCpu'), stark.parse_memory(new.resource_quota ->> 'maxMemory')
  from public.pods p where p.namespace = new.name and p.status not in ('stopped', 'failed')
  on conflict (namespace) do update
    set pods = excluded.pods, cpu_millis = excluded.cpu_millis, memory_bytes = excluded.memory_bytes, max_pods = excluded.max_pods,
        max_cpu_millis = excluded.max_cpu_millis, max_memory_bytes = excluded.max_memory_bytes;
  return null;
end
$$;
comment on function stark.apply_quota() is 'Row trigger: counts what is there when a quota is set. A quota below what is used stops nothing, it only admits no more.';
revoke execute on function stark.apply_quota() from public;
create trigger namespaces_apply_quota after insert or update of resource_quota on public.namespaces
  for each row execute function stark.apply_quota();

create function stark.charge_quota() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  more record;
  u public.namespace_usage;
  limited text;
begin
  if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
    -- A quota set since this snapshot would not be seen. The foreign key's lock tells mostly, but not always (the setter's FOR UPDATE is forgotten when
    -- it shares the row with others); this one makes the transaction fail (40001) whatever has changed, to be tried again.
    perform 1 from public.namespaces n where n.name in (select r.namespace from new_rows r) order by n.name for share;
  end if;
  if not exists (select 1 from public.namespace_usage) then
    return null;
  end if;
  for more in -- in the order of their names, so that statements over several namespaces never wait for one another in a circle
    select r.namespace, count(*) as pods, sum(r.cpu_millis) as cpu_millis, sum(r.memory_bytes) as memory_bytes
    from new_rows r where r.namespace in (select k.namespace from public.namespace_usage k)
    group by r.namespace order by r.namespace
  loop
    update public.namespace_usage t
    set pods = t.pods + more.pods, cpu_millis = t.cpu_millis + more.cpu_millis, memory_bytes = t.memory_bytes + more.memory_bytes
    where t.namespace = more.namespace
    returning * into u;
    limited := case
      when u.pods > u.max_pods then 'pods'
      when u.cpu_millis > u.max_cpu_millis and more.cpu_millis > 0 then 'cpu'
      when u.memory_bytes > u.max_memory_bytes and more.memory_bytes > 0 then 'memory'
    end;
    if limited is not null then
      raise exception 'namespace "%" has not enough left of its quota: % of % used, % more asked for', more.namespace,
        case limited when 'pods' then (u.pods - more.pods)::text
          when 'cpu' then stark.format_cpu((u.cpu_millis - more.cpu_millis)::bigint)
          else stark.format_memory((u.memory_bytes - more.memory_bytes)::bigint) end,
        case limited when 'pods' then 'maxPods ' || u.max_pods
          when 'cpu' then 'maxCpu ' || stark.format_cpu(u.max_cpu_millis) else 'maxMemory ' || stark.format_memory(u.max_memory_bytes) end,
        case limited when 'pods' then more.pods::text
          when 'cpu' then stark.format_cpu(more.cpu_millis::bigint) else stark.format_memory(more.memory_bytes::bigint) end
        using errcode = '23514', constraint = 'namespaces_quota_' || limited, detail = 'namespaces_quota_' || limited,
              hint = 'Stop pods that are not needed, or ask an operator for a larger quota.';
    end if;
  end loop;
  return null;
end
$$;
comment on function stark.charge_quota() is 'Statement trigger: adds a batch of new pods to their namespaces'' usage and refuses the batch when that is too much.';
revoke execute on function stark.charge_quota() from public;
create trigger pods_quota_insert after insert on public.pods
  referencing new table as new_rows for each statement execute function stark.charge_quota();

create function stark.release_quota() returns trigger
language plpgsql security definer set search_path = '' set enable_nestloop = off
as $$
declare
  less record;
begin
  if tg_op = 'DELETE' then
    for less in
      select o.namespace, count(*) as pods, sum(o.cpu_millis)::bigint as cpu_millis, sum(o.memory_bytes)::bigint as memory_bytes
      from old_rows o where o.status not in ('stopped', 'failed') group by o.namespace order by o.namespace
    loop
      perform stark.give_back(less.namespace, less.pods, less.cpu_millis, less.memory_bytes);
    end loop;
  elsif exists (select 1 from new_rows n where n.status in ('stopped', 'failed')) then
    for less in
      select o.namespace, count(*) as pods, sum(o.cpu_millis)::bigint as cpu_millis, sum(o.memory_bytes)::bigint as memory_bytes
      from old_rows o join new_rows n using (id)
      where o.status not in ('stopped', 'failed') and n.status in ('stopped', 'failed')
      group by o.namespace order by o.namespace
    loop
      perform stark.give_back(less.namespace, less.pods, less.cpu_millis, less.memory_bytes);
    end loop;
  end if;
  return null;
end
$$;
comment on function stark.release_quota() is 'Statement trigger: what ended or was deleted counts no more.';
revoke execute on function stark.release_quota() from public;

create function stark.give_back(ns text, pods bigint, cpu_millis bigint, memory_bytes bigint) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  -- A quota that is being set right now counts these pods or waits for this lock; under an older snapshot only the stronger one tells.
  if pg_catalog.current_setting('transaction_isolation') = 'read committed' then
    perform 1 from public.namespaces n where n.name = ns for key share;
  else
    perform 1 from public.namespaces n where n.name = ns for share;
  end if;
  update public.namespace_usage u
  set pods = u.pods - give_back.pods, cpu_millis = u.cpu_millis - give_back.cpu_millis, memory_bytes = u.memory_bytes - give_back.memory_bytes
  where u.namespace = ns;
end
$$;
comment on function stark.give_back(text, bigint, bigint, bigint) is 'Takes pods that live no more out of a namespace''s usage, if it has a quota.';
revoke execute on function stark.give_back(text, bigint, bigint, bigint) from public;

create trigger pods_quota_update after update on public.pods
  referencing old table as old_rows new table as new_rows for each statement execute function stark.release_quota();
create trigger pods_quota_delete after delete on public.pods
  referencing old table as old_rows for each statement execute function stark.release_quota();

-- Quotas that were set before this.
update public.namespaces set resource_quota = resource_quota where resource_quota <> '{}';

-- TRUNCATE fires no row or DELETE trigger: it would skip history and quotas.
create function stark.refuse_truncate() returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise exception '% is not truncated, delete from it', tg_table_name
    using errcode = '42501', constraint = tg_table_name || '_no_truncate', detail = tg_table_name || '_no_truncate';
end
$$;
comment on function stark.refuse_truncate() is 'Statement trigger: rows leave one by one, so that what follows from it is done.';
revoke execute on function stark.refuse_truncate() from public;
create trigger pods_no_truncate before truncate on public.pods
  for each statement execute function stark.refuse_truncate();
