-- Users, roles, the first admin, and the hint in the token.
begin;
create extension if not exists pgtap with schema extensions;
select plan(42);
\ir helpers/world.psql

-- Roles come from the table and from nowhere else.
insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data)
  values ('a0000000-0000-4000-8000-0000000000ff', 'authenticated', 'authenticated', 'eve@example.com', '{"role": "admin"}', '{"role": "admin", "stark_role": "admin"}');
select is((select role from public.users where email = 'eve@example.com'), 'viewer', 'metadata gives nobody a role');
do $$ begin perform set_config('role', 'authenticated', true), set_config('request.jwt.claims',
  '{"sub": "a0000000-0000-4000-8000-0000000000ff", "role": "authenticated", "stark_role": "admin", "user_metadata": {"role": "admin"}}', true); end $$;
select is(stark.my_role(), 'viewer', 'nor do claims');
select is(stark.i_am('admin', 'operator'), false, 'nor do claims');
select tests.become('owner');
update auth.users set email = 'eva@example.com' where email = 'eve@example.com';
select is((select count(*) from public.users where email = 'eva@example.com'), 1::bigint, 'a changed address is mirrored');
delete from auth.users where email = 'eva@example.com';
select is((select count(*) from public.users where email = 'eva@example.com'), 0::bigint, 'a deleted account is gone here too');

select tests.become('viewer');
select is(tests.refusal($$update public.users set role = 'admin' where id = auth.uid()$$), '42501 users_role', 'a viewer makes no admin of themselves');
select tests.become('operator');
select is(tests.refusal($$update public.users set role = 'admin' where id = auth.uid()$$), '42501 users_role', 'nor does an operator');
select tests.become('dev');
select lives_ok($$update public.users set display_name = 'Dev' where id = auth.uid()$$, 'one''s own name is one''s own');
select is((select revision from public.users where id = auth.uid()), 3::bigint, 'and an update bumps the revision');
select tests.become('service');
select is(tests.refusal($$update public.users set id = gen_random_uuid() where email = 'dev@example.com'$$), '23514 users_immutable', 'ids stay');
select is(tests.attempt($$update public.users set role = 'root' where email = 'dev@example.com'$$), '23514', 'there are five roles');

-- A role bites at the next statement.
select tests.become('viewer');
select is(tests.attempt($$insert into public.namespaces (name) values ('later')$$), '42501', 'a viewer makes no namespace');
select tests.become('admin');
select lives_ok($$update public.users set role = 'operator' where email = 'viewer@example.com'$$, 'an admin makes them operator');
select tests.become('viewer');
select is(tests.attempt($$insert into public.namespaces (name) values ('later')$$), '1', 'and the same token may');
select tests.become('admin');
select lives_ok($$update public.users set role = 'viewer' where email = 'viewer@example.com'$$, 'no longer operator');
select tests.become('viewer');
select is(tests.attempt($$insert into public.namespaces (name) values ('later')$$), '42501', 'and the same token may not');

-- The last admin stays.
select tests.become('admin');
select is(tests.refusal($$update public.users set role = 'viewer' where id = auth.uid()$$), '23514 users_last_admin', 'the last admin stays');
select lives_ok($$update public.users set role = 'admin' where email = 'operator@example.com'$$, 'with another');
select is(tests.refusal($$update public.users set role = 'viewer' where id = auth.uid()$$), '1 rows', 'one may go');
select lives_ok($$update public.users set role = 'operator' where email = 'operator@example.com'$$, 'as before');
select is((select count(*) from public.events where kind = 'user' and reason = 'role_changed'), 9::bigint, 'every change of a role is an event');

-- The first admin. With one there, nothing is offered.
select tests.become('service');
select is(stark.offer_setup(), null, 'no token while there is an admin');
select tests.become('dev');
select is(tests.refusal($$select stark.setup_admin('stark_setup_x')$$), '23514 setup_done', 'nor a second first admin');
select is(tests.attempt($$select stark.offer_setup()$$), '42501', 'users offer nothing');
select is(tests.attempt($$select * from stark.setup_token$$), '42501', 'and do not read it');
select tests.become('service');
select is(tests.attempt($$select * from stark.setup_token$$), '42501', 'nor does the service');

select tests.become('owner');
update public.users set role = 'viewer' where role = 'admin';
select tests.become('service');
create temporary table offer on commit drop as select stark.offer_setup() as token;
grant select on offer to public;
select matches((select token from offer), '^stark_setup_[0-9a-f]{64}$', 'without an admin there is a token');
select is(stark.offer_setup(), null, 'which is said once');
select tests.become('nobody');
select is(tests.refusal($$select stark.setup_admin((select token from offer))$$), '42501 setup_login', 'a user that is gone becomes no admin');
select tests.become('anon');
select is(tests.attempt($$select stark.setup_admin((select token from offer))$$), '42501', 'nor does anon');
select tests.become('viewer');
select is(tests.refusal($$select stark.setup_admin('stark_setup_' || repeat('0', 64))$$), '42501 setup_token', 'a wrong token');
select is(tests.refusal($$select stark.setup_admin(null)$$), '42501 setup_token', 'no token');
select tests.become('owner');
update stark.setup_token set expires_at = now() - interval '1 second';
select tests.become('viewer');
select is(tests.refusal($$select stark.setup_admin((select token from offer))$$), '42501 setup_token', 'a token that has expired');
select tests.become('service');
create temporary table renewed on commit drop as select stark.offer_setup() as token;
grant select on renewed to public;
select isnt((select token from renewed), (select token from offer), 'is replaced by another');
select isnt(stark.offer_setup(renew => true), null, 'as an unused one is when asked for');
update renewed set token = stark.offer_setup(interval '1 hour', true);
select tests.become('viewer');
select is(stark.setup_admin((select token from renewed)), tests.id('viewer'), 'the right token makes its bearer admin');
select is(stark.my_role(), 'admin', 'at once');
select tests.become('other');
select is(tests.refusal($$select stark.setup_admin((select token from renewed))$$), '23514 setup_done', 'once');

-- The hint.
select tests.become('dev');
select is(tests.attempt($$select stark.custom_access_token_hook('{}')$$), '42501', 'the hook is Auth''s alone');
set local role supabase_auth_admin;
create temporary table hooked as select
  stark.custom_access_token_hook(jsonb_build_object('user_id', tests.id('dev'), 'claims', '{"sub": "x"}'::jsonb)) as known,
  stark.custom_access_token_hook('{"user_id": "a0000000-0000-4000-8000-000000000000", "claims": {"sub": "x"}}') as gone,
  stark.custom_access_token_hook('{"user_id": "nonsense", "claims": {"sub": "x"}}') as nonsense;
grant select on hooked to public;
reset role;
select is((select known -> 'claims' from hooked), '{"sub": "x", "stark_role": "developer"}'::jsonb, 'the hook adds the role');
select is((select gone -> 'claims' from hooked), '{"sub": "x"}'::jsonb, 'and nothing for a user that is gone');
select is((select nonsense -> 'claims' from hooked), '{"sub": "x"}'::jsonb, 'and fails no login');
select * from finish();
rollback;
