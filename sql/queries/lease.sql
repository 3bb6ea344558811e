-- The leader's lease. Times are the database's, so servers' clocks do not matter.

-- name: AcquireLease :one
-- Takes the lease when it is free, has run out, or is our own from an earlier term. No row: someone else holds it. By the time that the row is
-- ours, whatever earlier terms decided is committed, so the position comes after all of it.
insert into public.leader_lease as l (name, holder, epoch, expires_at)
values (@name, @holder, 1, clock_timestamp() + make_interval(secs => @ttl_seconds::float8))
on conflict (name) do update
  set holder = excluded.holder, epoch = l.epoch + 1, acquired_at = clock_timestamp(), renewed_at = clock_timestamp(),
      expires_at = excluded.expires_at
  where l.expires_at <= clock_timestamp() or l.holder = excluded.holder
returning l.epoch, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint as position;

-- name: RenewLease :one
-- Also says how far the WAL reaches. No row: the lease is somebody else's.
update public.leader_lease
set renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => @ttl_seconds::float8)
where name = @name and holder = @holder and epoch = @epoch
returning (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint as position;

-- name: ReleaseLease :exec
-- Lets the next one in at once.
update public.leader_lease set expires_at = clock_timestamp()
where name = @name and holder = @holder and epoch = @epoch;
