-- The role as a hint in the access token, for interfaces that want to show or hide a button. Nothing is authorised by it: a role
-- changes at the next statement, a token only when it is renewed.

create function stark.custom_access_token_hook(event jsonb) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(
    (select pg_catalog.jsonb_set(event, '{claims,stark_role}', pg_catalog.to_jsonb(u.role))
     from public.users u
     where u.id = case when event ->> 'user_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (event ->> 'user_id')::uuid end),
    event)
$$;
comment on function stark.custom_access_token_hook(jsonb) is
  'Supabase Auth''s custom access token hook: adds claim stark_role. A hint for interfaces only. An unknown user''s token is left as it is.';
revoke execute on function stark.custom_access_token_hook(jsonb) from public;
grant usage on schema stark to supabase_auth_admin;
grant execute on function stark.custom_access_token_hook(jsonb) to supabase_auth_admin;
