-- History: who asked a pod to stop is on record too, and a large statement costs a hash join whatever plan was cached for a small one.

alter table public.pod_history
  drop constraint pod_history_event_check,
  add constraint pod_history_event_check check (event in ('created', 'status', 'stop_requested', 'deleted'));
comment on column public.pod_history.event is
  'created · status: it changed · stop_requested: someone set desired_state, the pod has yet to end (to_status is null) · deleted.';
comment on column public.pod_history.pod_id is 'No foreign key: the history outlives the pod.';

-- The plan of a statement inside a trigger is cached with the row counts of its first call. A nested loop over two transition tables
-- of ten thousand rows takes minutes, so it is ruled out.
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
    select n.id, case when n.status is distinct from o.status then 'status' else 'stop_requested' end, o.status, nullif(n.status, o.status),
           n.reason, n.message, coalesce(n.node_id, o.node_id), n.incarnation, actor, as_role, correlation
    from new_rows n join old_rows o using (id)
    where n.status is distinct from o.status or n.desired_state is distinct from o.desired_state;
  end if;
  return null;
end
$$;
comment on function stark.record_pod_history() is 'Statement trigger: one history row a changed pod, a whole batch at a time.';

-- Nobody rewrites it, the table's owner by mistake included. Rows leave through stark.prune alone.
create function stark.refuse_rewrite() returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise exception '% is append-only', tg_table_name
    using errcode = '42501', constraint = tg_table_name || '_append_only', detail = tg_table_name || '_append_only';
end
$$;
comment on function stark.refuse_rewrite() is 'Statement trigger: this table is only added to.';
revoke execute on function stark.refuse_rewrite() from public;
create trigger pod_history_append_only before update or truncate on public.pod_history
  for each statement execute function stark.refuse_rewrite();
create index pod_history_at on public.pod_history using brin (at);
