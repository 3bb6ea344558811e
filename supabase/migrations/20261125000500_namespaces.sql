-- Namespaces: defaults for pods that ask for nothing, quotas that are refused when they are nonsense, and names that stay ours.

alter table public.namespaces
  add column defaults jsonb not null default '{}' constraint namespaces_defaults_check check (jsonb_typeof(defaults) = 'object');
comment on column public.namespaces.defaults is
  'What a pod requests when it says nothing: {"cpu": "100m", "memory": "128Mi"}. Without it, these very values. Like a Kubernetes LimitRange''s.';
grant insert (defaults), update (defaults) on public.namespaces to authenticated;

create function stark.is_system_namespace(name text) returns boolean
language sql immutable parallel safe set search_path = ''
return name = 'default' or name like 'stark-%';
comment on function stark.is_system_namespace(text) is 'default, and every name that starts with stark-: made by migrations, never by a user.';
grant execute on function stark.is_system_namespace(text) to authenticated, service_role;

create function stark.normal_quantities(field text, given jsonb, known text[]) returns jsonb
language plpgsql immutable set search_path = ''
as $$
declare
  result jsonb := jsonb '{}';
  k text;
  v jsonb;
begin
  for k, v in select e.key, e.value from pg_catalog.jsonb_each(given) e loop
    if not k = any (known) then
      perform stark.refuse(field, 'unknown key "' || k || '"', 'Known are ' || pg_catalog.array_to_string(known, ', ') || '.');
    elsif pg_catalog.jsonb_typeof(v) = 'null' then
      continue; -- null is the same as leaving it out
    elsif pg_catalog.jsonb_typeof(v) not in ('string', 'number') then
      perform stark.refuse(field, k || ' must be a text or a number');
    elsif k = 'maxPods' then
      if v #>> '{}' !~ '^[0-9]{1,9}$' then
        perform stark.refuse(field, 'invalid maxPods "' || (v #>> '{}') || '"', 'A whole number, for example 100.');
      end if;
      result := result || pg_catalog.jsonb_build_object(k, (v #>> '{}')::bigint);
    elsif k in ('maxCpu', 'cpu') then
      result := result || pg_catalog.jsonb_build_object(k, stark.format_cpu(stark.parse_cpu(v #>> '{}')));
    else
      result := result || pg_catalog.jsonb_build_object(k, stark.format_memory(stark.parse_memory(v #>> '{}')));
    end if;
  end loop;
  return result;
end
$$;
comment on function stark.normal_quantities(text, jsonb, text[]) is
  'An object of quantities in normalised form, nulls left out. Raises 22023 for an unknown key or a value that is none.';
grant execute on function stark.normal_quantities(text, jsonb, text[]) to authenticated, service_role;

create or replace function stark.guard_namespace() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    if current_user = 'authenticated' and stark.is_system_namespace(old.name) then
      raise exception 'namespace "%" belongs to the system', old.name
        using errcode = '23514', constraint = 'namespaces_system', detail = 'namespaces_system';
    end if;
    return old;
  end if;
  if tg_op = 'UPDATE' and (new.id, new.name) is distinct from (old.id, old.name) then
    raise exception 'a namespace cannot be renamed'
      using errcode = '23514', constraint = 'namespaces_name_immutable', detail = 'namespaces_name_immutable';
  end if;
  if tg_op = 'INSERT' and current_user = 'authenticated' and stark.is_system_namespace(new.name) then
    raise exception 'namespace "%" belongs to the system', new.name
      using errcode = '23514', constraint = 'namespaces_system', detail = 'namespaces_system', hint = 'Choose another name.';
  end if;
  if pg_catalog.jsonb_typeof(new.resource_quota) = 'object' then -- else the check constraint says so
    new.resource_quota := stark.normal_quantities('resource_quota', new.resource_quota, array['maxPods', 'maxCpu', 'maxMemory']);
  end if;
  if pg_catalog.jsonb_typeof(new.defaults) = 'object' then
    new.defaults := stark.normal_quantities('defaults', new.defaults, array['cpu', 'memory']);
  end if;
  return new;
end
$$;
comment on function stark.guard_namespace() is 'Row trigger: a namespace keeps its name; its quota and defaults are well formed and normalised; ours stay.';
create trigger namespaces_guard_delete before delete on public.namespaces
  for each row execute function stark.guard_namespace();

-- `supabase db push` runs no seed on a hosted project, and a pod without a namespace goes to `default`.
insert into public.namespaces (name, labels) values
  ('default', '{}'),
  ('stark-system', '{"stark.dev/system": "true"}')
on conflict (name) do nothing;
