package auth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"
)

// adminUserRequest is the body of POST and PUT of /admin/users. Source: supabase/auth internal/api/admin.go, AdminUserParams.
type adminUserRequest struct {
	ID           string      `json:"id"`
	Aud          string      `json:"aud"`
	Role         string      `json:"role"`
	Email        string      `json:"email"`
	Phone        string      `json:"phone"`
	Password     *string     `json:"password"`
	PasswordHash string      `json:"password_hash"`
	EmailConfirm bool        `json:"email_confirm"`
	UserMetadata Metadata    `json:"user_metadata"`
	AppMetadata  Metadata    `json:"app_metadata"`
	BanDuration  banDuration `json:"ban_duration"`
}

// adminBody requires an admin, and then reads what they send.
func (s *Server) adminBody(r *http.Request) (*adminUserRequest, error) {
	if err := s.requireAdmin(r); err != nil {
		return nil, err
	}
	p := &adminUserRequest{}
	if err := readJSON(r, p); err != nil {
		return nil, err
	}
	if p.Phone != "" {
		return nil, notImplemented("users with a phone")
	}
	return p, nil
}

// adminTarget requires an admin, and then finds the user that the path names.
func (s *Server) adminTarget(ctx context.Context, r *http.Request) (*User, error) {
	if err := s.requireAdmin(r); err != nil {
		return nil, err
	}
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return nil, notFound(codeValidation, "user_id must be an UUID")
	}
	u, err := userByID(ctx, s.cfg.Pool, id)
	if errors.Is(err, errNoUser) {
		return nil, notFound(codeUserNotFound, "User not found")
	}
	if err != nil {
		return nil, storing("Database error loading user", err)
	}
	return u, nil
}

// givenHash is the password hash that the request brings or asks for; "" for none.
func (s *Server) givenHash(p *adminUserRequest) (string, error) {
	hasPassword := p.Password != nil && *p.Password != ""
	switch {
	case hasPassword && p.PasswordHash != "":
		return "", badRequest(codeValidation, "Only a password or a password hash should be provided")
	case hasPassword:
		return s.hash(*p.Password)
	case p.PasswordHash == "":
		return "", nil
	case strings.HasPrefix(p.PasswordHash, "$argon2") || strings.HasPrefix(p.PasswordHash, "$fbscrypt"):
		return "", notImplemented("password hashes other than bcrypt")
	}
	if _, err := bcrypt.Cost([]byte(p.PasswordHash)); err != nil {
		return "", badRequest(codeValidation, "Invalid password hash: %v", err)
	}
	return p.PasswordHash, nil
}

// ban is a decision about a user's ban: how long it lasts from now on, or that there is none any more.
type ban struct{ duration time.Duration }

func (b *ban) until(now time.Time) *time.Time {
	if b.duration == 0 {
		return nil
	}
	until := now.Add(b.duration)
	return &until
}

// banDuration is text as time.ParseDuration reads it, or "none". gotrue-go sends a number of nanoseconds on creation, though GoTrue itself
// wants text: it is understood as well.
type banDuration string

func (d *banDuration) UnmarshalJSON(text []byte) error {
	var nanoseconds time.Duration
	if err := json.Unmarshal(text, &nanoseconds); err == nil {
		if nanoseconds != 0 {
			*d = banDuration(nanoseconds.String())
		}
		return nil
	}
	return json.Unmarshal(text, (*string)(d))
}

// decide returns nil when the request says nothing about a ban.
func (d banDuration) decide() (*ban, error) {
	switch d {
	case "":
		return nil, nil
	case "none":
		return &ban{}, nil
	}
	duration, err := time.ParseDuration(string(d))
	if err != nil {
		return nil, badRequest(codeValidation, "invalid format for ban duration: %v", err)
	}
	return &ban{duration}, nil
}
