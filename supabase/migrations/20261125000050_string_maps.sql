-- A map of strings holds no arrays. The first check looked into them: {"zone": ["a"]} passed as a node selector, and selected nothing that
-- anybody meant.

create or replace function stark.is_string_map(value jsonb) returns boolean
language sql immutable strict parallel safe set search_path = ''
return pg_catalog.jsonb_typeof(value) = 'object'
   -- strict: the default mode looks into arrays, and {"a": ["b"]} would pass
   and not pg_catalog.jsonb_path_exists(value, 'strict $.* ? (@.type() != "string")', '{}', true);
