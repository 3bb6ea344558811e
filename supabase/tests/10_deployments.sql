-- Deployments: templates, generations, revisions to roll back to, and whose packs they may run.
begin;
create extension if not exists pgtap with schema extensions;
select plan(39);
\ir helpers/world.psql

select tests.become('dev');
select is(tests.refusal(format('insert into public.deployments (name, pack_id, %s) values (''d'', ''b0000000-0000-4000-8000-000000000002'', %L)', c, v)), rule, c || ' ' || v)
  from (values ('mode', 'sometimes', '23514 deployments_mode_check'), ('replicas', '-1', '23514 deployments_replicas_check'), ('replicas', '100001', '23514 deployments_replicas_check'),
    ('spec', '[]', '23514 deployments_spec_check'), ('spec', '{"image": "x"}', '22023'), ('strategy', '[]', '23514 deployments_strategy_check'),
    ('strategy', '{"speed": 1}', '22023'), ('namespace', 'nowhere', '23503 deployments_namespace_fkey'), ('labels', '{"a": 1}', '23514 deployments_labels_check'),
    ('history_limit', '0', '23514 deployments_history_limit_check'), ('mode', 'daemonset', '1 rows')) x (c, v, rule);
select is(tests.refusal(format('insert into public.deployments (name, pack_id) values (%L, ''b0000000-0000-4000-8000-000000000002'')', n)), '23514 deployments_name_check', 'name ' || n)
  from unnest(array['', 'Upper', repeat('a', 51)]) n;
select is(tests.refusal($$insert into public.deployments (name, namespace, pack_id) values ('dev-deployment', 'team', 'b0000000-0000-4000-8000-000000000002')$$),
  '23505 deployments_namespace_name_key', 'a name is unique in its namespace');
select is(tests.refusal($$update public.deployments set spec = '{"cpu": "x"}'$$), '22023', 'a template is checked when it changes, too');
select is(tests.refusal($$update public.deployments set strategy = '{"type": "x"}'$$), '22023', 'and so is a strategy');

-- Generations.
update public.deployments set replicas = 5, paused = true;
select results_eq('select generation, revision, observed_generation from public.deployments', $$values (1::bigint, 2::bigint, 0::bigint)$$, 'scaling is no new generation');
update public.deployments set spec = '{"env": {"A": "1"}}';
select is((select generation from public.deployments), 2::bigint, 'another template is');
update public.deployments set pack_id = 'b0000000-0000-4000-8000-000000000002', paused = false, labels = '{"a": "b"}';
select is((select generation from public.deployments), 3::bigint, 'another pack is');
update public.deployments set spec = spec, pack_id = pack_id;
select is((select generation from public.deployments), 3::bigint, 'the same again is not');
select results_eq('select generation, pack_id, spec, created_by from public.deployment_revisions order by generation',
  $$values (1::bigint, 'b0000000-0000-4000-8000-000000000001'::uuid, '{}'::jsonb, null::uuid),
           (2, 'b0000000-0000-4000-8000-000000000001', '{"env": {"A": "1"}}', tests.id('dev')),
           (3, 'b0000000-0000-4000-8000-000000000002', '{"env": {"A": "1"}}', tests.id('dev'))$$, 'each is kept, with who made it');
update public.deployments d set pack_id = r.pack_id, spec = r.spec from public.deployment_revisions r where r.deployment_id = d.id and r.generation = 1;
select results_eq('select generation, spec from public.deployments', $$values (4::bigint, '{}'::jsonb)$$, 'a rollback is a new generation with an old content');
update public.deployments set history_limit = 2;
select results_eq('select generation from public.deployment_revisions order by 1', array[3, 4]::bigint[], 'as many are kept as history_limit says');
select is((select array_agg(reason order by id) from public.events where kind = 'deployment'), array['created', 'scaled', 'changed', 'changed', 'changed'], 'all of it are events');

-- Whose pack.
select tests.become('operator');
select is(tests.attempt($$update public.deployments set replicas = 2$$), '1', 'an operator scales a deployment of a private pack');
select is(tests.attempt($$update public.deployments set pack_id = 'b0000000-0000-4000-8000-000000000003'$$), '42501', 'but puts no other''s private pack into it');
select is((select count(*) from public.packs where name = 'dev-private'), 0::bigint, 'and does not see the pack');

-- What stays.
select tests.become('service');
select is(tests.refusal(format('update public.deployments set %s', change)), '23514 deployments_immutable', change)
  from unnest(array['name = ''x''', 'namespace = ''default''', 'mode = ''daemonset''', 'created_by = tests.id(''other'')', 'id = gen_random_uuid()']) change;
delete from public.pods where pack_id = 'b0000000-0000-4000-8000-000000000001';
select is(tests.refusal($$delete from public.packs where name = 'dev-private'$$), '23503 deployments_pack_id_fkey', 'a pack that a deployment runs stays');
delete from public.pods where pack_id = 'b0000000-0000-4000-8000-000000000002';
select is(tests.refusal($$delete from public.packs where name = 'dev-public'$$), '23503 deployment_revisions_pack_id_fkey', 'and one that it may be rolled back to');
select is(tests.attempt($$update public.deployments set observed_generation = 4, status = '{"ready": 1}'$$), '1', 'the control loop reports');

-- It takes its pods with it.
insert into public.pods (name, pack_id, created_by, deployment_id, deployment_generation) values
  ('waiting', 'b0000000-0000-4000-8000-000000000001', tests.id('dev'), 'e0000000-0000-4000-8000-000000000001', 4),
  ('placed', 'b0000000-0000-4000-8000-000000000001', tests.id('dev'), 'e0000000-0000-4000-8000-000000000001', 4);
update public.pods set status = 'scheduled', node_id = 'c0000000-0000-4000-8000-000000000001' where name = 'placed';
select tests.become('dev');
delete from public.deployments;
select results_eq($$select name, status, desired_state, deployment_id from public.pods where name in ('waiting', 'placed') order by name$$,
  $$values ('placed', 'scheduled', 'stopped', null::uuid), ('waiting', 'stopped', 'stopped', null)$$, 'its pods are asked to stop');
select is((select count(*) from public.deployment_revisions), 0::bigint, 'its revisions are gone');
select is((select reason from public.events where kind = 'deployment' order by id desc limit 1), 'deleted', 'and that is an event');
select * from finish();
rollback;
