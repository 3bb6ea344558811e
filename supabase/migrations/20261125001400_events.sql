-- Events: what happened in the cluster, for people and for watchers. Append-only; a pod's own life is in pod_history.

create table public.events (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  kind text not null check (kind in ('cluster', 'config', 'deployment', 'namespace', 'node', 'pack', 'pod', 'priority_class', 'user')),
  object_id uuid,
  object_name text not null default '' check (length(object_name) <= 253),
  namespace text,
  type text not null default 'Normal' check (type in ('Normal', 'Warning')),
  reason text not null check (reason ~ '^[a-z][a-z0-9_]{0,63}$'),
  message text not null default '' check (length(message) <= 8192),
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
  audience text not null default 'all' check (audience in ('all', 'operators', 'owner')),
  owner_id uuid,
  actor_id uuid default auth.uid(),
  actor_role text not null default '',
  correlation_id text
);
comment on table public.events is 'Append-only: what happened to nodes, packs, namespaces, deployments, settings and users, and what the control loops decided.';
comment on column public.events.kind is 'What the event is about; object_id and object_name say which one. No foreign key: the event outlives it.';
comment on column public.events.reason is 'Machine-readable: registered, deleted, status, cordoned, uncordoned, drain_requested, drain_ended, role_changed, ….';
comment on column public.events.data is 'The particulars, as data: {"from", "to"} of a change.';
comment on column public.events.audience is 'all: whoever may read the cluster · operators: operators and admins · owner: owner_id and admins, for private packs.';
comment on column public.events.owner_id is 'Whose private thing it is about, when audience is owner.';
comment on column public.events.actor_id is 'The user who did it; null for the system.';
comment on column public.events.actor_role is 'The database role it was done as.';
comment on column public.events.correlation_id is 'X-Correlation-ID of the request that did it, if any.';
create index events_object on public.events (kind, object_id, id);
create index events_namespace on public.events (namespace, id) where namespace is not null;
create index events_owner_id on public.events (owner_id) where owner_id is not null;
create index events_at on public.events using brin (at);

revoke all on public.events from anon, authenticated, service_role;
grant select on public.events to authenticated, service_role;
grant insert on public.events to service_role;
alter table public.events enable row level security;
create policy events_select on public.events for select to authenticated
  using ((audience = 'all' and (select stark.i_am('admin', 'operator', 'developer', 'viewer')))
         or (audience = 'operators' and (select stark.i_am('admin', 'operator')))
         or (audience = 'owner' and (owner_id = (select auth.uid()) or (select stark.i_am('admin')))));
create trigger events_append_only before update or truncate on public.events
  for each statement execute function stark.refuse_rewrite();

create function stark.stamp_event() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- inside SECURITY DEFINER current_user is the owner; the role setting still names who asked
  new.actor_role := coalesce(nullif(nullif(pg_catalog.current_setting('role', true), ''), 'none'), session_user::text);
  new.correlation_id := coalesce(new.correlation_id, pg_catalog.left(nullif(pg_catalog.current_setting('stark.correlation_id', true), ''), 128));
  return new;
end
$$;
comment on function stark.stamp_event() is 'Row trigger: who and on which request, so that no writer has to think of it.';
revoke execute on function stark.stamp_event() from public;
create trigger events_stamp before insert on public.events for each row execute function stark.stamp_event();

create function stark.record_node_event() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into public.events (kind, object_id, object_name, reason, data)
    values ('node', new.id, new.name, 'registered', pg_catalog.jsonb_build_object('runtimeType', new.runtime_type, 'access', new.access));
    return null;
  elsif tg_op = 'DELETE' then
    insert into public.events (kind, object_id, object_name, reason) values ('node', old.id, old.name, 'deleted');
    return null;
  end if;
  if new.status is distinct from old.status then
    insert into public.events (kind, object_id, object_name, type, reason, data)
    values ('node', new.id, new.name, case when new.status = 'healthy' then 'Normal' else 'Warning' end, 'status',
            pg_catalog.jsonb_build_object('from', old.status, 'to', new.status, 'why', new.status_reason));
  end if;
  if new.unschedulable is distinct from old.unschedulable then
    insert into public.events (kind, object_id, object_name, reason)
    values ('node', new.id, new.name, case when new.unschedulable then 'cordoned' else 'uncordoned' end);
  end if;
  if new.drain_deadline is distinct from old.drain_deadline then
    insert into public.events (kind, object_id, object_name, reason, data)
    values ('node', new.id, new.name, case when new.drain_deadline is null then 'drain_ended' else 'drain_requested' end,
            pg_catalog.jsonb_build_object('deadline', new.drain_deadline));
  end if;
  if new.access is distinct from old.access then
    insert into public.events (kind, object_id, object_name, reason, data)
    values ('node', new.id, new.name, 'access_changed', pg_catalog.jsonb_build_object('from', old.access, 'to', new.access));
  end if;
  if new.taints is distinct from old.taints then
    insert into public.events (kind, object_id, object_name, reason, data)
    values ('node', new.id, new.name, 'taints_changed', pg_catalog.jsonb_build_object('from', old.taints, 'to', new.taints));
  end if;
  return null;
end
$$;
comment on function stark.record_node_event() is 'Row trigger: a node came, went, changed its health or was cordoned, drained, tainted or shared.';
revoke execute on function stark.record_node_event() from public;
create trigger nodes_events after insert or delete or update of status, unschedulable, drain_deadline, access, taints on public.nodes
  for each row execute function stark.record_node_event();

create function stark.record_pack_event() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  p public.packs := case when tg_op = 'DELETE' then old else new end;
  what text := case tg_op when 'INSERT' then 'registered' when 'DELETE' then 'deleted' else 'visibility_changed' end;
begin
  if tg_op = 'UPDATE' and new.visibility is not distinct from old.visibility then
    return null;
  end if;
  insert into public.events (kind, object_id, object_name, reason, data, audience, owner_id)
  values ('pack', p.id, p.name, what, pg_catalog.jsonb_build_object('version', p.version, 'visibility', p.visibility),
          case when p.visibility = 'public' then 'all' else 'owner' end, p.owner_id);
  return null;
end
$$;
comment on function stark.record_pack_event() is 'Row trigger: a version was registered, published, hidden or deleted. Events of a private pack are its owner''s.';
revoke execute on function stark.record_pack_event() from public;
create trigger packs_events after insert or delete or update of visibility on public.packs
  for each row execute function stark.record_pack_event();

create function stark.record_deployment_event() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  d public.deployments := case when tg_op = 'DELETE' then old else new end;
  what text;
begin
  what := case
    when tg_op = 'INSERT' then 'created'
    when tg_op = 'DELETE' then 'deleted'
    when new.generation <> old.generation then 'changed'
    when new.replicas <> old.replicas then 'scaled'
    when new.paused <> old.paused then case when new.paused then 'paused' else 'resumed' end
  end;
  if what is not null then
    insert into public.events (kind, object_id, object_name, namespace, reason, data)
    values ('deployment', d.id, d.name, d.namespace, what, pg_catalog.jsonb_build_object('generation', d.generation, 'replicas', d.replicas));
  end if;
  return null;
end
$$;
comment on function stark.record_deployment_event() is 'Row trigger: a deployment was created, changed, scaled, paused, resumed or deleted.';
revoke execute on function stark.record_deployment_event() from public;
create trigger deployments_events after insert or delete or update of pack_id, spec, replicas, paused on public.deployments
  for each row execute function stark.record_deployment_event();

create function stark.record_admin_event() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  was constant jsonb := pg_catalog.to_jsonb(old);
  becomes constant jsonb := pg_catalog.to_jsonb(new);
  current constant jsonb := coalesce(becomes, was);
begin
  insert into public.events (kind, object_id, object_name, namespace, reason, data, audience)
  values (
    tg_argv[0],
    case when current ? 'id' then (current ->> 'id')::uuid end,
    coalesce(current ->> 'name', current ->> 'key', current ->> 'email', ''),
    case when tg_argv[0] = 'namespace' then current ->> 'name' end,
    case tg_op when 'INSERT' then 'created' when 'DELETE' then 'deleted' else tg_argv[1] end,
    pg_catalog.jsonb_build_object('from', was -> tg_argv[2], 'to', becomes -> tg_argv[2]),
    case when tg_argv[0] = 'user' then 'operators' else 'all' end);
  return null;
end
$$;
comment on function stark.record_admin_event() is
  'Row trigger for what admins and operators change. Arguments: kind, reason of an update, column whose change is kept.';
revoke execute on function stark.record_admin_event() from public;
create trigger users_events after update of role on public.users
  for each row when (new.role is distinct from old.role) execute function stark.record_admin_event('user', 'role_changed', 'role');
create trigger namespaces_events after insert or delete on public.namespaces
  for each row execute function stark.record_admin_event('namespace', '', 'resource_quota');
create trigger namespaces_quota_events after update of resource_quota on public.namespaces
  for each row when (new.resource_quota is distinct from old.resource_quota)
  execute function stark.record_admin_event('namespace', 'quota_changed', 'resource_quota');
create trigger priority_classes_events after insert or delete on public.priority_classes
  for each row execute function stark.record_admin_event('priority_class', '', 'value');
create trigger cluster_config_events after insert or delete on public.cluster_config
  for each row execute function stark.record_admin_event('config', '', 'value');
create trigger cluster_config_change_events after update of value on public.cluster_config
  for each row when (new.value is distinct from old.value) execute function stark.record_admin_event('config', 'changed', 'value');
