-- What holds for every table and function, whatever is added later.
begin;
create extension if not exists pgtap with schema extensions;
select plan(16);

-- Stark's tables: those of its schemas, without what an extension brought.
create temporary view t as
  select c.oid, c.relnamespace::regnamespace::text as schema, c.relname, c.relrowsecurity
  from pg_class c
  where c.relnamespace in ('public'::regnamespace, 'stark'::regnamespace) and c.relkind in ('r', 'p')
    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e');
create temporary view f as
  select p.* from pg_proc p where p.pronamespace = 'stark'::regnamespace
    and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');

select is_empty($$select schema, relname from t where not relrowsecurity$$, 'every table has row-level security');
select is_empty($$select schema, relname from t where obj_description(oid, 'pg_class') is null$$, 'every table has a comment');
select is_empty($$select schema, relname from t where not exists (select from pg_policy p where p.polrelid = t.oid)$$, 'every table has a policy');
select is_empty($$select polname from pg_policy p join t on t.oid = p.polrelid where p.polcmd = '*'$$, 'no policy is for all verbs at once');
select is_empty($$select relname, polcmd from pg_policy p join t on t.oid = p.polrelid group by 1, 2 having count(*) > 1$$, 'one policy a verb');
select is_empty($$select polname from pg_policy p join t on t.oid = p.polrelid where p.polroles <> array['authenticated'::regrole::oid]$$,
  'every policy is to authenticated and nobody else');
select is_empty(
  $$select t.relname, g.privilege_type from t, information_schema.table_privileges g
    where g.table_schema = t.schema and g.table_name = t.relname and g.grantee in ('anon', 'PUBLIC')$$,
  'anon may do nothing');
select is_empty(
  $$select t.relname, g.grantee, g.privilege_type from t, information_schema.table_privileges g
    where g.table_schema = t.schema and g.table_name = t.relname and g.grantee in ('authenticated', 'service_role')
      and g.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')$$,
  'nobody truncates, references or puts triggers on a table');
select is_empty(
  $$select t.relname, g.privilege_type from t, information_schema.table_privileges g
    where g.table_schema = t.schema and g.table_name = t.relname and g.grantee = 'authenticated' and g.privilege_type in ('INSERT', 'UPDATE')$$,
  'users write by column, never whole rows');
select is_empty(
  $$select conrelid::regclass, conname from pg_constraint k join t on t.oid = k.conrelid
    where k.contype = 'f' and not exists (
      select from pg_index i where i.indrelid = k.conrelid and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)$$,
  'every foreign key has an index');
select is_empty($$select proname from f where obj_description(oid, 'pg_proc') is null$$, 'every function has a comment');
select is_empty($$select proname from f where not coalesce(proconfig @> array['search_path=""'], false)$$, 'every function has an empty search_path');
select is_empty($$select proname from f where prosecdef and has_function_privilege('anon', oid, 'execute')$$, 'anon runs nothing with the definer''s rights');
select is_empty(
  $$select proname from f where prosecdef and has_function_privilege('authenticated', oid, 'execute')
      and proname not in ('my_role', 'i_am', 'may_read_bundle', 'is_registered_bundle', 'may_run_pack', 'config_number', 'setup_admin', 'report_pod_status', 'pods_page')$$,
  'users run with the definer''s rights only what was meant for them');
select is_empty($$select proname from pg_proc p where p.pronamespace = 'public'::regnamespace$$, 'no function is exposed as an RPC');
select is_empty(
  $$select c.table_name, c.column_name from information_schema.columns c join t on t.schema = c.table_schema and t.relname = c.table_name
    where c.data_type = 'jsonb' and col_description(t.oid, c.ordinal_position) is null
      and (c.table_name, c.column_name) not in (select t.relname, v from t, unnest(array['labels', 'annotations', 'node_selector', 'tolerations', 'affinity', 'spec']) v)$$,
  'every jsonb column says what is in it, or is Kubernetes'' own');

select * from finish();
rollback;
