-- Packs: names, versions, paths, immutability, and their order.
begin;
create extension if not exists pgtap with schema extensions;
select plan(53);
\ir helpers/world.psql

create function tests.pack(name text, version text, path text default null) returns text language sql as $$
  select tests.refusal(format($f$insert into public.packs (name, version, runtime_tag, bundle_path, bundle_sha256, bundle_size)
    values (%L, %L, 'node', %L, repeat('b', 64), 1)$f$, name, version, coalesce(path, auth.uid() || '/p/1/b.mjs')))
$$;
grant execute on function tests.pack to public;

select tests.become('dev');
-- names and versions
select is(tests.pack(n, '1.0.0'), '23514 packs_name_check', 'name ' || n) from unnest(array['', 'Upper', '-a', 'a-', 'a_b', 'ä', 'a.b', repeat('a', 64)]) n;
select is(tests.pack(n, '1.0.0'), '1 rows', 'name ' || n) from unnest(array['a', 'a-b', '0a', repeat('a', 63)]) n;
select is(tests.pack('p', v), '23514 packs_version_check', 'version ' || v)
  from unnest(array['', '1', '1.0', 'v1.0.0', '01.0.0', '1.0.0-', '1.0.0+', '1.0.0-a..b', '1.0.0 ', '1.0.0-ä']) v;
select is(tests.pack('p', v), '1 rows', 'version ' || v) from unnest(array['0.0.0', '1.2.3-alpha.1', '1.0.0+build.5', '10.20.30-rc-1+x']) v;
-- one's own folder, and no way out of it
select is(tests.pack('p', '1.0.0', p), '42501', 'path ' || p) from unnest(array[tests.id('other') || '/p/1/b.mjs', 'p/b.mjs']) p;
select is(tests.pack('p', '1.0.0', auth.uid() || p), '23514 packs_bundle_path_clean', 'path ' || p)
  from unnest(array['/../x', '/./x', '//x', '/x/', '/a\b', E'/a\nb']) p;
-- the name belongs to whoever had it first
select tests.become('other');
select is(tests.pack('dev-private', '2.0.0'), '23505 packs_name_owner', 'a name that is another''s, though invisible');
select is(tests.pack('dev-public', '2.0.0'), '23505 packs_name_owner', 'a name that is another''s');
select tests.become('dev');
select is(tests.pack('dev-public', '2.0.0'), '1 rows', 'one''s own name');
select is(tests.pack('dev-public', '1.0.0'), '23505 packs_name_version_key', 'a version that is there');
-- entry
select is(tests.refusal($$insert into public.packs (name, version, runtime_tag, bundle_path, bundle_sha256, bundle_size, entry)
  values ('p', '1.0.0', 'node', auth.uid() || '/p', repeat('b', 64), 1, '{"format": "umd"}')$$), '23514 packs_entry_check', 'an unknown format');
select is(tests.refusal($$insert into public.packs (name, version, runtime_tag, bundle_path, bundle_sha256, bundle_size, entry, min_runtime_version)
  values ('p', '1.0.0', 'node', auth.uid() || '/p', repeat('b', 64), 1, '{"format": "commonjs", "export": "main"}', '20.11')$$), '1 rows', 'an entry');
-- what is registered stays
select tests.become('service');
select is(tests.refusal(format('update public.packs set %s where name = ''dev-public''', change)), '23514 packs_immutable', change)
  from unnest(array['name = ''x''', 'version = ''2.0.0''', 'runtime_tag = ''browser''', 'bundle_path = ''x''', 'bundle_size = 2', 'entry = ''{"export": "x"}''',
                    'min_runtime_version = ''22''', 'owner_id = tests.id(''other'')']) change;
select is(tests.attempt($$update public.packs set owner_id = null where name = 'dev-public'$$), '1', 'but the owner may be forgotten');
-- order: semver.org, 11
select results_eq(
  $$select v from unnest(array['2.0.0', '1.0.0', '1.0.0-alpha', '1.0.0-rc.1', '1.0.0-alpha.beta', '1.0.0-beta.11', '10.0.0', '1.0.0-alpha.1', '1.0.0-beta', '1.0.0-beta.2',
      '1.2.0', '1.10.0']) v order by stark.semver_key(v) collate "C"$$,
  array['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.2.0', '1.10.0', '2.0.0', '10.0.0'],
  'versions are ordered as semver says');
select is(stark.semver_key('1.0.0+one'), stark.semver_key('1.0.0+two'), 'build metadata has no part in it');
select is(stark.may_run_pack(tests.id('viewer'), 'b0000000-0000-4000-8000-000000000001'), false, 'a private pack is not run by others');
select is(stark.may_run_pack(tests.id('admin'), 'b0000000-0000-4000-8000-000000000001'), true, 'but by admins');
select * from finish();
rollback;
