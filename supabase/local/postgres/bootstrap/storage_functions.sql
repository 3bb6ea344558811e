-- Supabase Storage's functions and triggers, with the behaviour of supabase/storage's migrations. search() is its plain form, without the
-- optimisations for millions of objects.

set local role supabase_storage_admin;

create or replace function storage.foldername(name text) returns text[] language plpgsql immutable
as $$
declare
  parts text[] := string_to_array(name, '/');
begin
  return parts[1 : array_length(parts, 1) - 1];
end
$$;

create or replace function storage.filename(name text) returns text language plpgsql
as $$
declare
  parts text[] := string_to_array(name, '/');
begin
  return parts[array_length(parts, 1)];
end
$$;

create or replace function storage.extension(name text) returns text language plpgsql immutable
as $$
declare
  parts text[] := string_to_array(name, '/');
begin
  return reverse(split_part(reverse(parts[array_length(parts, 1)]), '.', 1));
end
$$;

create or replace function storage.operation() returns text language plpgsql stable
as $$ begin return current_setting('storage.operation', true); end $$;

create or replace function storage.get_size_by_bucket() returns table (size bigint, bucket_id text) language plpgsql stable
as $$
begin
  return query select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id from storage.objects o group by o.bucket_id;
end
$$;

create or replace function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb) returns void language plpgsql
as $$
begin
  insert into storage.objects (bucket_id, name, owner, metadata) values (bucketid, name, owner, metadata);
  raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert'; -- only asked whether it may
end
$$;

create or replace function storage.search(
  prefix text, bucketname text, limits int default 100, levels int default 1, offsets int default 0,
  search text default '', sortcolumn text default 'name', sortorder text default 'asc'
) returns table (name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb)
language plpgsql stable
as $$
declare
  direction constant text := case when lower(sortorder) = 'desc' then 'desc' else 'asc' end;
  by_column constant text := case when sortcolumn in ('name', 'updated_at', 'created_at', 'last_accessed_at') then sortcolumn else 'name' end;
begin
  return query execute format(
    'with folders as (
       select o.path_tokens[$1] as folder from storage.objects o
       where o.name ilike $2 || $3 || ''%%'' and o.bucket_id = $4 and array_length(o.path_tokens, 1) <> $1
       group by 1 order by 1 %1$s
     )
     (select folder, null::uuid, null::timestamptz, null::timestamptz, null::timestamptz, null::jsonb from folders)
     union all
     (select o.path_tokens[$1], o.id, o.updated_at, o.created_at, o.last_accessed_at, o.metadata from storage.objects o
      where o.name ilike $2 || $3 || ''%%'' and o.bucket_id = $4 and array_length(o.path_tokens, 1) = $1
      order by o.%2$I %1$s)
     limit $5 offset $6', direction, by_column)
  using levels, prefix, search, bucketname, limits, offsets;
end
$$;

create or replace function storage.update_updated_at_column() returns trigger language plpgsql
as $$ begin new.updated_at = now(); return new; end $$;

create or replace function storage.enforce_bucket_name_length() returns trigger language plpgsql
as $$
begin
  if length(new.name) > 100 then
    raise exception 'bucket name "%" is too long (% characters). Max is 100.', new.name, length(new.name);
  end if;
  return new;
end
$$;

create or replace function storage.protect_delete() returns trigger language plpgsql
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using hint = 'This prevents accidental data loss from orphaned objects.', errcode = '42501';
  end if;
  return null;
end
$$;

create or replace trigger update_objects_updated_at before update on storage.objects
  for each row execute function storage.update_updated_at_column();
create or replace trigger enforce_bucket_name_length_trigger before insert or update of name on storage.buckets
  for each row execute function storage.enforce_bucket_name_length();
create or replace trigger protect_buckets_delete before delete on storage.buckets
  for each statement execute function storage.protect_delete();
create or replace trigger protect_objects_delete before delete on storage.objects
  for each statement execute function storage.protect_delete();
