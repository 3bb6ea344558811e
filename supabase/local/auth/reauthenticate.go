package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// freshSession is how young a session must be to set a password without a nonce, where that is asked for.
const freshSession = 24 * time.Hour

// reauthenticate is GET /reauthenticate: it mails a nonce, with which PUT /user takes a new password.
func (s *Server) reauthenticate(w http.ResponseWriter, r *http.Request) error {
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	switch {
	case c.user.Email == "":
		return badRequest(codeValidation, "Reauthentication requires the user to have an email or a phone number")
	case c.user.EmailConfirmedAt == nil:
		return unprocessable(codeEmailNotConfirmed, "Please verify your email first.")
	}
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) error {
		u, err := lockUser(r.Context(), tx, c.user.ID)
		if err != nil {
			return err
		}
		if err := s.maySend(u.ReauthenticationSentAt); err != nil {
			return err
		}
		_, err = s.post(r.Context(), tx, u.ID, letter{to: u.Email, kind: kindReauthentication, token: tokenReauthentication})
		return err
	})
	if err != nil {
		return storing("Reauthentication failed", err)
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

// mayChangePassword asks for a nonce where the configuration wants one and the session is not fresh.
func (s *Server) mayChangePassword(ctx context.Context, c *caller, nonce string) error {
	if !s.cfg.ReauthenticateForPassword {
		return nil
	}
	if c.session != nil {
		began, err := sessionBegan(ctx, s.cfg.Pool, *c.session)
		if err != nil {
			return storing("Database error loading session", err)
		}
		if s.now().Before(began.Add(freshSession)) {
			return nil
		}
	}
	if nonce == "" {
		return badRequest(codeReauthNeeded, "Password update requires reauthentication")
	}
	t, err := findOneTimeToken(ctx, s.cfg.Pool, hashOTP(c.user.Email, nonce), tokenReauthentication)
	switch {
	case errors.Is(err, errNoOneTimeToken):
	case err != nil:
		return storing("Database error finding nonce", err)
	case t.userID == c.user.ID && !s.expired(t):
		return nil // it goes with the old password, and all of the user's tokens with it
	}
	return unprocessable(codeReauthInvalid, "Nonce has expired or is invalid")
}
