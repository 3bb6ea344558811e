-- Cluster configuration: every key has a type and a range; what is not in the catalogue is refused. A later migration adds a key by
-- inserting into stark.config_keys.

create table stark.config_keys (
  key text primary key,
  type text not null check (type in ('integer', 'number', 'boolean', 'text')),
  least numeric,
  most numeric,
  choices text[],
  default_value jsonb not null,
  description text not null
);
comment on table stark.config_keys is 'What cluster_config may hold: type, range and default of each key.';
comment on column stark.config_keys.least is 'The least value of a number; null for no limit.';
comment on column stark.config_keys.most is 'The greatest value of a number; null for no limit.';
comment on column stark.config_keys.choices is 'The only values of a text; null for any.';
comment on column stark.config_keys.default_value is 'What holds while cluster_config has no row for the key.';
revoke all on stark.config_keys from public, anon, authenticated, service_role;
grant select on stark.config_keys to authenticated, service_role;
alter table stark.config_keys enable row level security;
-- No secret, and the trigger of cluster_config reads it as its caller: who may not write there is to hear that, not something else.
create policy config_keys_select on stark.config_keys for select to authenticated using (true);

insert into stark.config_keys (key, type, least, most, choices, default_value, description) values
  ('heartbeat.intervalMs', 'integer', 10, 600000, null, '10000', 'How often an agent beats.'),
  ('heartbeat.timeoutMs', 'integer', 20, 3600000, null, '30000', 'A node that was not heard for this long is unhealthy and loses its pods.'),
  ('logs.maxLinesPerPod', 'integer', 0, 1000000, null, '10000', 'How many of its newest log lines a pod keeps.'),
  ('logs.retentionHours', 'integer', 0, 87600, null, '168', 'How long log lines are kept; 0 is for ever.'),
  ('events.retentionHours', 'integer', 0, 87600, null, '168', 'How long events are kept; 0 is for ever.'),
  ('history.retentionDays', 'integer', 0, 36500, null, '90', 'How long the history of a deleted pod is kept; 0 is for ever.'),
  ('pods.retentionHours', 'integer', 0, 87600, null, '0', 'How long a pod that has ended is kept; 0 is for ever.'),
  ('scheduler.strategy', 'text', null, null, array['leastAllocated', 'mostAllocated'], '"leastAllocated"', 'Spread pods over nodes, or fill nodes up.'),
  ('scheduler.preemption', 'boolean', null, null, null, 'true', 'Whether pods of higher priority may push others off a node.');

create function stark.guard_config() returns trigger
language plpgsql set search_path = ''
as $$
declare
  kind stark.config_keys;
  given constant text := new.value #>> '{}';
begin
  select * into kind from stark.config_keys k where k.key = new.key;
  if not found then
    raise exception 'unknown setting "%"', new.key using errcode = '22023', column = 'key',
      hint = 'Known are ' || (select pg_catalog.string_agg(k.key, ', ' order by k.key) from stark.config_keys k) || '.';
  end if;
  if kind.type in ('integer', 'number') then
    if pg_catalog.jsonb_typeof(new.value) <> 'number' or (kind.type = 'integer' and given !~ '^-?[0-9]{1,18}$')
       or given::numeric < kind.least or given::numeric > kind.most then
      raise exception '% must be a% from % to %', new.key, case kind.type when 'integer' then ' whole number' else ' number' end,
          coalesce(kind.least::text, 'any'), coalesce(kind.most::text, 'any')
        using errcode = '22023', column = 'value';
    end if;
  elsif kind.type = 'boolean' and pg_catalog.jsonb_typeof(new.value) <> 'boolean' then
    raise exception '% must be true or false', new.key using errcode = '22023', column = 'value';
  elsif kind.type = 'text' and (pg_catalog.jsonb_typeof(new.value) <> 'string' or not coalesce(given = any (kind.choices), true)) then
    raise exception '% must be %', new.key, coalesce('one of ' || pg_catalog.array_to_string(kind.choices, ', '), 'a text')
      using errcode = '22023', column = 'value';
  end if;
  return new;
end
$$;
comment on function stark.guard_config() is 'Row trigger: a known key, and a value of its type and range.';
revoke execute on function stark.guard_config() from public;
create trigger cluster_config_guard before insert or update on public.cluster_config
  for each row execute function stark.guard_config();

-- Two settings that contradict each other would lose nodes that are well. Asked after the statement, so that one statement can set both.
create function stark.guard_config_pair() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if stark.config_number('heartbeat.timeoutMs') < 2 * stark.config_number('heartbeat.intervalMs') then
    raise exception 'heartbeat.timeoutMs must be at least twice heartbeat.intervalMs'
      using errcode = '23514', constraint = 'cluster_config_heartbeat', detail = 'cluster_config_heartbeat';
  end if;
  return null;
end
$$;
comment on function stark.guard_config_pair() is 'Statement trigger: one missed beat is not a lost node.';
revoke execute on function stark.guard_config_pair() from public;

create function stark.config_number(setting text) returns numeric
language sql stable security definer set search_path = ''
as $$
  select (coalesce((select c.value from public.cluster_config c where c.key = k.key), k.default_value) #>> '{}')::numeric
  from stark.config_keys k where k.key = setting and k.type in ('integer', 'number')
$$;
comment on function stark.config_number(text) is 'The value of a numeric setting, or its default.';
revoke execute on function stark.config_number(text) from public;
grant execute on function stark.config_number(text) to authenticated, service_role;

create trigger cluster_config_pair after insert or update or delete on public.cluster_config
  for each statement execute function stark.guard_config_pair();
comment on column public.cluster_config.value is 'JSON of the type that stark.config_keys names for the key.';
