package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type otpRequest struct {
	Email      string   `json:"email"`
	Phone      string   `json:"phone"`
	CreateUser *bool    `json:"create_user"` // default true
	Data       Metadata `json:"data"`
	challenge
}

// otp is POST /otp and POST /magiclink: a mail with a link and a code to log in with, also for who has no account yet.
// Source: supabase/auth internal/api/otp.go and magic_link.go.
func (s *Server) otp(w http.ResponseWriter, r *http.Request) error {
	var p otpRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	switch {
	case p.Email != "" && p.Phone != "":
		return badRequest(codeValidation, "Only an email address or phone number should be provided")
	case p.Phone != "":
		return notImplemented("POST /otp to a phone")
	case p.Email == "":
		return badRequest(codeValidation, "One of email or phone must be set")
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
	if err != nil && !errors.Is(err, errNoUser) {
		return storing("Database error finding user", err)
	}
	if u == nil {
		switch {
		case p.CreateUser != nil && !*p.CreateUser:
			return unprocessable(codeOTPDisabled, "Signups not allowed for otp")
		case s.cfg.DisableSignup:
			return unprocessable(codeSignupDisabled, "Signups not allowed for this instance")
		}
	}
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) error {
		return s.sendOTP(r.Context(), tx, u, newUser(email, audience(r), "", p.Data), s.redirectTo(r, ""), f)
	})
	if violates(err, indexEmail) { // somebody else has just signed up with it
		return errUserExists()
	}
	if err != nil {
		return storing("Error sending magic link", err)
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

// sendOTP mails u, or the user who is made of fresh when u is nil. A first mail confirms the address, where that is asked for.
func (s *Server) sendOTP(ctx context.Context, tx pgx.Tx, u, fresh *User, redirectTo string, f *flow) (err error) {
	if u == nil {
		if err := s.signUp(ctx, tx, fresh); err != nil {
			return err
		}
		u = fresh
	}
	if u, err = lockUser(ctx, tx, u.ID); err != nil {
		return err
	}
	if s.cfg.ConfirmEmail && u.EmailConfirmedAt == nil {
		return s.sendConfirmation(ctx, tx, u, redirectTo, f)
	}
	if err := s.maySend(u.RecoverySentAt); err != nil {
		return err
	}
	_, err = s.post(ctx, tx, u.ID, letter{u.Email, kindMagicLink, tokenRecovery, redirectTo, f})
	return err
}

func (s *Server) sendConfirmation(ctx context.Context, tx pgx.Tx, u *User, redirectTo string, f *flow) error {
	if err := s.maySend(u.ConfirmationSentAt); err != nil {
		return err
	}
	_, err := s.post(ctx, tx, u.ID, letter{u.Email, kindSignup, tokenConfirmation, redirectTo, f})
	return err
}
