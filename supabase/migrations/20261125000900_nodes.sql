-- Nodes: drain requests, well-formed taints that remember since when, and what an agent's own account may not touch.

alter table public.nodes
  add column drain_requested_at timestamptz,
  add column drain_deadline timestamptz,
  add column drain_requested_by uuid references public.users (id) on delete set null,
  add constraint nodes_drain check ((drain_requested_at is null) = (drain_deadline is null));
comment on column public.nodes.drain_requested_at is 'Since when its pods are to leave; null when it is not being drained. Set by trigger with drain_deadline.';
comment on column public.nodes.drain_deadline is
  'Write it to drain the node: pods are moved off gracefully, and stopped when it has passed. Null ends the drain; the node stays cordoned.';
comment on column public.nodes.drain_requested_by is 'Who asked for the drain.';
create index nodes_drain_requested_by on public.nodes (drain_requested_by) where drain_requested_by is not null;
comment on column public.nodes.taints is
  'As in Kubernetes: [{"key","value","effect": NoSchedule|PreferNoSchedule|NoExecute}]. NoExecute taints get "timeAdded", from which tolerationSeconds count.';
grant update (drain_deadline) on public.nodes to authenticated;

-- Whom a node is for. Decided: a user who is admin or operator shares what they register, and so does an account of role `node`, because
-- only an admin gives that role and so vouched for the machine. Everybody else's node is private: it gets its owner's pods only.
comment on column public.nodes.access is
  'shared: takes anyone''s pods; so do nodes of an admin, an operator or an account of role node, which only an admin makes. private: its owner''s only.';

create function stark.node_transition_allowed(from_status text, to_status text) returns boolean
language sql immutable parallel safe set search_path = ''
return from_status = to_status or case from_status
  when 'unknown' then to_status in ('healthy', 'unhealthy')
  when 'healthy' then to_status in ('unknown', 'unhealthy')
  when 'unhealthy' then to_status = 'healthy'
  else false
end;
comment on function stark.node_transition_allowed(text, text) is
  'The node state machine. unhealthy has lost its pods: it leaves that state only by being heard, so unknown (keeps its pods) is not open to it.';
grant execute on function stark.node_transition_allowed(text, text) to authenticated, service_role;

create function stark.dated_taints(taints jsonb, before jsonb) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(pg_catalog.jsonb_agg(
    case when t ->> 'effect' = 'NoExecute' and coalesce(t ->> 'timeAdded', '') = ''
      then t || pg_catalog.jsonb_build_object('timeAdded', coalesce(
        (select o ->> 'timeAdded' from pg_catalog.jsonb_array_elements(before) o
         where o ->> 'key' = t ->> 'key' and o ->> 'effect' = 'NoExecute' and o ->> 'value' is not distinct from t ->> 'value'),
        pg_catalog.to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
      else t end order by i), '[]')
  from pg_catalog.jsonb_array_elements(taints) with ordinality x (t, i)
$$;
comment on function stark.dated_taints(jsonb, jsonb) is 'The taints, with timeAdded on NoExecute ones: from before where the same taint was there, else now.';
grant execute on function stark.dated_taints(jsonb, jsonb) to authenticated, service_role;

create or replace function stark.guard_node() returns trigger
language plpgsql set search_path = ''
as $$
declare
  as_user constant boolean := current_user = 'authenticated';
begin
  new.cpu_millis := stark.parse_cpu(new.cpu);
  new.memory_bytes := stark.parse_memory(new.memory);
  new.cpu := stark.format_cpu(new.cpu_millis);
  new.memory := stark.format_memory(new.memory_bytes);
  if tg_op = 'INSERT' then
    if new.taints <> '[]' then
      perform stark.check_taints('taints', new.taints);
      new.taints := stark.dated_taints(new.taints, '[]');
    end if;
    if as_user then
      -- Otherwise any login could attract others' code. An account of role `node` was made by an admin for just this.
      new.access := case when stark.i_am('admin', 'operator', 'node') then 'shared' else 'private' end;
    end if;
    return new;
  end if;

  if (new.id, new.name, new.runtime_type, new.created_at) is distinct from (old.id, old.name, old.runtime_type, old.created_at)
     or (new.owner_id is distinct from old.owner_id and new.owner_id is not null) then
    raise exception 'name, runtime type and owner of a node are immutable'
      using errcode = '23514', constraint = 'nodes_immutable', detail = 'nodes_immutable', hint = 'Delete the node and register it anew.';
  end if;
  if as_user and new.access is distinct from old.access and not stark.i_am('admin', 'operator') then
    raise exception 'only an operator or an admin may change who a node is for'
      using errcode = '42501', constraint = 'nodes_access', detail = 'nodes_access';
  end if;
  if as_user and (new.unschedulable, new.taints, new.drain_deadline) is distinct from (old.unschedulable, old.taints, old.drain_deadline)
     and stark.i_am('node') then
    -- as Kubernetes' NodeRestriction: a machine that has been broken into cannot make itself attractive again
    raise exception 'an agent''s account may not cordon, drain or taint'
      using errcode = '42501', constraint = 'nodes_restriction', detail = 'nodes_restriction', hint = 'An operator does that.';
  end if;

  if new.taints is distinct from old.taints then
    perform stark.check_taints('taints', new.taints);
    new.taints := stark.dated_taints(new.taints, old.taints);
  end if;
  if new.drain_deadline is distinct from old.drain_deadline then
    new.drain_requested_at := case when new.drain_deadline is not null then coalesce(old.drain_requested_at, pg_catalog.now()) end;
    new.drain_requested_by := case when new.drain_deadline is not null then auth.uid() end;
    new.unschedulable := new.unschedulable or new.drain_deadline is not null;
  elsif old.drain_deadline is not null and not new.unschedulable then
    raise exception 'node "%" is being drained', old.name
      using errcode = '23514', constraint = 'nodes_draining', detail = 'nodes_draining', hint = 'Set drain_deadline to null first.';
  end if;
  if not stark.node_transition_allowed(old.status, new.status) then
    new.status := old.status; -- its pods are gone already: that the socket closes now as well is no news
    new.status_reason := old.status_reason;
  elsif new.status is distinct from old.status then
    new.status_since := pg_catalog.now();
  end if;
  return new;
end
$$;
comment on function stark.guard_node() is
  'Row trigger: quantities, immutable identity, the state machine, who may share, and what an agent''s account may not touch.';

create or replace function stark.guard_node_delete() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if exists (select 1 from public.pods p where p.node_id = old.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) then
    raise exception 'node "%" still has pods', old.name
      using errcode = '23503', constraint = 'nodes_in_use', detail = 'nodes_in_use', hint = 'Drain it, or stop its pods first.';
  end if;
  return old;
end
$$;
