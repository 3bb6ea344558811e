package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type inviteRequest struct {
	Email string   `json:"email"`
	Data  Metadata `json:"data"`
}

// invite is POST /invite, the admin's: an account without a password, and a mail whose link logs into it.
func (s *Server) invite(w http.ResponseWriter, r *http.Request) error {
	if err := s.requireAdmin(r); err != nil {
		return err
	}
	var p inviteRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	email, err := cleanEmail(p.Email)
	if err != nil {
		return err
	}
	var u *User
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		if u, err = s.invited(r.Context(), tx, email, audience(r), p.Data); err != nil {
			return err
		}
		if _, err := s.post(r.Context(), tx, u.ID, letter{email, kindInvite, tokenConfirmation, s.redirectTo(r, ""), nil}); err != nil {
			return err
		}
		u, err = userByID(r.Context(), tx, u.ID)
		return err
	})
	if violates(err, indexEmail) {
		return errEmailExists()
	}
	if err != nil {
		return storing("Database error inviting user", err)
	}
	return writeJSON(w, http.StatusOK, u)
}

// invited is the user of an invitation: a new one, or one who has not confirmed the address yet.
func (s *Server) invited(ctx context.Context, tx pgx.Tx, email, aud string, data Metadata) (*User, error) {
	u, err := userByEmail(ctx, tx, email, aud)
	switch {
	case errors.Is(err, errNoUser):
		u = newUser(email, aud, "", data)
		if err := s.insertUnconfirmed(ctx, tx, u); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case u.EmailConfirmedAt != nil:
		return nil, errEmailExists()
	}
	_, err = tx.Exec(ctx, `update auth.users set invited_at = $2 where id = $1`, u.ID, s.now())
	return u, err
}
