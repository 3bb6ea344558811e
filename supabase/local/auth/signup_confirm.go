package auth

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// signupToConfirm makes an account that waits for its mail, and answers with the user. For an account that exists the answer looks alike;
// one that still waits gets its mail once more, and keeps the password that it has.
func (s *Server) signupToConfirm(w http.ResponseWriter, r *http.Request, known, fresh *User, f *flow) error {
	if known != nil && known.EmailConfirmedAt != nil {
		return writeJSON(w, http.StatusOK, s.lookalike(fresh))
	}
	var u *User
	err := pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		id := fresh.ID
		if known != nil {
			id = known.ID
		} else if err := s.insertUnconfirmed(r.Context(), tx, fresh); err != nil {
			return err
		}
		if u, err = lockUser(r.Context(), tx, id); err != nil {
			return err
		}
		if u.EmailConfirmedAt != nil { // meanwhile
			u = s.lookalike(fresh)
			return nil
		}
		if err := s.sendConfirmation(r.Context(), tx, u, s.redirectTo(r, ""), f); err != nil {
			return err
		}
		u, err = userByID(r.Context(), tx, id)
		return err
	})
	if violates(err, indexEmail) { // somebody was quicker
		return writeJSON(w, http.StatusOK, s.lookalike(fresh))
	}
	if err != nil {
		return storing("Database error saving new user", err)
	}
	return writeJSON(w, http.StatusOK, u)
}

// lookalike is what a signup answers for an address that has an account: nobody's user. Clients see by the missing identity that it is none.
// Source: supabase/auth internal/api/signup.go, sanitizeUser.
func (s *Server) lookalike(asked *User) *User {
	now := s.now()
	return &User{
		ID: uuid.New(), Aud: asked.Aud, Email: asked.Email, ConfirmationSentAt: &now, CreatedAt: now, UpdatedAt: now,
		AppMetadata: asked.AppMetadata, UserMetadata: asked.UserMetadata, Identities: []Identity{},
	}
}
