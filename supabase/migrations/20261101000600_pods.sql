-- Pods: what should run, and what does. The state machine is enforced here, whatever the client.

create table public.pods (
  id uuid primary key default gen_random_uuid(),
  name text not null check (stark.is_dns_label(name)),
  namespace text not null default 'default' references public.namespaces (name),
  -- what to run: immutable
  pack_id uuid not null references public.packs (id),
  env jsonb not null default '{}' check (stark.is_string_map(env)),
  args jsonb not null default '[]' check (jsonb_typeof(args) = 'array'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  cpu text not null default '100m',
  memory text not null default '128Mi',
  cpu_millis bigint not null,
  memory_bytes bigint not null,
  priority_class text references public.priority_classes (name),
  priority integer not null default 0,
  node_selector jsonb not null default '{}' check (stark.is_string_map(node_selector)),
  tolerations jsonb not null default '[]' check (jsonb_typeof(tolerations) = 'array'),
  affinity jsonb not null default '{}' check (jsonb_typeof(affinity) = 'object'),
  grace_period_ms integer not null default 10000 check (grace_period_ms between 0 and 3600000),
  created_by uuid default auth.uid() references public.users (id) on delete set null,
  -- what people may change
  labels jsonb not null default '{}' check (stark.is_string_map(labels)),
  annotations jsonb not null default '{}' check (stark.is_string_map(annotations)),
  desired_state text not null default 'running' check (desired_state in ('running', 'stopped')),
  -- what the system says
  status text not null default 'pending'
    check (status in ('pending', 'scheduled', 'starting', 'running', 'stopping', 'stopped', 'failed')),
  reason text not null default '' check (length(reason) <= 64),
  message text not null default '' check (length(message) <= 8192),
  node_id uuid references public.nodes (id) on delete set null,
  incarnation bigint not null default 0,
  restarts integer not null default 0,
  unschedulable jsonb,
  result jsonb,
  created_at timestamptz not null default now(),
  scheduled_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz not null default now(),
  revision bigint not null default 1,
  unique (namespace, name),
  constraint pods_home check (
    case when status = 'pending' then node_id is null
         when status in ('scheduled', 'starting', 'running', 'stopping') then node_id is not null
         else true end)
);
comment on table public.pods is 'An instance of a pack. Insert one and it is scheduled; what it runs never changes.';
comment on column public.pods.env is 'Environment of the pack. Readable by everyone who may read pods: not a place for secrets.';
comment on column public.pods.args is 'Arguments of the pack, a JSON array.';
comment on column public.pods.metadata is 'Free-form JSON handed to the pack.';
comment on column public.pods.cpu is 'Request, as a normalised quantity; cpu_millis is the same as an integer, set by trigger.';
comment on column public.pods.memory is 'Request and limit, as a normalised quantity; memory_bytes is the same as an integer, set by trigger.';
comment on column public.pods.priority is 'Value of priority_class, or of the class that is the global default; set by trigger.';
comment on column public.pods.desired_state is 'Set it to stopped to stop the pod. It cannot be set back: create another pod.';
comment on column public.pods.reason is 'Machine-readable cause of the status: completed, crashed, oom, node_lost, agent_restarted, stopped_by_user, ….';
comment on column public.pods.node_id is 'Its one home. Null while pending; kept for history once it has ended.';
comment on column public.pods.incarnation is 'Grows by one with each assignment; a report from an older one is refused.';
comment on column public.pods.restarts is 'How often it had to be placed again.';
comment on column public.pods.unschedulable is 'Why it is pending, as data: {"nodes": n, "filters": {"runtime": 2, …}, "text": "0/2 nodes: …"}; null when placed.';
comment on column public.pods.result is 'What the pack returned, up to 64 KiB of JSON.';
create index pods_pack_id on public.pods (pack_id);
create index pods_created_by on public.pods (created_by);
create index pods_node_active on public.pods (node_id) where status in ('scheduled', 'starting', 'running', 'stopping');
create index pods_node_id on public.pods (node_id);
create index pods_priority_class on public.pods (priority_class);
create index pods_created_at on public.pods (created_at, id);

create function stark.pod_transition_allowed(from_status text, to_status text) returns boolean
language sql immutable parallel safe set search_path = ''
return from_status = to_status or case from_status
  when 'pending' then to_status in ('scheduled', 'stopped', 'failed')
  when 'scheduled' then to_status in ('starting', 'running', 'stopping', 'stopped', 'failed', 'pending')
  when 'starting' then to_status in ('running', 'stopping', 'stopped', 'failed', 'pending')
  when 'running' then to_status in ('stopping', 'stopped', 'failed', 'pending')
  when 'stopping' then to_status in ('stopped', 'failed', 'pending')
  else false
end;
comment on function stark.pod_transition_allowed(text, text) is
  'The pod state machine. Back to pending means: lost its node, to be placed again. stopped and failed are final.';
grant execute on function stark.pod_transition_allowed(text, text) to authenticated, service_role;

create function stark.guard_pod_insert() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if (new.status, new.incarnation, new.restarts) is distinct from ('pending', 0::bigint, 0) or new.node_id is not null
     or new.desired_state is distinct from 'running' then
    raise exception 'a pod starts as pending, without a node'
      using errcode = '23514', constraint = 'pods_initial_state', hint = 'Insert it and it is scheduled.';
  end if;
  if new.name is null then
    new.name := pg_catalog.left(coalesce((select p.name from public.packs p where p.id = new.pack_id), 'pod'), 50)
      || '-' || pg_catalog.left(pg_catalog.replace(new.id::text, '-', ''), 12);
  end if;
  if new.priority_class is not null then
    -- an unknown class is left to the foreign key
    new.priority := coalesce((select c.value from public.priority_classes c where c.name = new.priority_class), 0);
  else
    select c.name, c.value into new.priority_class, new.priority from public.priority_classes c where c.global_default;
    new.priority := coalesce(new.priority, 0);
  end if;
  new.cpu_millis := stark.parse_cpu(new.cpu);
  new.memory_bytes := stark.parse_memory(new.memory);
  new.cpu := stark.format_cpu(new.cpu_millis);
  new.memory := stark.format_memory(new.memory_bytes);
  return new;
end
$$;
comment on function stark.guard_pod_insert() is 'Row trigger: initial state, generated name, priority and normalised quantities.';
revoke execute on function stark.guard_pod_insert() from public;

create function stark.guard_pod_update() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if (new.id, new.name, new.namespace, new.pack_id, new.env, new.args, new.metadata, new.cpu, new.memory, new.cpu_millis, new.memory_bytes,
      new.priority_class, new.priority, new.node_selector, new.tolerations, new.affinity, new.grace_period_ms, new.created_at)
     is distinct from
     (old.id, old.name, old.namespace, old.pack_id, old.env, old.args, old.metadata, old.cpu, old.memory, old.cpu_millis, old.memory_bytes,
      old.priority_class, old.priority, old.node_selector, old.tolerations, old.affinity, old.grace_period_ms, old.created_at) then
    raise exception 'what a pod runs is immutable'
      using errcode = '23514', constraint = 'pods_immutable', hint = 'Create another pod.';
  end if;
  if new.desired_state is distinct from old.desired_state then
    if old.desired_state = 'stopped' then
      raise exception 'a stopped pod cannot be started again'
        using errcode = '23514', constraint = 'pods_stop_is_final', hint = 'Create another pod.';
    end if;
    if old.status = 'pending' and new.status = 'pending' then
      -- nowhere yet: nobody else needs to be told
      new.status := 'stopped';
      new.reason := 'stopped_by_user';
    end if;
  end if;
  -- Lost its node while it was to be stopped anyway: there is nothing to place again.
  if new.status = 'pending' and old.status <> 'pending' and new.desired_state = 'stopped' then
    new.status := 'stopped';
    new.reason := 'stopped_by_user';
  end if;

  if new.status is distinct from old.status then
    if not stark.pod_transition_allowed(old.status, new.status) then
      raise exception 'a pod cannot go from % to %', old.status, new.status
        using errcode = '23514', constraint = 'pods_transition';
    end if;
    case new.status
      when 'scheduled' then
        new.incarnation := old.incarnation + 1;
        new.scheduled_at := pg_catalog.now();
        new.started_at := null;
        new.unschedulable := null;
      when 'pending' then
        new.node_id := null;
        new.incarnation := old.incarnation;
        new.restarts := old.restarts + 1;
      else
        new.incarnation := old.incarnation;
        if new.status = 'running' then
          new.started_at := pg_catalog.now();
        elsif new.status in ('stopped', 'failed') then
          new.finished_at := pg_catalog.now();
          new.unschedulable := null;
        end if;
    end case;
  else
    new.incarnation := old.incarnation;
  end if;
  if new.node_id is distinct from old.node_id and new.status = old.status and new.node_id is not null then
    raise exception 'a pod moves only by being scheduled' using errcode = '23514', constraint = 'pods_home';
  end if;
  new.updated_at := pg_catalog.now();
  new.revision := old.revision + 1;
  return new;
end
$$;
comment on function stark.guard_pod_update() is 'Row trigger: the state machine, one home, incarnations, timestamps; what a pod runs is immutable.';
grant execute on function stark.guard_pod_update() to authenticated, service_role;

create trigger pods_guard_insert before insert on public.pods
  for each row execute function stark.guard_pod_insert();
create trigger pods_guard_update before update on public.pods
  for each row execute function stark.guard_pod_update();

-- A node with pods on it is not deleted from under them.
create function stark.guard_node_delete() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if exists (select 1 from public.pods p where p.node_id = old.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) then
    raise exception 'node "%" still has pods', old.name
      using errcode = '23503', constraint = 'nodes_in_use', hint = 'Cordon it and stop its pods first.';
  end if;
  return old;
end
$$;
comment on function stark.guard_node_delete() is 'Row trigger: a node that has pods stays.';
revoke execute on function stark.guard_node_delete() from public;
create trigger nodes_guard_delete before delete on public.nodes
  for each row execute function stark.guard_node_delete();

revoke all on public.pods from anon, authenticated;
grant all on public.pods to service_role;
grant select, delete on public.pods to authenticated;
grant insert (name, namespace, pack_id, env, args, metadata, cpu, memory, priority_class, node_selector, tolerations, affinity,
              grace_period_ms, labels, annotations),
      update (labels, annotations, desired_state)
  on public.pods to authenticated;

alter table public.pods enable row level security;
create policy pods_select on public.pods for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));
-- The subquery runs under the caller's own view of packs: what one cannot see, one cannot run.
create policy pods_insert on public.pods for insert to authenticated
  with check (created_by = (select auth.uid())
              and (select stark.i_am('admin', 'operator', 'developer'))
              and exists (select 1 from public.packs p where p.id = pack_id));
create policy pods_update on public.pods for update to authenticated
  using ((created_by = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin', 'operator')))
  with check ((created_by = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin', 'operator')));
create policy pods_delete on public.pods for delete to authenticated
  using ((created_by = (select auth.uid()) and (select stark.i_am('developer'))) or (select stark.i_am('admin', 'operator')));

-- The audit log of a pod's life, written by trigger so that no client can skip it. ------------------------------------

create table public.pod_history (
  id bigint generated always as identity primary key,
  pod_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  event text not null check (event in ('created', 'status', 'deleted')),
  from_status text,
  to_status text,
  reason text not null default '',
  message text not null default '',
  node_id uuid,
  incarnation bigint not null default 0,
  actor_id uuid,
  actor_role text not null default '',
  correlation_id text
);
comment on table public.pod_history is 'Append-only: every change of a pod''s status, who made it and when. Outlives the pod.';
comment on column public.pod_history.actor_id is 'The user who did it; null for the system.';
comment on column public.pod_history.actor_role is 'The database role it was done as.';
comment on column public.pod_history.correlation_id is 'X-Correlation-ID of the request that did it, if any.';
create index pod_history_pod on public.pod_history (pod_id, id);

create function stark.record_pod_history() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  actor constant uuid := auth.uid();
  -- inside SECURITY DEFINER current_user is the owner; the role setting still names who asked
  as_role constant text := coalesce(nullif(nullif(pg_catalog.current_setting('role', true), ''), 'none'), session_user::text);
  correlation constant text := nullif(pg_catalog.current_setting('stark.correlation_id', true), '');
begin
  if tg_op = 'INSERT' then
    insert into public.pod_history (pod_id, event, to_status, incarnation, actor_id, actor_role, correlation_id)
    select n.id, 'created', n.status, n.incarnation, actor, as_role, correlation from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.pod_history (pod_id, event, from_status, node_id, incarnation, actor_id, actor_role, correlation_id)
    select o.id, 'deleted', o.status, o.node_id, o.incarnation, actor, as_role, correlation from old_rows o;
  else
    insert into public.pod_history (pod_id, event, from_status, to_status, reason, message, node_id, incarnation, actor_id, actor_role, correlation_id)
    select n.id, 'status', o.status, n.status, n.reason, n.message, coalesce(n.node_id, o.node_id), n.incarnation, actor, as_role, correlation
    from new_rows n join old_rows o using (id)
    where n.status is distinct from o.status;
  end if;
  return null;
end
$$;
comment on function stark.record_pod_history() is 'Statement trigger: one history row a changed pod, a whole batch at a time.';
revoke execute on function stark.record_pod_history() from public;

create trigger pods_history_insert after insert on public.pods
  referencing new table as new_rows for each statement execute function stark.record_pod_history();
create trigger pods_history_update after update on public.pods
  referencing old table as old_rows new table as new_rows for each statement execute function stark.record_pod_history();
create trigger pods_history_delete after delete on public.pods
  referencing old table as old_rows for each statement execute function stark.record_pod_history();

revoke all on public.pod_history from anon, authenticated, service_role;
grant select on public.pod_history to authenticated, service_role;
alter table public.pod_history enable row level security;
create policy pod_history_select on public.pod_history for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));

-- Logs: bounded per pod. ----------------------------------------------------------------------------------------------

create table public.pod_logs (
  id bigint generated always as identity primary key,
  pod_id uuid not null references public.pods (id) on delete cascade,
  incarnation bigint not null,
  at timestamptz not null,
  stream text not null check (stream in ('stdout', 'stderr', 'system')),
  line text not null
);
comment on table public.pod_logs is 'What packs print. The newest lines of each pod are kept (cluster_config logs.maxLinesPerPod).';
comment on column public.pod_logs.at is 'When the agent saw the line, by the agent''s clock.';
create index pod_logs_pod on public.pod_logs (pod_id, id);

revoke all on public.pod_logs from anon, authenticated;
grant all on public.pod_logs to service_role;
grant select on public.pod_logs to authenticated;


alter table public.pod_logs enable row level security;
create policy pod_logs_select on public.pod_logs for select to authenticated
  using ((select stark.i_am('admin', 'operator'))
         or ((select stark.i_am('developer', 'viewer')) and pod_id in (select p.id from public.pods p where p.created_by = (select auth.uid()))));
