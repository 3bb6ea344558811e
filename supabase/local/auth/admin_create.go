package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// adminCreate is POST /admin/users. Without a password the user gets one that nobody knows. No rule of strength applies: the admin knows.
func (s *Server) adminCreate(w http.ResponseWriter, r *http.Request) error {
	p, err := s.adminBody(r)
	if err != nil {
		return err
	}
	if p.Aud == "" {
		p.Aud = audience(r)
	}
	u, ban, err := s.userOf(r.Context(), p)
	if err != nil {
		return err
	}
	var created *User
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		if err := s.create(r.Context(), tx, u, p, ban); err != nil {
			return err
		}
		created, err = userByID(r.Context(), tx, u.ID)
		return err
	})
	switch {
	case violates(err, indexEmail):
		return errEmailExists()
	case violates(err, "users_pkey"):
		return unprocessable(codeUserExists, "A user with this ID has already been registered")
	case err != nil:
		return storing("Database error creating new user", err)
	}
	return writeJSON(w, http.StatusOK, created)
}

// userOf checks the request and makes the user that it asks for.
func (s *Server) userOf(ctx context.Context, p *adminUserRequest) (*User, *ban, error) {
	if p.Email == "" {
		return nil, nil, badRequest(codeValidation, "Cannot create a user without either an email or phone")
	}
	email, err := cleanEmail(p.Email)
	if err != nil {
		return nil, nil, err
	}
	_, err = userByEmail(ctx, s.cfg.Pool, email, p.Aud)
	switch {
	case err == nil:
		return nil, nil, errEmailExists()
	case !errors.Is(err, errNoUser):
		return nil, nil, storing("Database error checking email", err)
	}
	ban, err := p.BanDuration.decide()
	if err != nil {
		return nil, nil, err
	}
	hash, err := s.givenHash(p)
	if err == nil && hash == "" {
		hash, err = s.hash(rand.Text() + rand.Text())
	}
	if err != nil {
		return nil, nil, err
	}
	u := newUser(email, p.Aud, hash, p.UserMetadata)
	u.AppMetadata.merge(p.AppMetadata)
	if p.Role != "" {
		u.Role = p.Role
	}
	if p.ID != "" {
		if u.ID, err = uuid.Parse(p.ID); err != nil {
			return nil, nil, badRequest(codeValidation, "ID must conform to the uuid v4 format")
		}
		if u.ID == uuid.Nil {
			return nil, nil, badRequest(codeValidation, "ID cannot be a nil uuid")
		}
	}
	return u, ban, nil
}

func (s *Server) create(ctx context.Context, tx pgx.Tx, u *User, p *adminUserRequest, ban *ban) error {
	now := s.now()
	if err := insertUser(ctx, tx, u, now); err != nil {
		return err
	}
	if err := insertIdentity(ctx, tx, u, identityData(u.ID, u.Email, nil), now); err != nil {
		return err
	}
	if ban != nil {
		if err := setBan(ctx, tx, u.ID, ban.until(now), now); err != nil {
			return err
		}
	}
	if p.EmailConfirm {
		return confirmEmail(ctx, tx, u.ID, now)
	}
	return nil
}
