package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type resendRequest struct {
	Type  string `json:"type"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}

// resend is POST /resend: the mail of a signup or of a change of address once more, if there is anything to confirm.
// Source: supabase/auth internal/api/resend.go. As there, what is sent again is without PKCE.
func (s *Server) resend(w http.ResponseWriter, r *http.Request) error {
	var p resendRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	switch p.Type {
	case kindSignup, kindEmailChange:
	case "sms", "phone_change":
		return notImplemented("POST /resend of type " + p.Type)
	default:
		return badRequest(codeValidation, "Missing one of these types: signup, email_change, sms, phone_change")
	}
	if p.Email == "" {
		return badRequest(codeValidation, "Type provided requires an email address")
	}
	email, err := cleanEmail(p.Email)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) error {
		return s.sendAgain(r.Context(), tx, p.Type, email, audience(r), s.redirectTo(r, ""))
	})
	if err != nil {
		return storing("Unable to process request", err)
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) sendAgain(ctx context.Context, tx pgx.Tx, kind, email, aud, redirectTo string) error {
	u, err := userByEmail(ctx, tx, email, aud)
	if errors.Is(err, errNoUser) {
		return nil
	}
	if err != nil {
		return err
	}
	if kind == kindEmailChange {
		return s.resumeChange(ctx, tx, u.ID, redirectTo)
	}
	if u, err = lockUser(ctx, tx, u.ID); err != nil || u.EmailConfirmedAt != nil {
		return err
	}
	return s.sendConfirmation(ctx, tx, u, redirectTo, nil)
}
