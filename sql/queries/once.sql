-- Idempotency keys. Everything here runs as the caller, under row-level security.

-- name: ClaimKey :execrows
-- Waits for whoever claims the same key at the same time.
insert into stark.idempotency_keys (user_id, key, request_sha256) values (@user_id, @key, @request_sha256)
on conflict (user_id, key) do nothing;

-- name: ReadKey :one
select request_sha256, ids from stark.idempotency_keys where user_id = @user_id and key = @key;

-- name: KeepResult :exec
update stark.idempotency_keys set ids = @ids::uuid[] where user_id = @user_id and key = @key;
