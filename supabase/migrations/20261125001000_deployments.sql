-- Deployments: so many pods of a pack, or one on every fitting node, kept that way and rolled over to what the deployment says now.

create function stark.check_pod_spec(field text, spec jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  k text;
  v jsonb;
begin
  for k, v in select e.key, e.value from pg_catalog.jsonb_each(spec) e loop
    case k
      when 'labels', 'annotations', 'env', 'nodeSelector' then
        if not stark.is_string_map(v) then
          perform stark.refuse(field, k || ' is an object of texts');
        end if;
      when 'args' then
        if pg_catalog.jsonb_typeof(v) <> 'array' then
          perform stark.refuse(field, 'args is an array');
        end if;
      when 'metadata' then
        if pg_catalog.jsonb_typeof(v) <> 'object' then
          perform stark.refuse(field, 'metadata is an object');
        end if;
      when 'cpu' then
        perform stark.parse_cpu(v #>> '{}');
      when 'memory' then
        perform stark.parse_memory(v #>> '{}');
      when 'priorityClass', 'schedulingGroup' then
        if pg_catalog.jsonb_typeof(v) <> 'string' or not stark.is_dns_label(v #>> '{}') then
          perform stark.refuse(field, k || ' is a name');
        end if;
      when 'schedulingGroupSize' then
        if not stark.is_whole(v, 1, 10000) then
          perform stark.refuse(field, 'schedulingGroupSize is a whole number from 1 to 10000');
        end if;
      when 'gracePeriodMs' then
        if not stark.is_whole(v, 0, 3600000) then
          perform stark.refuse(field, 'gracePeriodMs is a whole number from 0 to 3600000');
        end if;
      when 'tolerations' then
        perform stark.check_tolerations(field, v);
      when 'affinity' then
        perform stark.check_affinity(field, v);
      when 'topologySpread' then
        perform stark.check_topology_spread(field, v);
      else
        perform stark.refuse(field, 'unknown key "' || k || '"',
          'Known are labels, annotations, env, args, metadata, cpu, memory, priorityClass, nodeSelector, tolerations, affinity, '
          'topologySpread, gracePeriodMs, schedulingGroup and schedulingGroupSize.');
    end case;
  end loop;
end
$$;
comment on function stark.check_pod_spec(text, jsonb) is 'Refuses (22023) a pod template with unknown keys or values that a pod would not take.';
grant execute on function stark.check_pod_spec(text, jsonb) to authenticated, service_role;

create function stark.check_strategy(field text, strategy jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  k text;
  v text;
begin
  for k, v in select e.key, e.value #>> '{}' from pg_catalog.jsonb_each(strategy) e loop
    case k
      when 'type' then
        if v is null or v not in ('RollingUpdate', 'Recreate') then
          perform stark.refuse(field, 'type is RollingUpdate or Recreate');
        end if;
      when 'maxSurge', 'maxUnavailable' then
        if v is null or v !~ '^([0-9]{1,5}|[0-9]{1,2}%|100%)$' then
          perform stark.refuse(field, k || ' is a whole number or a percentage', 'For example 1 or "25%".');
        end if;
      when 'minReadySeconds', 'progressDeadlineSeconds' then
        if v is null or v !~ '^[0-9]{1,6}$' then
          perform stark.refuse(field, k || ' is a whole number');
        end if;
      when 'autoRollback' then
        if v is null or v not in ('true', 'false') then
          perform stark.refuse(field, 'autoRollback is true or false');
        end if;
      else
        perform stark.refuse(field, 'unknown key "' || k || '"',
          'Known are type, maxSurge, maxUnavailable, minReadySeconds, progressDeadlineSeconds and autoRollback.');
    end case;
  end loop;
  if strategy ->> 'maxSurge' in ('0', '0%') and strategy ->> 'maxUnavailable' in ('0', '0%') then
    perform stark.refuse(field, 'maxSurge and maxUnavailable cannot both be 0', 'Nothing could ever be replaced.');
  end if;
end
$$;
comment on function stark.check_strategy(text, jsonb) is 'Refuses (22023) a rollout strategy that is malformed or could never move.';
grant execute on function stark.check_strategy(text, jsonb) to authenticated, service_role;

create table public.deployments (
  id uuid primary key default gen_random_uuid(),
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
  namespace text not null default 'default' references public.namespaces (name),
  labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object' and not jsonb_path_exists(labels, 'strict $.* ? (@.type() != "string")', '{}', true)),
  annotations jsonb not null default '{}'
    check (jsonb_typeof(annotations) = 'object' and not jsonb_path_exists(annotations, 'strict $.* ? (@.type() != "string")', '{}', true)),
  -- what people want
  pack_id uuid not null references public.packs (id),
  follow_latest boolean not null default false,
  mode text not null default 'replicas' check (mode in ('replicas', 'daemonset')),
  replicas integer not null default 1 check (replicas between 0 and 100000),
  spec jsonb not null default '{}' check (jsonb_typeof(spec) = 'object'),
  strategy jsonb not null default '{}' check (jsonb_typeof(strategy) = 'object'),
  paused boolean not null default false,
  history_limit integer not null default 10 check (history_limit between 1 and 100),
  -- what the system says
  generation bigint not null default 1,
  observed_generation bigint not null default 0,
  status jsonb not null default '{}' check (jsonb_typeof(status) = 'object'),
  created_by uuid default auth.uid() references public.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1,
  unique (namespace, name)
);
comment on table public.deployments is 'Keeps pods of a pack running: a number of them, or one on every fitting node. The control loop makes and stops the pods.';
comment on column public.deployments.name is 'At most 50 characters: its pods'' names start with it.';
comment on column public.deployments.follow_latest is 'The control loop moves pack_id to the pack''s highest version as soon as it is registered.';
comment on column public.deployments.replicas is 'How many pods; without meaning in mode daemonset.';
comment on column public.deployments.spec is
  'The template of its pods, in the REST API''s words: labels, annotations, env, args, metadata, cpu, memory, priorityClass, nodeSelector, tolerations, affinity, topologySpread, gracePeriodMs.';
comment on column public.deployments.strategy is
  '{"type": "RollingUpdate" | "Recreate", "maxSurge", "maxUnavailable": number or percentage, "minReadySeconds", "progressDeadlineSeconds", "autoRollback"}.';
comment on column public.deployments.paused is 'A paused deployment keeps its pods and rolls nothing over.';
comment on column public.deployments.history_limit is 'How many generations are kept to roll back to.';
comment on column public.deployments.generation is 'Grows by one when pack or spec change: what a rollout leads to. Set by trigger.';
comment on column public.deployments.observed_generation is 'The generation that the control loop has seen.';
comment on column public.deployments.status is 'What the control loop says: {"replicas", "updated", "ready", "available", "conditions"}.';
comment on column public.deployments.created_by is 'Its pods belong to this user too: they run only packs that the user may run.';
create index deployments_pack_id on public.deployments (pack_id);
create index deployments_created_by on public.deployments (created_by);

create table public.deployment_revisions (
  deployment_id uuid not null references public.deployments (id) on delete cascade,
  generation bigint not null,
  pack_id uuid not null references public.packs (id),
  spec jsonb not null,
  created_by uuid references public.users (id) on delete set null,
  created_at timestamptz not null default now(),
  primary key (deployment_id, generation)
);
comment on table public.deployment_revisions is 'What each generation of a deployment was: the targets of a rollback. Written by trigger, bounded by history_limit.';
comment on column public.deployment_revisions.created_by is 'Who made the change; null for the system.';
create index deployment_revisions_pack_id on public.deployment_revisions (pack_id);
create index deployment_revisions_created_by on public.deployment_revisions (created_by);

create function stark.guard_deployment() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.generation := 1;
    new.observed_generation := 0;
  else
    if (new.id, new.name, new.namespace, new.mode, new.created_at) is distinct from (old.id, old.name, old.namespace, old.mode, old.created_at)
       or (new.created_by is distinct from old.created_by and new.created_by is not null) then
      raise exception 'name, namespace, mode and owner of a deployment are immutable'
        using errcode = '23514', constraint = 'deployments_immutable', detail = 'deployments_immutable', hint = 'Create another deployment.';
    end if;
    new.generation := old.generation + case when (new.pack_id, new.spec) is distinct from (old.pack_id, old.spec) then 1 else 0 end;
    new.updated_at := pg_catalog.now();
    new.revision := old.revision + 1;
  end if;
  if pg_catalog.jsonb_typeof(new.spec) = 'object' and (tg_op = 'INSERT' or new.spec is distinct from old.spec) then
    perform stark.check_pod_spec('spec', new.spec);
  end if;
  if pg_catalog.jsonb_typeof(new.strategy) = 'object' and (tg_op = 'INSERT' or new.strategy is distinct from old.strategy) then
    perform stark.check_strategy('strategy', new.strategy);
  end if;
  return new;
end
$$;
comment on function stark.guard_deployment() is 'Row trigger: immutable identity, a valid template and strategy, generation and revision.';
revoke execute on function stark.guard_deployment() from public;
create trigger deployments_guard before insert or update on public.deployments
  for each row execute function stark.guard_deployment();

create function stark.record_deployment_revision() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.deployment_revisions (deployment_id, generation, pack_id, spec, created_by)
  values (new.id, new.generation, new.pack_id, new.spec, (select u.id from public.users u where u.id = auth.uid()))
  on conflict (deployment_id, generation) do nothing;
  delete from public.deployment_revisions r where r.deployment_id = new.id and r.generation <= new.generation - new.history_limit;
  return null;
end
$$;
comment on function stark.record_deployment_revision() is 'Row trigger: keeps what each generation was, as many as history_limit says.';
revoke execute on function stark.record_deployment_revision() from public;
create trigger deployments_record after insert or update of pack_id, spec, history_limit on public.deployments
  for each row execute function stark.record_deployment_revision();

revoke all on public.deployments, public.deployment_revisions from anon, authenticated, service_role;
grant all on public.deployments to service_role;
grant select on public.deployment_revisions to authenticated, service_role;
grant select, delete on public.deployments to authenticated;
grant insert (name, namespace, labels, annotations, pack_id, follow_latest, mode, replicas, spec, strategy, paused, history_limit),
      update (labels, annotations, pack_id, follow_latest, replicas, spec, strategy, paused, history_limit)
  on public.deployments to authenticated;

alter table public.deployments enable row level security;
create policy deployments_select on public.deployments for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));
-- The subquery runs under the caller's own view of packs: what one cannot see, one cannot deploy.
create policy deployments_insert on public.deployments for insert to authenticated
  with check (created_by = (select auth.uid())
              and (select stark.i_am('admin', 'operator', 'developer'))
              and exists (select 1 from public.packs p where p.id = pack_id));
create policy deployments_update on public.deployments for update to authenticated
  using ((created_by = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin', 'operator')))
  with check (((created_by = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin', 'operator')))
              and stark.may_run_pack(created_by, pack_id));
create policy deployments_delete on public.deployments for delete to authenticated
  using ((created_by = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin', 'operator')));

alter table public.deployment_revisions enable row level security;
create policy deployment_revisions_select on public.deployment_revisions for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));
