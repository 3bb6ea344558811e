-- Idempotency keys: a client that does not know whether its request was carried out sends it again, with the same key, and gets what was made the first time.
-- The key is claimed in the transaction that makes the thing: both are there, or neither is. Whoever comes second waits for the first.

create table stark.idempotency_keys (
  user_id uuid not null references public.users (id) on delete cascade,
  key text not null check (length(key) between 1 and 255),
  request_sha256 text not null,
  ids uuid[],
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);
comment on table stark.idempotency_keys is 'What requests with an Idempotency-Key have made, for 24 hours.';
comment on column stark.idempotency_keys.request_sha256 is 'Of route and body: the same key with another request is a mistake.';
comment on column stark.idempotency_keys.ids is 'What was made; null inside of the transaction that makes it.';
create index idempotency_keys_created_at on stark.idempotency_keys (created_at);
revoke all on stark.idempotency_keys from public, anon, authenticated, service_role;
grant select, insert (user_id, key, request_sha256), update (ids) on stark.idempotency_keys to authenticated;
alter table stark.idempotency_keys enable row level security;
create policy idempotency_keys_select on stark.idempotency_keys for select to authenticated using (user_id = (select auth.uid()));
create policy idempotency_keys_insert on stark.idempotency_keys for insert to authenticated with check (user_id = (select auth.uid()));
create policy idempotency_keys_update on stark.idempotency_keys for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create or replace function stark.prune(at_most integer default 10000) returns jsonb
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
  delete from stark.idempotency_keys k where k.created_at < pg_catalog.now() - interval '24 hours';
  return pg_catalog.jsonb_build_object('pods', pods, 'logs', logs, 'events', events, 'history', history);
end
$$;
