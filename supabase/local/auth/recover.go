package auth

import (
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type recoverRequest struct {
	Email string `json:"email"`
	challenge
}

// recover is POST /recover: a mail with a link that logs in, so that a new password can be set. It does not tell who has an account.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) error {
	var p recoverRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	if p.Email == "" {
		return badRequest(codeValidation, "Password recovery requires an email")
	}
	f, err := p.flow()
	if err != nil {
		return err
	}
	email, err := cleanEmail(p.Email)
	if err != nil {
		return err
	}
	u, err := userByEmail(r.Context(), s.cfg.Pool, email, audience(r))
	if errors.Is(err, errNoUser) {
		return writeJSON(w, http.StatusOK, struct{}{})
	}
	if err != nil {
		return storing("Unable to process request", err)
	}
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		if u, err = lockUser(r.Context(), tx, u.ID); err != nil {
			return err
		}
		if err := s.maySend(u.RecoverySentAt); err != nil {
			return err
		}
		_, err = s.post(r.Context(), tx, u.ID, letter{u.Email, kindRecovery, tokenRecovery, s.redirectTo(r, ""), f})
		return err
	})
	if err != nil {
		return storing("Unable to process request", err)
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}
