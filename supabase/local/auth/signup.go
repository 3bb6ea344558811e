package auth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type signupRequest struct {
	Email    string   `json:"email"`
	Phone    string   `json:"phone"`
	Password string   `json:"password"`
	Data     Metadata `json:"data"`
	challenge
}

func (p signupRequest) validate(s *Server) error {
	if p.Email == "" && p.Phone == "" {
		return unprocessable(codeAnonymousDisabled, "Anonymous sign-ins are disabled")
	}
	if s.cfg.DisableSignup {
		return unprocessable(codeSignupDisabled, "Signups not allowed for this instance")
	}
	if p.Password == "" {
		return badRequest(codeValidation, "Signup requires a valid password")
	}
	if err := s.checkPassword(p.Password); err != nil {
		return err
	}
	if p.Email != "" && p.Phone != "" {
		return badRequest(codeValidation, "Only an email address or phone number should be provided on signup.")
	}
	if p.Phone != "" {
		return badRequest(codePhoneDisabled, "Phone signups are disabled")
	}
	return nil
}

// signup is POST /signup: an account, confirmed at once, and a session of it. An account that exists is refused even when nobody confirmed it
// yet; GoTrue with autoconfirm would confirm it and let the caller in, whatever password they brought. With email confirmation there is no
// session, and a mail instead; see signup_confirm.go.
func (s *Server) signup(w http.ResponseWriter, r *http.Request) error {
	var p signupRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	if err := p.validate(s); err != nil {
		return err
	}
	email, err := cleanEmail(p.Email)
	if err != nil {
		return err
	}
	f, err := p.flow()
	if err != nil {
		return err
	}
	known, err := userByEmail(r.Context(), s.cfg.Pool, email, audience(r))
	if err != nil && !errors.Is(err, errNoUser) {
		return storing("Database error finding user", err)
	}
	if known != nil && !s.cfg.ConfirmEmail {
		return errUserExists()
	}
	hash, err := s.hash(p.Password)
	if err != nil {
		return err
	}
	u := newUser(email, audience(r), hash, p.Data)
	if s.cfg.ConfirmEmail {
		return s.signupToConfirm(w, r, known, u, f)
	}
	var session *Session
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		if err := s.signUp(r.Context(), tx, u); err != nil {
			return err
		}
		session, err = s.logIn(r.Context(), tx, u.ID, clientOf(r), methodPassword)
		return err
	})
	if violates(err, indexEmail) {
		return errUserExists()
	}
	if err != nil {
		return storing("Database error saving new user", err)
	}
	return writeSession(w, session)
}

func errUserExists() *Error { return unprocessable(codeUserExists, "User already registered") }

func newUser(email, aud, hash string, data Metadata) *User {
	return &User{
		ID: uuid.New(), Aud: aud, Role: roleAuthenticated, Email: email, UserMetadata: Metadata{}.with(data), passwordHash: hash,
		AppMetadata: Metadata{"provider": jsonString(providerEmail), "providers": json.RawMessage(`["` + providerEmail + `"]`)},
	}
}

// signUp inserts user and identity, and without email confirmation confirms the address in a statement of its own: triggers that wait for
// the confirmation see one.
func (s *Server) signUp(ctx context.Context, tx pgx.Tx, u *User) error {
	if err := s.insertUnconfirmed(ctx, tx, u); err != nil || s.cfg.ConfirmEmail {
		return err
	}
	return confirmEmail(ctx, tx, u.ID, s.now())
}

// insertUnconfirmed inserts user and identity.
func (s *Server) insertUnconfirmed(ctx context.Context, tx pgx.Tx, u *User) error {
	now := s.now()
	if err := insertUser(ctx, tx, u, now); err != nil {
		return err
	}
	data := identityData(u.ID, u.Email, u.UserMetadata)
	if err := insertIdentity(ctx, tx, u, data, now); err != nil {
		return err
	}
	return addUserMetadata(ctx, tx, u.ID, data, now)
}
