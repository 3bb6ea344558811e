package auth

import (
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type passwordGrant struct {
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Password string `json:"password"`
}

// tokenPassword is a login. Who is banned or not confirmed hears of it only with the right password; GoTrue tells anyone about a ban.
func (s *Server) tokenPassword(w http.ResponseWriter, r *http.Request) error {
	var p passwordGrant
	if err := readJSON(r, &p); err != nil {
		return err
	}
	switch {
	case p.Email != "" && p.Phone != "":
		return badRequest(codeValidation, "Only an email address or phone number should be provided on login.")
	case p.Phone != "":
		return unprocessable(codePhoneDisabled, "Phone logins are disabled")
	case p.Email == "":
		return badRequest(codeValidation, "missing email or phone")
	}
	u, err := s.whoLogsIn(r, p)
	if err != nil {
		return err
	}
	var session *Session
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		session, err = s.logIn(r.Context(), tx, u.ID, clientOf(r), methodPassword)
		return err
	})
	if errors.Is(err, errNoUser) { // deleted meanwhile
		return errCredentials()
	}
	if err != nil {
		return storing("Database error granting user", err)
	}
	if weak := s.weakness(p.Password); weak != nil {
		session.Weak = &weakPassword{weak.Message, weak.Reasons}
	}
	return writeSession(w, session)
}

func (s *Server) whoLogsIn(r *http.Request, p passwordGrant) (*User, error) {
	var u *User
	// An address that cannot exist is not worth the database's time, but takes as long.
	email, err := cleanEmail(p.Email)
	if err == nil {
		u, err = userByEmail(r.Context(), s.cfg.Pool, email, audience(r))
		if err != nil && !errors.Is(err, errNoUser) {
			return nil, storing("Database error querying schema", err)
		}
	}
	if !s.passwordFits(u, p.Password) {
		return nil, errCredentials()
	}
	if u.banned(s.now()) {
		return nil, badRequest(codeUserBanned, "User is banned")
	}
	if u.EmailConfirmedAt == nil {
		return nil, badRequest(codeEmailNotConfirmed, "Email not confirmed")
	}
	return u, nil
}

func errCredentials() *Error { return badRequest(codeInvalidCredentials, "Invalid login credentials") }
