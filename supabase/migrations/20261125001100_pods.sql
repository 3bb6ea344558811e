-- Pods: what scheduling and deployments need, defaults of the namespace, and the rules that hold for the service's own connection too.

alter table public.pods
  alter column cpu drop default, -- the trigger fills it in, from the namespace
  alter column memory drop default,
  add column topology_spread jsonb not null default '[]' constraint pods_topology_spread_check check (jsonb_typeof(topology_spread) = 'array'),
  add column preemption_policy text not null default 'PreemptLowerPriority'
    constraint pods_preemption_policy_check check (preemption_policy in ('PreemptLowerPriority', 'Never')),
  add column scheduling_group text
    constraint pods_scheduling_group_check check (scheduling_group ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  add column scheduling_group_size integer constraint pods_scheduling_group_size_check check (scheduling_group_size between 1 and 10000),
  add column deployment_id uuid references public.deployments (id) on delete set null,
  add column deployment_generation bigint,
  add constraint pods_scheduling_group check ((scheduling_group is null) = (scheduling_group_size is null));
comment on column public.pods.cpu is
  'Request, as a normalised quantity; left out, the namespace''s default, else 100m. cpu_millis is the same as an integer, set by trigger.';
comment on column public.pods.memory is
  'Request and limit, as a normalised quantity; left out, the namespace''s default, else 128Mi. memory_bytes is the same as an integer, set by trigger.';
comment on column public.pods.topology_spread is
  'As in Kubernetes: [{"maxSkew", "topologyKey", "whenUnsatisfiable": DoNotSchedule|ScheduleAnyway, "labelSelector", "minDomains"}].';
comment on column public.pods.preemption_policy is 'That of priority_class when the pod was created; set by trigger.';
comment on column public.pods.scheduling_group is 'Pods of one namespace and group are placed all together or not at all.';
comment on column public.pods.scheduling_group_size is 'How many pods the group has; it waits until they are all there.';
comment on column public.pods.deployment_id is 'The deployment that keeps it; only the control loop sets it.';
comment on column public.pods.deployment_generation is 'The generation of the deployment''s template that it was made from.';

-- Fewer index entries a row: most pods name no class and belong to no deployment.
drop index public.pods_priority_class;
create index pods_priority_class on public.pods (priority_class) where priority_class is not null;
create index pods_deployment_id on public.pods (deployment_id) where deployment_id is not null;
-- Pages of one namespace cost the same however many pods the others have. Its first column serves the foreign key as well.
create index pods_namespace_page on public.pods (namespace, created_at, id);
create index pods_labels on public.pods using gin (labels jsonb_path_ops);

grant insert (topology_spread, scheduling_group, scheduling_group_size) on public.pods to authenticated;

create or replace function stark.guard_pod_insert() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  -- inside SECURITY DEFINER current_user is the owner; the role setting still names who asked
  as_user constant boolean := pg_catalog.current_setting('role', true) = 'authenticated';
  defaults jsonb;
begin
  if (new.status, new.incarnation, new.restarts) is distinct from ('pending', 0::bigint, 0) or new.node_id is not null
     or new.desired_state is distinct from 'running' then
    raise exception 'a pod starts as pending, without a node'
      using errcode = '23514', constraint = 'pods_initial_state', detail = 'pods_initial_state', hint = 'Insert it and it is scheduled.';
  end if;
  if new.name is null then
    new.name := pg_catalog.left(coalesce((select p.name from public.packs p where p.id = new.pack_id), 'pod'), 50)
      || '-' || pg_catalog.left(pg_catalog.replace(new.id::text, '-', ''), 12);
  end if;
  -- A user's own insert is the policy's to judge. This is for whoever inserts in a user's name: the service, a deployment.
  if not as_user and new.created_by is not null and not stark.may_run_pack(new.created_by, new.pack_id)
     and exists (select 1 from public.packs p where p.id = new.pack_id) then -- a missing pack is left to the foreign key
    raise exception 'the pack is private to another user'
      using errcode = '42501', constraint = 'pods_private_pack', detail = 'pods_private_pack', hint = 'Its owner can make it public.';
  end if;

  if new.priority_class is not null then
    -- an unknown class is left to the foreign key
    select c.value, c.preemption_policy into new.priority, new.preemption_policy
    from public.priority_classes c where c.name = new.priority_class;
    if as_user and new.priority_class like 'system-%' and not stark.i_am('admin', 'operator') then
      raise exception 'priority class "%" is for operators', new.priority_class
        using errcode = '42501', constraint = 'pods_system_priority', detail = 'pods_system_priority', hint = 'Use another priority class.';
    end if;
  else
    select c.name, c.value, c.preemption_policy into new.priority_class, new.priority, new.preemption_policy
    from public.priority_classes c where c.global_default;
  end if;
  new.priority := coalesce(new.priority, 0);
  new.preemption_policy := coalesce(new.preemption_policy, 'PreemptLowerPriority');

  if new.cpu is null or new.memory is null then
    select n.defaults into defaults from public.namespaces n where n.name = new.namespace;
    new.cpu := coalesce(new.cpu, defaults ->> 'cpu', '100m');
    new.memory := coalesce(new.memory, defaults ->> 'memory', '128Mi');
  end if;
  new.cpu_millis := stark.parse_cpu(new.cpu);
  new.memory_bytes := stark.parse_memory(new.memory);
  new.cpu := stark.format_cpu(new.cpu_millis);
  new.memory := stark.format_memory(new.memory_bytes);

  if new.tolerations <> '[]' then
    perform stark.check_tolerations('tolerations', new.tolerations);
  end if;
  if new.affinity <> '{}' then
    perform stark.check_affinity('affinity', new.affinity);
  end if;
  if new.topology_spread <> '[]' then
    perform stark.check_topology_spread('topology_spread', new.topology_spread);
  end if;
  return new;
end
$$;
comment on function stark.guard_pod_insert() is
  'Row trigger: initial state, generated name, whose pack it is, priority, requests and their defaults, well-formed scheduling rules.';

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
  if new.node_id is distinct from old.node_id and new.node_id is not null and (old.node_id is not null or new.status <> 'scheduled') then
    raise exception 'a pod moves only by being scheduled' using errcode = '23514', constraint = 'pods_home', detail = 'pods_home';
  end if;
  new.updated_at := pg_catalog.now();
  new.revision := old.revision + 1;
  return new;
end
$$;
comment on function stark.guard_pod_update() is
  'Row trigger: the state machine, one home and nobody else''s private node, incarnations, timestamps; what a pod runs is immutable.';

-- A deployment takes its pods with it, as in Kubernetes: they are asked to stop, and belong to nobody from then on.
create function stark.stop_deployment_pods() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.pods p set desired_state = 'stopped' where p.deployment_id = old.id and p.desired_state = 'running'
    and p.status not in ('stopped', 'failed');
  return old;
end
$$;
comment on function stark.stop_deployment_pods() is 'Row trigger: who deletes a deployment stops its pods.';
revoke execute on function stark.stop_deployment_pods() from public;
create trigger deployments_stop_pods before delete on public.deployments
  for each row execute function stark.stop_deployment_pods();
