-- The leader's lease. Times are the database's, so servers' clocks do not matter.

-- name: AcquireLease :one
-- Takes the lease when it is free or has run out. No row: someone else holds it.
insert into public.leader_lease as l (name, holder, epoch, expires_at)
values (@name, @holder, 1, clock_timestamp() + make_interval(secs => @ttl_seconds::float8))
on conflict (name) do update
  set holder = excluded.holder, epoch = l.epoch + 1, acquired_at = clock_timestamp(), renewed_at = clock_timestamp(),
      expires_at = excluded.expires_at
  where l.expires_at <= clock_timestamp()
returning l.epoch;

-- name: RenewLease :execrows
update public.leader_lease
set renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => @ttl_seconds::float8)
where name = @name and holder = @holder and epoch = @epoch;

-- name: ReleaseLease :exec
-- Lets the next one in at once.
update public.leader_lease set expires_at = clock_timestamp()
where name = @name and holder = @holder and epoch = @epoch;
