-- What grows is bounded: log lines, events, the history of deleted pods and, when asked for, pods that have ended.

alter table public.pod_logs add constraint pod_logs_line_check check (octet_length(line) <= 131072);
create index pod_logs_at on public.pod_logs using brin (at);
create index pods_finished_at on public.pods (finished_at) where finished_at is not null;
comment on column public.pod_logs.line is 'One line as printed; agents cut it at 16 KiB.';
comment on column public.pod_logs.stream is 'stdout, stderr, or system: what the agent itself has to say about the pod.';

-- By the pod's own row, so that reading one pod's log does not collect all pods of its owner first.
alter policy pod_logs_select on public.pod_logs
  using ((select stark.i_am('admin', 'operator'))
         or ((select stark.i_am('developer', 'viewer'))
             and exists (select 1 from public.pods p where p.id = pod_id and p.created_by = (select auth.uid()))));

create function stark.prune(at_most integer default 10000) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  hours numeric;
  pods bigint := 0;
  logs bigint := 0;
  events bigint := 0;
  history bigint := 0;
begin
  hours := stark.config_number('pods.retentionHours');
  if hours > 0 then
    delete from public.pods p where p.id in (
      select o.id from public.pods o where o.finished_at < pg_catalog.now() - pg_catalog.make_interval(hours => hours::integer)
      order by o.finished_at limit at_most for update skip locked);
    get diagnostics pods = row_count;
  end if;
  hours := stark.config_number('logs.retentionHours');
  if hours > 0 then
    delete from public.pod_logs l where l.id in (
      select o.id from public.pod_logs o where o.at < pg_catalog.now() - pg_catalog.make_interval(hours => hours::integer) limit at_most);
    get diagnostics logs = row_count;
  end if;
  hours := stark.config_number('events.retentionHours');
  if hours > 0 then
    delete from public.events e where e.id in (
      select o.id from public.events o where o.at < pg_catalog.now() - pg_catalog.make_interval(hours => hours::integer) limit at_most);
    get diagnostics events = row_count;
  end if;
  hours := 24 * stark.config_number('history.retentionDays');
  if hours > 0 then
    delete from public.pod_history h where h.id in (
      select o.id from public.pod_history o
      where o.at < pg_catalog.now() - pg_catalog.make_interval(hours => hours::integer)
        and not exists (select 1 from public.pods p where p.id = o.pod_id)
      limit at_most);
    get diagnostics history = row_count;
  end if;
  return pg_catalog.jsonb_build_object('pods', pods, 'logs', logs, 'events', events, 'history', history);
end
$$;
comment on function stark.prune(integer) is
  'Deletes what is older than cluster_config keeps it, at most so many rows of each kind, and says how many. Call again while it says so many. For the service role.';
revoke execute on function stark.prune(integer) from public;
grant execute on function stark.prune(integer) to service_role;
