-- A pod's status is reported by its node and nobody else. Over the WebSocket the server says so for the agent; this is the same rule
-- for an agent's own connection: plain SQL under its own role, which has no right to write the columns.

create function stark.report_pod_status(
  pod uuid, incarnation bigint, status text, reason text default '', message text default '', result jsonb default null
) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  p public.pods;
begin
  select d.* into p from public.pods d join public.nodes n on n.id = d.node_id
  where d.id = pod and n.owner_id = auth.uid() and (select stark.i_am('admin', 'operator', 'developer', 'node'))
  for update of d;
  if not found then
    -- not there, and not yours: the same answer, so that ids do not leak
    raise exception 'no such pod on a node of yours'
      using errcode = '42501', constraint = 'pods_report_owner', detail = 'pods_report_owner', hint = 'Only the node that a pod is on reports its status.';
  end if;
  if p.incarnation <> report_pod_status.incarnation then
    raise exception 'incarnation % of the pod is over', report_pod_status.incarnation
      using errcode = '23514', constraint = 'pods_report_stale', detail = 'pods_report_stale', hint = 'Stop it.';
  end if;
  if report_pod_status.status is null or report_pod_status.status not in ('starting', 'running', 'stopping', 'stopped', 'failed') then
    perform stark.refuse('status', 'a node reports starting, running, stopping, stopped or failed');
  end if;
  update public.pods d
  set status = report_pod_status.status, reason = coalesce(report_pod_status.reason, ''), message = coalesce(report_pod_status.message, ''),
      result = coalesce(report_pod_status.result, d.result)
  where d.id = pod
  returning d.status into p.status;
  return p.status;
end
$$;
comment on function stark.report_pod_status(uuid, bigint, text, text, text, jsonb) is
  'An agent reports a pod of a node that it owns. Raises 42501 (pods_report_owner), 23514 (pods_report_stale, pods_transition) or 22023. Returns the status.';
revoke execute on function stark.report_pod_status(uuid, bigint, text, text, text, jsonb) from public;
grant execute on function stark.report_pod_status(uuid, bigint, text, text, text, jsonb) to authenticated, service_role;
