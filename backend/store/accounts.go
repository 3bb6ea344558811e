package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// OfferSetup makes the token that lets somebody become the first admin, to be shown once. It is "" when there is an admin, or when a token is out
// already; renew replaces that one. As the service.
func (s *Store) OfferSetup(ctx context.Context, renew bool) (string, error) {
	token, err := s.q.OfferSetup(ctx, renew)
	return token, mapError("offer setup", err)
}

// SetupAdmin makes the caller the first admin. FORBIDDEN for a wrong token, CONFLICT when there is an admin already.
func (s *Store) SetupAdmin(ctx context.Context, actor core.Actor, token string) (wire.User, error) {
	var user wire.User
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		if err := q.SetupAdmin(ctx, token); err != nil {
			return mapError("setup admin", err)
		}
		row, err := q.Whoami(ctx)
		user = wire.User{ID: row.ID, Email: row.Email, DisplayName: row.DisplayName, Role: row.Role}
		return mapError("whoami", err)
	})
	return user, err
}

// ListAccounts lists the users that the actor may see, newest first, and gives the cursor of the next page.
func (s *Store) ListAccounts(ctx context.Context, actor core.Actor, part wire.Slice) (list []wire.Account, next string, err error) {
	after, size := slice(part)
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListUsers(ctx, db.ListUsersParams{AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size})
		list, next = page(rows, size, accountOf, func(a wire.Account) wire.Cursor { return wire.Cursor{CreatedAt: a.CreatedAt, ID: a.ID} })
		return mapError("list users", err)
	})
	return list, next, err
}

// Account reads one user; NOT_FOUND when the actor may not see them.
func (s *Store) Account(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Account, error) {
	var account wire.Account
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.GetUser(ctx, id)
		account = accountOf(db.ListUsersRow(row))
		return notFound("get user", "user", err)
	})
	return account, err
}

// UpdateAccount changes a user's role or name: the name is theirs to change, the role an admin's. CONFLICT when the revision has moved on,
// and when the last admin would leave.
func (s *Store) UpdateAccount(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.AccountPatch) (wire.Account, error) {
	var account wire.Account
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.UpdateUser(ctx, db.UpdateUserParams{ID: id, Role: patch.Role, DisplayName: patch.DisplayName, Revision: patch.Revision})
		if !errors.Is(err, pgx.ErrNoRows) {
			account = accountOf(db.ListUsersRow(row))
			return mapError("update user", err)
		}
		found, err := q.GetUser(ctx, id)
		if err == nil && patch.Revision != nil && found.Revision != *patch.Revision {
			return outdated(found.Revision)
		}
		return refusedUnless("update user", "user", err)
	})
	return account, err
}

func accountOf(r db.ListUsersRow) wire.Account {
	return wire.Account{
		User: wire.User{ID: r.ID, Email: r.Email, DisplayName: r.DisplayName, Role: r.Role}, CreatedAt: r.CreatedAt, Revision: r.Revision,
	}
}
