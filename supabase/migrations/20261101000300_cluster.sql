-- Namespaces, priority classes and cluster configuration: small tables that everyone reads and operators write.

create table public.namespaces (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (stark.is_dns_label(name)),
  labels jsonb not null default '{}' check (stark.is_string_map(labels)),
  resource_quota jsonb not null default '{}' check (jsonb_typeof(resource_quota) = 'object'),
  created_by uuid default auth.uid() references public.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1
);
comment on table public.namespaces is 'A boundary for names and quotas. Pods refer to it by name; the name never changes.';
comment on column public.namespaces.resource_quota is 'Limits on the sum of live pods: {"maxPods": 100, "maxCpu": "4", "maxMemory": "8Gi"}; a missing key is no limit.';
create index namespaces_created_by on public.namespaces (created_by);

create table public.priority_classes (
  name text primary key check (stark.is_dns_label(name)),
  value integer not null check (value between -2147483648 and 2000001000),
  preemption_policy text not null default 'PreemptLowerPriority' check (preemption_policy in ('PreemptLowerPriority', 'Never')),
  global_default boolean not null default false,
  description text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1
);
comment on table public.priority_classes is 'Named priorities, as in Kubernetes: higher values are scheduled first.';
create unique index priority_classes_one_default on public.priority_classes (global_default) where global_default;

create table public.cluster_config (
  key text primary key check (key ~ '^[a-z][a-zA-Z0-9.]{0,62}$'),
  value jsonb not null,
  description text not null default '',
  updated_at timestamptz not null default now(),
  revision bigint not null default 1
);
comment on table public.cluster_config is 'Cluster-wide settings, one typed value a key.';

create function stark.guard_namespace() returns trigger
language plpgsql set search_path = ''
as $$
declare
  unknown text;
begin
  if tg_op = 'UPDATE' and new.name is distinct from old.name then
    raise exception 'a namespace cannot be renamed' using errcode = '23514', constraint = 'namespaces_name_immutable';
  end if;
  select k into unknown from pg_catalog.jsonb_object_keys(new.resource_quota) k where k not in ('maxPods', 'maxCpu', 'maxMemory') limit 1;
  if unknown is not null then
    raise exception 'unknown quota "%"', unknown using errcode = '22023', hint = 'Known are maxPods, maxCpu and maxMemory.';
  end if;
  if new.resource_quota ? 'maxPods' and (new.resource_quota ->> 'maxPods') !~ '^[0-9]{1,9}$' then
    raise exception 'invalid maxPods "%"', new.resource_quota ->> 'maxPods' using errcode = '22023', hint = 'A whole number, for example 100.';
  end if;
  -- Reading a quantity refuses nonsense; writing it back normalises it.
  if new.resource_quota ? 'maxCpu' then
    new.resource_quota := pg_catalog.jsonb_set(new.resource_quota, '{maxCpu}',
      pg_catalog.to_jsonb(stark.format_cpu(stark.parse_cpu(new.resource_quota ->> 'maxCpu'))));
  end if;
  if new.resource_quota ? 'maxMemory' then
    new.resource_quota := pg_catalog.jsonb_set(new.resource_quota, '{maxMemory}',
      pg_catalog.to_jsonb(stark.format_memory(stark.parse_memory(new.resource_quota ->> 'maxMemory'))));
  end if;
  return new;
end
$$;
comment on function stark.guard_namespace() is 'Row trigger: a namespace keeps its name; its quota is well formed and normalised.';
grant execute on function stark.guard_namespace() to authenticated, service_role;

create trigger namespaces_guard before insert or update on public.namespaces
  for each row execute function stark.guard_namespace();
create trigger namespaces_touch before update on public.namespaces for each row execute function stark.touch();
create trigger priority_classes_touch before update on public.priority_classes for each row execute function stark.touch();
create trigger cluster_config_touch before update on public.cluster_config for each row execute function stark.touch();

revoke all on public.namespaces, public.priority_classes, public.cluster_config from anon, authenticated;
grant all on public.namespaces, public.priority_classes, public.cluster_config to service_role;
grant select on public.namespaces, public.priority_classes, public.cluster_config to authenticated;
grant insert (name, labels, resource_quota), update (labels, resource_quota), delete on public.namespaces to authenticated;
grant insert (name, value, preemption_policy, global_default, description), update (value, preemption_policy, global_default, description), delete
  on public.priority_classes to authenticated;
grant insert (key, value, description), update (value, description), delete on public.cluster_config to authenticated;

alter table public.namespaces enable row level security;
create policy namespaces_select on public.namespaces for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));
create policy namespaces_insert on public.namespaces for insert to authenticated
  with check ((select stark.i_am('admin', 'operator')));
create policy namespaces_update on public.namespaces for update to authenticated
  using ((select stark.i_am('admin', 'operator'))) with check ((select stark.i_am('admin', 'operator')));
create policy namespaces_delete on public.namespaces for delete to authenticated
  using ((select stark.i_am('admin', 'operator')));

alter table public.priority_classes enable row level security;
create policy priority_classes_select on public.priority_classes for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));
create policy priority_classes_insert on public.priority_classes for insert to authenticated
  with check ((select stark.i_am('admin')));
create policy priority_classes_update on public.priority_classes for update to authenticated
  using ((select stark.i_am('admin'))) with check ((select stark.i_am('admin')));
create policy priority_classes_delete on public.priority_classes for delete to authenticated
  using ((select stark.i_am('admin')));

alter table public.cluster_config enable row level security;
create policy cluster_config_select on public.cluster_config for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));
create policy cluster_config_insert on public.cluster_config for insert to authenticated
  with check ((select stark.i_am('admin')));
create policy cluster_config_update on public.cluster_config for update to authenticated
  using ((select stark.i_am('admin'))) with check ((select stark.i_am('admin')));
create policy cluster_config_delete on public.cluster_config for delete to authenticated
  using ((select stark.i_am('admin')));
