package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// once makes something, unless the request was carried out before: then it gives what was made. The key is claimed in the same transaction.
func once(ctx context.Context, q *db.Queries, actor core.Actor, create func() ([]uuid.UUID, error)) ([]uuid.UUID, error) {
	o := wire.OnceOf(ctx)
	if o == nil {
		return create()
	}
	claimed, err := q.ClaimKey(ctx, db.ClaimKeyParams{UserID: actor.UserID, Key: o.Key, RequestSha256: o.Request})
	if err != nil {
		return nil, mapError("claim idempotency key", err)
	}
	if claimed == 0 {
		before, err := q.ReadKey(ctx, db.ReadKeyParams{UserID: actor.UserID, Key: o.Key})
		if err != nil {
			return nil, mapError("read idempotency key", err)
		}
		if before.RequestSha256 != o.Request {
			return nil, core.Errorf(core.CodeKeyReused, "this Idempotency-Key was used for another request").WithHint("Use a new key for each request.")
		}
		o.Replayed = true
		return before.Ids, nil
	}
	ids, err := create()
	if err != nil {
		return nil, err
	}
	return ids, mapError("keep result", q.KeepResult(ctx, db.KeepResultParams{Ids: ids, UserID: actor.UserID, Key: o.Key}))
}

// onceOne is once for a single thing.
func onceOne(ctx context.Context, q *db.Queries, actor core.Actor, create func() (uuid.UUID, error)) (uuid.UUID, error) {
	ids, err := once(ctx, q, actor, func() ([]uuid.UUID, error) {
		id, err := create()
		return []uuid.UUID{id}, err
	})
	if err != nil {
		return uuid.Nil, err
	}
	if len(ids) != 1 {
		return uuid.Nil, core.Errorf(core.CodeKeyReused, "this Idempotency-Key was used for another request")
	}
	return ids[0], nil
}
