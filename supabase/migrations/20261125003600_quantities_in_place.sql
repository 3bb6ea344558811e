-- A pod's requests are mostly written in their normal form already: 1m to 999m, 1Mi to 999Mi, 1Gi to 999Gi. Those are read in place. What an SQL function of its own
-- (with a search_path, so never inlined) costs for reading and writing quantities was a third of a single-row insert, since it is
-- planned anew in every transaction. Everything else of the trigger is as before.

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
  if new.cpu ~ '^[1-9][0-9]{0,2}m$' then
    new.cpu_millis := pg_catalog.left(new.cpu, -1)::bigint;
  else
    new.cpu_millis := stark.parse_cpu(new.cpu);
    new.cpu := stark.format_cpu(new.cpu_millis);
  end if;
  if new.memory ~ '^[1-9][0-9]{0,2}[MG]i$' then
    new.memory_bytes := pg_catalog.left(new.memory, -2)::bigint * case when new.memory like '%Mi' then 1048576 else 1073741824 end;
  else
    new.memory_bytes := stark.parse_memory(new.memory);
    new.memory := stark.format_memory(new.memory_bytes);
  end if;

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
