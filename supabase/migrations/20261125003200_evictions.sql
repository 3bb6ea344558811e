-- Evictions: a pod is asked to leave its node, and waits for another place once it has.
--
-- An intention, as desired_state is one: the leader writes it (for a preemption, a drain, a taint), the node's server passes it on, and the agent stops
-- the pod and reports so. Whoever dies on the way, the next one finds what is to be done in the row.

alter table public.pods
  add column eviction text,
  add column eviction_grace_ms integer,
  add constraint pods_eviction_check check (eviction is null
    or (eviction in ('preempted', 'drained', 'evicted') and status in ('scheduled', 'starting', 'running', 'stopping'))),
  add constraint pods_eviction_grace_check check (eviction_grace_ms is null or (eviction is not null and eviction_grace_ms between 0 and 3600000));
comment on column public.pods.eviction is
  'Why it is asked to leave its node: preempted (a pod of higher priority needs the room), drained (the node is), evicted (a NoExecute taint it does not tolerate); null when it is not. Only the control loop sets it; message says more. Once it has stopped it is pending again.';
comment on column public.pods.eviction_grace_ms is 'How long it has to stop when that is less than grace_period_ms: up to a drain''s deadline.';

create or replace function stark.guard_pod_update() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if (new.id, new.name, new.namespace, new.pack_id, new.env, new.args, new.metadata, new.cpu, new.memory, new.cpu_millis, new.memory_bytes,
      new.priority_class, new.priority, new.preemption_policy, new.node_selector, new.tolerations, new.affinity, new.topology_spread,
      new.scheduling_group, new.scheduling_group_size, new.grace_period_ms, new.deployment_generation, new.created_at)
     is distinct from
     (old.id, old.name, old.namespace, old.pack_id, old.env, old.args, old.metadata, old.cpu, old.memory, old.cpu_millis, old.memory_bytes,
      old.priority_class, old.priority, old.preemption_policy, old.node_selector, old.tolerations, old.affinity, old.topology_spread,
      old.scheduling_group, old.scheduling_group_size, old.grace_period_ms, old.deployment_generation, old.created_at)
     -- whose it is may be forgotten with the user or the deployment, never changed
     or (new.created_by is distinct from old.created_by and new.created_by is not null)
     or (new.deployment_id is distinct from old.deployment_id and new.deployment_id is not null) then
    raise exception 'what a pod runs is immutable'
      using errcode = '23514', constraint = 'pods_immutable', detail = 'pods_immutable', hint = 'Create another pod.';
  end if;
  if new.desired_state is distinct from old.desired_state then
    if old.desired_state = 'stopped' then
      raise exception 'a stopped pod cannot be started again'
        using errcode = '23514', constraint = 'pods_stop_is_final', detail = 'pods_stop_is_final', hint = 'Create another pod.';
    end if;
    if old.status = 'pending' and new.status = 'pending' then
      -- nowhere yet: nobody else needs to be told
      new.status := 'stopped';
      new.reason := 'stopped_by_user';
    end if;
  end if;
  if old.eviction is not null and new.status in ('stopped', 'failed') and old.status not in ('stopped', 'failed') then
    if new.desired_state = 'stopped' then
      new.reason := case when new.reason = old.eviction then 'stopped_by_user' else new.reason end;
    elsif new.reason <> 'completed' then
      -- It made room as it was asked to, and waits for another place.
      new.status := 'pending';
      new.reason := old.eviction;
    end if;
  end if;
  if old.eviction is not null and new.message = '' then
    new.message := old.message; -- why it had to go: the agent does not know
  end if;
  -- Lost its node while it was to be stopped anyway: there is nothing to place again.
  if new.status = 'pending' and old.status <> 'pending' and new.desired_state = 'stopped' then
    new.status := 'stopped';
    new.reason := 'stopped_by_user';
  end if;

  new.incarnation := old.incarnation;
  if new.status is distinct from old.status then
    if not stark.pod_transition_allowed(old.status, new.status) then
      raise exception 'a pod cannot go from % to %', old.status, new.status
        using errcode = '23514', constraint = 'pods_transition', detail = 'pods_transition';
    end if;
    case new.status
      when 'scheduled' then
        if exists (select 1 from public.nodes n where n.id = new.node_id and n.access <> 'shared' and n.owner_id is distinct from new.created_by)
           or exists (select 1 from public.nodes n where n.id = new.node_id and n.access <> 'shared' and n.owner_id is null) then
          raise exception 'the node is private to another user'
            using errcode = '23514', constraint = 'pods_private_node', detail = 'pods_private_node', hint = 'An operator can share the node.';
        end if;
        new.incarnation := old.incarnation + 1;
        new.scheduled_at := pg_catalog.now();
        new.started_at := null;
        new.unschedulable := null;
      when 'pending' then
        new.node_id := null;
        new.restarts := old.restarts + 1;
      when 'running' then
        new.started_at := pg_catalog.now();
      when 'stopped', 'failed' then
        new.finished_at := pg_catalog.now();
        new.unschedulable := null;
      else
        null; -- starting and stopping have no time of their own
    end case;
  end if;
  if new.status in ('pending', 'stopped', 'failed') then
    new.eviction := null;
    new.eviction_grace_ms := null;
  end if;
  if new.node_id is distinct from old.node_id and new.node_id is not null and (old.node_id is not null or new.status <> 'scheduled') then
    raise exception 'a pod moves only by being scheduled' using errcode = '23514', constraint = 'pods_home', detail = 'pods_home';
  end if;
  new.updated_at := pg_catalog.now();
  new.revision := old.revision + 1;
  return new;
end
$$;

alter table public.pod_history
  drop constraint pod_history_event_check,
  add constraint pod_history_event_check check (event in ('created', 'status', 'stop_requested', 'eviction_requested', 'deleted'));
comment on column public.pod_history.event is
  'created · status: it changed · stop_requested: someone set desired_state, the pod has yet to end (to_status is null) · eviction_requested: it is to leave its node (reason says why) · deleted.';

create or replace function stark.record_pod_history() returns trigger
language plpgsql security definer set search_path = '' set enable_nestloop = off
as $$
declare
  actor constant uuid := auth.uid();
  -- inside SECURITY DEFINER current_user is the owner; the role setting still names who asked
  as_role constant text := coalesce(nullif(nullif(pg_catalog.current_setting('role', true), ''), 'none'), session_user::text);
  correlation constant text := pg_catalog.left(nullif(pg_catalog.current_setting('stark.correlation_id', true), ''), 128);
begin
  if tg_op = 'INSERT' then
    insert into public.pod_history (pod_id, event, to_status, incarnation, actor_id, actor_role, correlation_id)
    select n.id, 'created', n.status, n.incarnation, actor, as_role, correlation from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into public.pod_history (pod_id, event, from_status, node_id, incarnation, actor_id, actor_role, correlation_id)
    select o.id, 'deleted', o.status, o.node_id, o.incarnation, actor, as_role, correlation from old_rows o;
  else
    insert into public.pod_history (pod_id, event, from_status, to_status, reason, message, node_id, incarnation, actor_id, actor_role, correlation_id)
    select n.id, case
             when n.status is distinct from o.status then 'status'
             when n.desired_state is distinct from o.desired_state then 'stop_requested'
             else 'eviction_requested' end, o.status, nullif(n.status, o.status),
           case when n.status = o.status and n.desired_state = o.desired_state then n.eviction else n.reason end, n.message, coalesce(n.node_id, o.node_id), n.incarnation, actor, as_role, correlation
    from new_rows n join old_rows o using (id)
    where n.status is distinct from o.status or n.desired_state is distinct from o.desired_state
       or (n.eviction is distinct from o.eviction and n.eviction is not null);
  end if;
  return null;
end
$$;

-- A drain ends when the node is empty: that is on record, and whoever waits for it sees it.

alter table public.nodes
  add column drained_at timestamptz,
  add constraint nodes_drained check (drained_at is null or drain_deadline is not null);
comment on column public.nodes.drained_at is
  'When the node was empty, pods of daemonset deployments aside; null while it is not, or is not being drained. Only the control loop sets it.';

create function stark.drain_anew() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.drained_at := null;
  return new;
end
$$;
comment on function stark.drain_anew() is 'Row trigger: a drain that is asked for anew, or taken back, has not ended yet.';
grant execute on function stark.drain_anew() to authenticated, service_role;
create trigger nodes_drain_anew before update of drain_deadline on public.nodes
  for each row when (new.drain_deadline is distinct from old.drain_deadline) execute function stark.drain_anew();

create function stark.record_drained() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.events (kind, object_id, object_name, reason, data)
  values ('node', new.id, new.name, 'drained', pg_catalog.jsonb_build_object('requestedAt', new.drain_requested_at));
  return null;
end
$$;
comment on function stark.record_drained() is 'Row trigger: a node is empty, as was asked for.';
revoke execute on function stark.record_drained() from public;
create trigger nodes_drained after update of drained_at on public.nodes
  for each row when (new.drained_at is not null and old.drained_at is null) execute function stark.record_drained();

alter publication stark set table
  public.packs (id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, entry, min_runtime_version),
  public.nodes (id, name, runtime_type, runtime_version, owner_id, access, status, unschedulable, labels, taints, max_pods, cpu_millis,
                memory_bytes, drain_requested_at, drain_deadline, drained_at, created_at, revision),
  public.pods (id, name, namespace, pack_id, env, args, metadata, cpu_millis, memory_bytes, priority, preemption_policy, node_selector,
               tolerations, affinity, topology_spread, scheduling_group, scheduling_group_size, grace_period_ms, deployment_id,
               deployment_generation, created_by, labels, desired_state, status, reason, node_id, incarnation, restarts, created_at, revision,
               eviction, eviction_grace_ms, scheduled_at),
  public.namespaces,
  public.priority_classes,
  public.cluster_config,
  public.deployments (id, name, namespace, labels, pack_id, follow_latest, mode, replicas, spec, strategy, paused, generation,
                      observed_generation, created_by, created_at, revision);
