-- What scheduling reads from jsonb columns is well formed when it arrives: taints, tolerations, affinity, topology spread. Source of the
-- shapes: the Kubernetes API reference (Taint, Toleration, Affinity, TopologySpreadConstraint). All refusals are 22023 and
-- name the column.

create function stark.refuse(field text, message text, advice text default '') returns void
language plpgsql set search_path = ''
as $$
begin
  raise exception '%: %', field, message using errcode = '22023', column = field, hint = advice;
end
$$;
comment on function stark.refuse(text, text, text) is 'Raises 22023: a value of this field is not valid.';

create function stark.is_label_key(key text) returns boolean
language sql immutable parallel safe set search_path = ''
return coalesce(key ~ '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$', false);
comment on function stark.is_label_key(text) is 'A Kubernetes label key: an optional DNS prefix and "/", then at most 63 of A-Z, a-z, 0-9, "-", "_" and ".".';

create function stark.is_whole(value jsonb, low bigint, high bigint) returns boolean
language sql immutable parallel safe set search_path = ''
return coalesce(case when pg_catalog.jsonb_typeof(value) = 'number' and value #>> '{}' ~ '^-?[0-9]{1,18}$'
  then (value #>> '{}')::bigint between low and high end, false);
comment on function stark.is_whole(jsonb, bigint, bigint) is 'A JSON number without a fraction, in this range.';

create function stark.check_taints(field text, taints jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  t jsonb;
begin
  if pg_catalog.jsonb_typeof(taints) is distinct from 'array' or pg_catalog.jsonb_array_length(taints) > 100 then
    perform stark.refuse(field, 'must be an array of at most 100 taints');
  end if;
  for t in select * from pg_catalog.jsonb_array_elements(taints) loop
    if not stark.is_string_map(pg_catalog.jsonb_strip_nulls(t)) then
      perform stark.refuse(field, 'a taint is an object of texts', 'For example {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}.');
    elsif not stark.is_label_key(t ->> 'key') then
      perform stark.refuse(field, 'a taint needs a key', 'For example {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}.');
    elsif coalesce(t ->> 'effect', '') not in ('NoSchedule', 'PreferNoSchedule', 'NoExecute') then
      perform stark.refuse(field, 'unknown taint effect', 'Use NoSchedule, PreferNoSchedule or NoExecute.');
    end if;
  end loop;
  if exists (select 1 from pg_catalog.jsonb_array_elements(taints) e group by e ->> 'key', e ->> 'effect' having count(*) > 1) then
    perform stark.refuse(field, 'two taints have the same key and effect');
  end if;
end
$$;
comment on function stark.check_taints(text, jsonb) is 'Refuses (22023) what is not an array of taints, unique by key and effect.';

create function stark.check_tolerations(field text, tolerations jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  t jsonb;
  operator text;
begin
  if pg_catalog.jsonb_typeof(tolerations) is distinct from 'array' or pg_catalog.jsonb_array_length(tolerations) > 100 then
    perform stark.refuse(field, 'must be an array of at most 100 tolerations');
  end if;
  for t in select * from pg_catalog.jsonb_array_elements(tolerations) loop
    if not coalesce(stark.is_string_map(pg_catalog.jsonb_strip_nulls(t) #- '{tolerationSeconds}'), false) then
      perform stark.refuse(field, 'a toleration is an object of texts', 'For example {"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}.');
    end if;
    operator := coalesce(nullif(t ->> 'operator', ''), 'Equal');
    if operator not in ('Equal', 'Exists') then
      perform stark.refuse(field, 'unknown operator', 'Use Equal or Exists.');
    elsif coalesce(t ->> 'key', '') = '' and operator = 'Equal' then
      perform stark.refuse(field, 'a toleration without a key needs operator Exists', 'It then tolerates every taint.');
    elsif coalesce(t ->> 'key', '') <> '' and not stark.is_label_key(t ->> 'key') then
      perform stark.refuse(field, 'the key of a toleration is not a label key');
    elsif operator = 'Exists' and coalesce(t ->> 'value', '') <> '' then
      perform stark.refuse(field, 'a toleration with operator Exists has no value');
    elsif coalesce(t ->> 'effect', '') not in ('', 'NoSchedule', 'PreferNoSchedule', 'NoExecute') then
      perform stark.refuse(field, 'unknown taint effect', 'Use NoSchedule, PreferNoSchedule or NoExecute, or leave it out for all.');
    elsif t ->> 'tolerationSeconds' is not null
          and (pg_catalog.jsonb_typeof(t -> 'tolerationSeconds') <> 'number' or t ->> 'tolerationSeconds' !~ '^-?[0-9]{1,12}$') then
      perform stark.refuse(field, 'tolerationSeconds is a whole number');
    end if;
  end loop;
end
$$;
comment on function stark.check_tolerations(text, jsonb) is 'Refuses (22023) what is not an array of tolerations.';

create function stark.check_expressions(field text, expressions jsonb, operators text[]) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  e jsonb;
  given integer;
begin
  if pg_catalog.jsonb_typeof(expressions) is distinct from 'array' then
    perform stark.refuse(field, 'expressions are an array of {"key", "operator", "values"}');
  end if;
  for e in select * from pg_catalog.jsonb_array_elements(expressions) loop
    if not stark.is_string_map(e #- '{values}') or not stark.is_label_key(e ->> 'key') then
      perform stark.refuse(field, 'an expression needs a label key', 'For example {"key": "zone", "operator": "In", "values": ["a"]}.');
    elsif not coalesce(e ->> 'operator' = any (operators), false) then
      perform stark.refuse(field, 'unknown operator', 'Use one of ' || pg_catalog.array_to_string(operators, ', ') || '.');
    elsif e -> 'values' is not null
          and (pg_catalog.jsonb_typeof(e -> 'values') <> 'array' or pg_catalog.jsonb_path_exists(e, '$.values[*] ? (@.type() != "string")')) then
      perform stark.refuse(field, 'the values of an expression are an array of texts');
    end if;
    given := coalesce(pg_catalog.jsonb_array_length(e -> 'values'), 0);
    if e ->> 'operator' in ('In', 'NotIn') and given = 0 then
      perform stark.refuse(field, 'In and NotIn need values');
    elsif e ->> 'operator' in ('Exists', 'DoesNotExist') and given > 0 then
      perform stark.refuse(field, 'Exists and DoesNotExist have no values');
    elsif e ->> 'operator' in ('Gt', 'Lt') and (given <> 1 or (e -> 'values' ->> 0) !~ '^-?[0-9]{1,18}$') then
      perform stark.refuse(field, 'Gt and Lt need one whole number, as a text', 'For example {"key": "cores", "operator": "Gt", "values": ["4"]}.');
    end if;
  end loop;
end
$$;
comment on function stark.check_expressions(text, jsonb, text[]) is 'Refuses (22023) match expressions that are malformed or use another operator.';

create function stark.check_label_selector(field text, selector jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  unknown text;
begin
  if selector is null or selector = 'null' then
    return; -- selects nothing in one place, everything in another: allowed in both
  elsif pg_catalog.jsonb_typeof(selector) <> 'object' then
    perform stark.refuse(field, 'a label selector is an object', 'For example {"matchLabels": {"app": "web"}}.');
  end if;
  select k into unknown from pg_catalog.jsonb_object_keys(selector) k where k not in ('matchLabels', 'matchExpressions') limit 1;
  if unknown is not null then
    perform stark.refuse(field, 'unknown part of a label selector: ' || unknown, 'Known are matchLabels and matchExpressions.');
  elsif selector ? 'matchLabels' and not stark.is_string_map(selector -> 'matchLabels') then
    perform stark.refuse(field, 'matchLabels is an object of texts');
  elsif selector ? 'matchExpressions' then
    perform stark.check_expressions(field, selector -> 'matchExpressions', array['In', 'NotIn', 'Exists', 'DoesNotExist']);
  end if;
end
$$;
comment on function stark.check_label_selector(text, jsonb) is 'Refuses (22023) what is not {"matchLabels", "matchExpressions"}.';

create function stark.check_topology_spread(field text, constraints jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  c jsonb;
begin
  if pg_catalog.jsonb_typeof(constraints) is distinct from 'array' or pg_catalog.jsonb_array_length(constraints) > 16 then
    perform stark.refuse(field, 'must be an array of at most 16 constraints');
  end if;
  for c in select * from pg_catalog.jsonb_array_elements(constraints) loop
    if not stark.is_whole(c -> 'maxSkew', 1, 999999) then
      perform stark.refuse(field, 'maxSkew is a whole number of at least 1');
    elsif pg_catalog.jsonb_typeof(c -> 'topologyKey') is distinct from 'string' or not stark.is_label_key(c ->> 'topologyKey') then
      perform stark.refuse(field, 'topologyKey is the key of a node label', 'For example "zone".');
    elsif coalesce(c ->> 'whenUnsatisfiable', '') not in ('DoNotSchedule', 'ScheduleAnyway') then
      perform stark.refuse(field, 'whenUnsatisfiable is DoNotSchedule or ScheduleAnyway');
    elsif c ->> 'minDomains' is not null and not stark.is_whole(c -> 'minDomains', 1, 999999) then
      perform stark.refuse(field, 'minDomains is a whole number of at least 1');
    end if;
    perform stark.check_label_selector(field, c -> 'labelSelector');
  end loop;
end
$$;
comment on function stark.check_topology_spread(text, jsonb) is 'Refuses (22023) what is not an array of topology spread constraints.';

create function stark.check_node_term(field text, term jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  unknown text;
  part text;
begin
  if pg_catalog.jsonb_typeof(term) is distinct from 'object' then
    perform stark.refuse(field, 'a node selector term is an object');
  end if;
  select k into unknown from pg_catalog.jsonb_object_keys(term) k where k not in ('matchExpressions', 'matchFields') limit 1;
  if unknown is not null then
    perform stark.refuse(field, 'unknown part of a node selector term: ' || unknown, 'Known are matchExpressions and matchFields.');
  end if;
  for part in select * from pg_catalog.jsonb_object_keys(term) loop
    perform stark.check_expressions(field, term -> part, array['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']);
  end loop;
end
$$;
comment on function stark.check_node_term(text, jsonb) is 'Refuses (22023) what is not one nodeSelectorTerm or preference.';

create function stark.check_pod_term(field text, term jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if pg_catalog.jsonb_typeof(term -> 'topologyKey') is distinct from 'string' or not stark.is_label_key(term ->> 'topologyKey') then
    perform stark.refuse(field, 'a pod affinity term needs a topologyKey', 'For example {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}.');
  elsif term ? 'namespaces' and (pg_catalog.jsonb_typeof(term -> 'namespaces') <> 'array'
      or pg_catalog.jsonb_path_exists(term, '$.namespaces[*] ? (@.type() != "string")')) then
    perform stark.refuse(field, 'namespaces is an array of names');
  end if;
  perform stark.check_label_selector(field, term -> 'labelSelector');
  perform stark.check_label_selector(field, term -> 'namespaceSelector');
end
$$;
comment on function stark.check_pod_term(text, jsonb) is 'Refuses (22023) what is not one pod affinity term.';

create function stark.check_affinity_part(field text, kind text, part text, rules jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  rule jsonb;
begin
  if part not in ('requiredDuringSchedulingIgnoredDuringExecution', 'preferredDuringSchedulingIgnoredDuringExecution') then
    perform stark.refuse(field, kind || ' has an unknown part',
      'Known are requiredDuringSchedulingIgnoredDuringExecution and preferredDuringSchedulingIgnoredDuringExecution.');
  end if;
  if kind = 'nodeAffinity' and part like 'required%' then
    rules := rules -> 'nodeSelectorTerms';
    if pg_catalog.jsonb_typeof(rules) is distinct from 'array' or pg_catalog.jsonb_array_length(rules) = 0 then
      perform stark.refuse(field, 'required node affinity needs nodeSelectorTerms');
    end if;
  elsif pg_catalog.jsonb_typeof(rules) <> 'array' then
    perform stark.refuse(field, part || ' is an array');
  end if;
  for rule in select * from pg_catalog.jsonb_array_elements(rules) loop
    if part like 'preferred%' then
      if not stark.is_whole(rule -> 'weight', 1, 100) then
        perform stark.refuse(field, 'a preference has a weight from 1 to 100');
      end if;
      rule := rule -> (case kind when 'nodeAffinity' then 'preference' else 'podAffinityTerm' end);
    end if;
    if kind = 'nodeAffinity' then
      perform stark.check_node_term(field, rule);
    else
      perform stark.check_pod_term(field, rule);
    end if;
  end loop;
end
$$;
comment on function stark.check_affinity_part(text, text, text, jsonb) is 'Refuses (22023) what is not the required or preferred rules of one kind of affinity.';

create function stark.check_affinity(field text, affinity jsonb) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  kind text;
  parts jsonb;
  part text;
  rules jsonb;
begin
  if pg_catalog.jsonb_typeof(affinity) is distinct from 'object' then
    perform stark.refuse(field, 'must be an object', 'Known are nodeAffinity, podAffinity and podAntiAffinity.');
  end if;
  for kind, parts in select e.key, e.value from pg_catalog.jsonb_each(affinity) e loop
    if kind not in ('nodeAffinity', 'podAffinity', 'podAntiAffinity') then
      perform stark.refuse(field, 'unknown kind of affinity: ' || kind, 'Known are nodeAffinity, podAffinity and podAntiAffinity.');
    elsif pg_catalog.jsonb_typeof(parts) <> 'object' then
      perform stark.refuse(field, kind || ' is an object');
    end if;
    for part, rules in select e.key, e.value from pg_catalog.jsonb_each(parts) e loop
      perform stark.check_affinity_part(field, kind, part, rules);
    end loop;
  end loop;
end
$$;
comment on function stark.check_affinity(text, jsonb) is 'Refuses (22023) affinity that is not as in Kubernetes.';

revoke execute on function
  stark.refuse(text, text, text), stark.is_label_key(text), stark.is_whole(jsonb, bigint, bigint),
  stark.check_taints(text, jsonb), stark.check_tolerations(text, jsonb),
  stark.check_expressions(text, jsonb, text[]), stark.check_label_selector(text, jsonb), stark.check_topology_spread(text, jsonb),
  stark.check_node_term(text, jsonb), stark.check_pod_term(text, jsonb), stark.check_affinity_part(text, text, text, jsonb),
  stark.check_affinity(text, jsonb)
from public;
grant execute on function
  stark.refuse(text, text, text), stark.is_label_key(text), stark.is_whole(jsonb, bigint, bigint),
  stark.check_taints(text, jsonb), stark.check_tolerations(text, jsonb),
  stark.check_expressions(text, jsonb, text[]), stark.check_label_selector(text, jsonb), stark.check_topology_spread(text, jsonb),
  stark.check_node_term(text, jsonb), stark.check_pod_term(text, jsonb), stark.check_affinity_part(text, text, text, jsonb),
  stark.check_affinity(text, jsonb)
to authenticated, service_role;
