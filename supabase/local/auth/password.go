package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/crypto/bcrypt"
)

// maxPassword is where bcrypt stops reading, in bytes.
const maxPassword = 72

// checkPassword refuses what is too weak to be chosen. Source: supabase/auth internal/api/password.go.
func (s *Server) checkPassword(password string) error {
	if len(password) > maxPassword {
		return badRequest(codeValidation, "Password cannot be longer than %d characters", maxPassword)
	}
	if weak := s.weakness(password); weak != nil {
		return weak
	}
	return nil
}

func (s *Server) weakness(password string) *Error {
	if len(password) >= s.cfg.PasswordMinLength {
		return nil
	}
	return &Error{HTTP: http.StatusUnprocessableEntity, Code: codeWeakPassword, Reasons: []string{"length"},
		Message: fmt.Sprintf("Password should be at least %d characters.", s.cfg.PasswordMinLength)}
}

func (s *Server) hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), s.cfg.BcryptCost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", badRequest(codeValidation, "Password cannot be longer than %d characters", maxPassword)
	}
	if err != nil {
		return "", fmt.Errorf("auth: hash password: %w", err)
	}
	return string(hash), nil
}

// passwordFits compares in the time that bcrypt takes even when there is nothing to compare with, so that the time does not tell who exists.
func (s *Server) passwordFits(u *User, password string) bool {
	if u == nil || u.passwordHash == "" || len(password) > maxPassword {
		_ = bcrypt.CompareHashAndPassword(s.decoyH, []byte(password))
		return false
	}
	return bcrypt.CompareHashAndPassword([]byte(u.passwordHash), []byte(password)) == nil
}

// decoy is the hash of a password that nobody knows.
func decoy(cost int) []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	if err != nil {
		panic("auth: " + err.Error()) // the cost was checked, and 26 bytes are not too long
	}
	return hash
}
