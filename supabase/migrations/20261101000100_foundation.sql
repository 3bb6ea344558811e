-- Foundation: the unexposed schema for helpers, and Kubernetes quantities.
--
-- `stark` holds functions only. It is not among the schemas that PostgREST exposes, so nothing in it can be called as an RPC.

create schema if not exists stark;
comment on schema stark is 'Stark''s helper functions. Not exposed through PostgREST.';
grant usage on schema stark to authenticated, service_role;

-- Quantities: accepted as people write them, kept normalised, compared as integers. ----------------------------------

create function stark.parse_cpu(quantity text) returns bigint
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  if quantity ~ '^[0-9]{1,12}m$' then
    return pg_catalog.rtrim(quantity, 'm')::bigint;
  elsif quantity ~ '^[0-9]{1,9}(\.[0-9]{1,9})?$' then
    return pg_catalog.ceil(quantity::numeric * 1000)::bigint;
  end if;
  raise exception 'invalid cpu quantity "%"', quantity
    using errcode = '22023', hint = 'Use cores or millicores, for example "0.5" or "250m".';
end
$$;
comment on function stark.parse_cpu(text) is
  'Kubernetes cpu quantity ("250m", "0.5", "2") to millicores, rounded up. Raises 22023 for anything else.';

create function stark.parse_memory(quantity text) returns bigint
language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
  parts text[] := pg_catalog.regexp_match(quantity, '^([0-9]{1,15}(?:\.[0-9]{1,9})?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$');
  factor numeric;
  bytes numeric;
begin
  if parts is not null then
    factor := case coalesce(parts[2], '')
      when '' then 1
      when 'k' then 1e3 when 'M' then 1e6 when 'G' then 1e9 when 'T' then 1e12 when 'P' then 1e15
      when 'Ki' then 1024::numeric when 'Mi' then 1048576::numeric when 'Gi' then 1073741824::numeric
      when 'Ti' then 1099511627776::numeric when 'Pi' then 1125899906842624::numeric
    end;
    bytes := pg_catalog.ceil(parts[1]::numeric * factor);
    if bytes <= 9007199254740991 then -- what a JavaScript number holds exactly
      return bytes::bigint;
    end if;
  end if;
  raise exception 'invalid memory quantity "%"', quantity
    using errcode = '22023', hint = 'Use bytes with a suffix, for example "128Mi" or "1Gi".';
end
$$;
comment on function stark.parse_memory(text) is
  'Kubernetes memory quantity ("128Mi", "1Gi", "1.5G", "1024") to bytes, rounded up. Raises 22023 for anything else.';

create function stark.format_cpu(millis bigint) returns text
language sql immutable strict parallel safe set search_path = ''
return case when millis % 1000 = 0 then (millis / 1000)::text else millis::text || 'm' end;
comment on function stark.format_cpu(bigint) is 'Millicores as a normalised quantity: 250 → "250m", 2000 → "2".';

create function stark.format_memory(bytes bigint) returns text
language sql immutable strict parallel safe set search_path = ''
return case
  when bytes = 0 then '0'
  when bytes % 1125899906842624 = 0 then (bytes / 1125899906842624)::text || 'Pi'
  when bytes % 1099511627776 = 0 then (bytes / 1099511627776)::text || 'Ti'
  when bytes % 1073741824 = 0 then (bytes / 1073741824)::text || 'Gi'
  when bytes % 1048576 = 0 then (bytes / 1048576)::text || 'Mi'
  when bytes % 1024 = 0 then (bytes / 1024)::text || 'Ki'
  else bytes::text
end;
comment on function stark.format_memory(bigint) is 'Bytes as a normalised quantity: 134217728 → "128Mi".';

-- Names and labels. ---------------------------------------------------------------------------------------------------

create function stark.is_dns_label(name text) returns boolean
language sql immutable strict parallel safe set search_path = ''
return name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
comment on function stark.is_dns_label(text) is 'RFC 1123 label: at most 63 of a-z, 0-9 and "-", not at an end.';

create function stark.is_string_map(value jsonb) returns boolean
language sql immutable strict parallel safe set search_path = ''
return pg_catalog.jsonb_typeof(value) = 'object'
   and not pg_catalog.jsonb_path_exists(value, '$.* ? (@.type() != "string")');
comment on function stark.is_string_map(jsonb) is 'An object whose values are all strings: labels, annotations, env.';

create function stark.touch() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.updated_at := pg_catalog.now();
  new.revision := old.revision + 1;
  return new;
end
$$;
comment on function stark.touch() is 'Row trigger: bumps revision (optimistic locking) and updated_at.';

grant execute on function
  stark.parse_cpu(text), stark.parse_memory(text), stark.format_cpu(bigint), stark.format_memory(bigint),
  stark.is_dns_label(text), stark.is_string_map(jsonb), stark.touch()
to authenticated, service_role;
