package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type userUpdateRequest struct {
	Email    string   `json:"email"`
	Phone    string   `json:"phone"`
	Password *string  `json:"password"`
	Data     Metadata `json:"data"`
	AppData  Metadata `json:"app_metadata"`
	Nonce    string   `json:"nonce"`
	challenge
}

// userUpdate is PUT /user: what users may change about themselves. A new address counts when it is proven; see email_change.go. A new
// password ends the user's other sessions.
func (s *Server) userUpdate(w http.ResponseWriter, r *http.Request) error {
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	var p userUpdateRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	change, err := s.userChange(r, c, p)
	if err != nil {
		return err
	}
	return s.applyChange(w, r, change)
}

func (s *Server) userChange(r *http.Request, c *caller, p userUpdateRequest) (*change, error) {
	ch := &change{userID: c.user.ID, keepSession: c.session, userMetadata: p.Data, appMetadata: p.AppData}
	if p.Phone != "" {
		return nil, notImplemented("PUT /user with a phone")
	}
	if p.AppData != nil && !administers(c.user.Role) {
		return nil, forbidden(codeNotAdmin, "Updating app_metadata requires admin privileges")
	}
	var err error
	if ch.email, err = s.newEmail(r.Context(), c.user, p.Email, audience(r)); err != nil {
		return nil, err
	}
	if ch.email != "" { // it is only asked for
		ask := &emailChange{email: ch.email, redirectTo: s.redirectTo(r, "")}
		if ask.flow, err = p.flow(); err != nil {
			return nil, err
		}
		ch.email, ch.asked = "", ask
	}
	if p.Password != nil {
		if err := s.checkPassword(*p.Password); err != nil {
			return nil, err
		}
		if err := s.mayChangePassword(r.Context(), c, p.Nonce); err != nil {
			return nil, err
		}
		if c.user.passwordHash != "" && s.passwordFits(c.user, *p.Password) {
			return nil, unprocessable(codeSamePassword, "New password should be different from the old password.")
		}
		if ch.hash, err = s.hash(*p.Password); err != nil {
			return nil, err
		}
	}
	return ch, nil
}

// newEmail checks an address that a user is to get; "" when there is nothing to change.
func (s *Server) newEmail(ctx context.Context, u *User, email, aud string) (string, error) {
	if email == "" {
		return "", nil
	}
	email, err := cleanEmail(email)
	if err != nil || email == u.Email {
		return "", err
	}
	other, err := userByEmail(ctx, s.cfg.Pool, email, aud)
	switch {
	case errors.Is(err, errNoUser):
		return email, nil
	case err != nil:
		return "", storing("Database error checking email", err)
	case other.ID != u.ID:
		return "", errEmailExists()
	}
	return email, nil
}

func errEmailExists() *Error {
	return unprocessable(codeEmailExists, "A user with this email address has already been registered")
}

// change is what an update does to a user: decided first, then applied in one transaction. Zero members change nothing.
type change struct {
	userID       uuid.UUID
	email        string
	confirm      bool
	hash         string
	keepSession  *uuid.UUID // which session survives a new password; nil: none
	role         string
	ban          *ban
	userMetadata Metadata
	appMetadata  Metadata
	asked        *emailChange // an address that is yet to be proven
}

type emailChange struct {
	email, redirectTo string
	flow              *flow
}

// applyChange applies and answers with the user as it is then.
func (s *Server) applyChange(w http.ResponseWriter, r *http.Request, ch *change) error {
	var u *User
	err := pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		if err := s.apply(r.Context(), tx, ch); err != nil {
			return err
		}
		u, err = userByID(r.Context(), tx, ch.userID)
		return err
	})
	switch {
	case errors.Is(err, errNoUser):
		return notFound(codeUserNotFound, "User not found")
	case violates(err, indexEmail):
		return errEmailExists()
	case err != nil:
		return storing("Error updating user", err)
	}
	return writeJSON(w, http.StatusOK, u)
}

func (s *Server) apply(ctx context.Context, tx pgx.Tx, ch *change) error {
	now := s.now()
	u, err := lockUser(ctx, tx, ch.userID)
	if err != nil {
		return err
	}
	if ch.hash != "" {
		if err := setPasswordHash(ctx, tx, u.ID, ch.hash, now); err != nil {
			return err
		}
		if err := endSessions(ctx, tx, u.ID, ch.keepSession); err != nil {
			return err
		}
	}
	if ch.role != "" {
		if err := setRole(ctx, tx, u.ID, ch.role, now); err != nil {
			return err
		}
	}
	if ch.ban != nil {
		if err := setBan(ctx, tx, u.ID, ch.ban.until(now), now); err != nil {
			return err
		}
	}
	if ch.userMetadata != nil || ch.appMetadata != nil {
		u.UserMetadata.merge(ch.userMetadata)
		u.AppMetadata.merge(ch.appMetadata)
		if err := setMetadata(ctx, tx, u, now); err != nil {
			return err
		}
	}
	if ch.email != "" {
		if err := setEmail(ctx, tx, u, ch.email, now); err != nil {
			return err
		}
	}
	if ch.confirm && u.EmailConfirmedAt == nil {
		if err := confirmEmail(ctx, tx, u.ID, now); err != nil {
			return err
		}
	}
	if ch.asked != nil {
		return s.beginChange(ctx, tx, u, ch.asked.email, ch.asked.redirectTo, ch.asked.flow)
	}
	return nil
}

func endSessions(ctx context.Context, tx pgx.Tx, userID uuid.UUID, keep *uuid.UUID) error {
	if keep == nil {
		return deleteSessions(ctx, tx, userID)
	}
	return deleteOtherSessions(ctx, tx, userID, *keep)
}
