-- Storage: one's own folder, insert only; agents read the bundles of the pods that are on their nodes, while they are.
begin;
create extension if not exists pgtap with schema extensions;
select plan(80);
\ir helpers/world.psql

insert into storage.objects (bucket_id, name) select 'packs', bundle_path from public.packs;
insert into storage.objects (bucket_id, name) values ('packs', tests.id('dev') || '/loose.mjs'), ('packs', tests.id('other') || '/loose.mjs');
insert into storage.buckets (id, name) values ('elsewhere', 'elsewhere');
insert into storage.objects (bucket_id, name) values ('elsewhere', tests.id('dev') || '/loose.mjs');

create function tests.bundle(pack text) returns text language sql security definer as $$ select bundle_path from public.packs where name = pack $$;
create function tests.storage(what text, statement text, expected jsonb) returns setof text language plpgsql as $$
declare
  a record;
  got text;
begin
  for a in select * from tests.actors where actor <> 'service' order by position loop
    perform tests.become(a.actor);
    got := tests.attempt(statement);
    perform tests.become('owner');
    return next extensions.is(got, coalesce(expected ->> a.actor, expected ->> 'else'), what || ' as ' || a.actor);
  end loop;
end
$$;
grant execute on all functions in schema tests to public;

-- What Storage says of itself before it deletes: plain SQL is not to leave files behind.
do $$ begin perform set_config('storage.allow_delete_query', 'true', true); end $$;
select is((select public from storage.buckets where id = 'packs'), false, 'the bucket is private');
select tests.storage('upload into the own folder', $$insert into storage.objects (bucket_id, name) values ('packs', auth.uid() || '/new.mjs')$$,
  '{"other": "1", "dev": "1", "admin": "1", "else": "42501"}');
select tests.storage('upload into another''s folder', $$insert into storage.objects (bucket_id, name) values ('packs', tests.id('viewer') || '/new.mjs')$$, '{"else": "42501"}');
select tests.storage('upload into no folder', $$insert into storage.objects (bucket_id, name) values ('packs', 'new.mjs')$$, '{"else": "42501"}');
select tests.storage('upload into another bucket', $$insert into storage.objects (bucket_id, name) values ('elsewhere', auth.uid() || '/new.mjs')$$, '{"else": "42501"}');
select tests.storage('overwrite', $$update storage.objects set metadata = '{}' where name = tests.id('dev') || '/loose.mjs' and bucket_id = 'packs'$$, '{"else": "0"}');
select tests.storage('read a private pack', $$select from storage.objects where name = tests.bundle('dev-private')$$,
  '{"agent": "1", "dev": "1", "admin": "1", "else": "0"}'); -- it runs on the agent's node
select tests.storage('read another private pack', $$select from storage.objects where name = tests.bundle('other-private')$$, '{"other": "1", "admin": "1", "else": "0"}');
select tests.storage('read a public pack that runs nowhere', $$select from storage.objects where name = tests.bundle('unused')$$,
  '{"anon": "0", "nobody": "0", "agent": "0", "else": "1"}');
select tests.storage('remove a loose object', $$delete from storage.objects where bucket_id = 'packs' and name = tests.id('dev') || '/loose.mjs'$$,
  '{"dev": "1", "admin": "1", "else": "0"}');

-- The agent reads while the pod is there.
select tests.become('agent');
select is((select count(*) from storage.objects where bucket_id = 'packs'), 2::bigint, 'an agent sees what it runs, and nothing else');
select tests.become('owner');
update public.pods set status = 'stopped' where name = 'dev-pod';
select tests.become('agent');
select is((select count(*) from storage.objects where name = tests.bundle('dev-private')), 0::bigint, 'not when the pod has ended');

-- A registered bundle stays.
select tests.become('dev');
select is(tests.attempt($$delete from storage.objects where name = tests.bundle('dev-private')$$), '0', 'a registered bundle stays');
select tests.become('admin');
select is(tests.attempt($$delete from storage.objects where name = tests.bundle('dev-private')$$), '0', 'for an admin, too');
select tests.become('owner');
delete from public.deployments;
delete from public.pods;
delete from public.packs;
select tests.become('dev');
select is(tests.attempt($$delete from storage.objects where bucket_id = 'packs'$$), '4', 'until its version is deleted');
-- A role that is gone takes the folder with it.
select tests.become('owner');
update public.users set role = 'viewer' where id = tests.id('dev');
select tests.become('dev');
select is(tests.attempt($$insert into storage.objects (bucket_id, name) values ('packs', auth.uid() || '/new.mjs')$$), '42501', 'no developer any more');
select is(tests.attempt($$delete from storage.objects where bucket_id = 'packs'$$), '0', 'no developer any more');
select * from finish();
rollback;
