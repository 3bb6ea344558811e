package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// Whoami reads the caller's own row. FORBIDDEN when there is none: the token is genuine, but its account is gone.
func (s *Store) Whoami(ctx context.Context, actor core.Actor) (wire.User, error) {
	var user wire.User
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.Whoami(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			return core.Errorf(core.CodeForbidden, "this account does not exist here any more")
		}
		if err != nil {
			return mapError("whoami", err)
		}
		user = wire.User{ID: row.ID, Email: row.Email, DisplayName: row.DisplayName, Role: row.Role}
		return nil
	})
	return user, err
}
