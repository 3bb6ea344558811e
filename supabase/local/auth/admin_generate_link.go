package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type generateLinkRequest struct {
	Type       string   `json:"type"`
	Email      string   `json:"email"`
	NewEmail   string   `json:"new_email"`
	Password   string   `json:"password"`
	Data       Metadata `json:"data"`
	RedirectTo string   `json:"redirect_to"`
}

// generatedLink is the answer: the user, and all that a mail of one's own needs.
type generatedLink struct {
	*User
	ActionLink       string `json:"action_link"`
	EmailOTP         string `json:"email_otp"`
	HashedToken      string `json:"hashed_token"`
	VerificationType string `json:"verification_type"`
	RedirectTo       string `json:"redirect_to"`
}

// adminGenerateLink is POST /admin/generate_link: what a mail would hold, without sending one.
// Source: supabase/auth internal/api/mail.go, adminGenerateLink.
func (s *Server) adminGenerateLink(w http.ResponseWriter, r *http.Request) error {
	if err := s.requireAdmin(r); err != nil {
		return err
	}
	var p generateLinkRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	var err error
	if p.Email, err = cleanEmail(p.Email); err != nil {
		return err
	}
	redirectTo := s.redirectTo(r, p.RedirectTo)
	var answer generatedLink
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		answer, err = s.generateLink(r.Context(), tx, p, audience(r), redirectTo)
		return err
	})
	if violates(err, indexEmail) {
		return errEmailExists()
	}
	if err != nil {
		return storing("Database error generating link", err)
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *Server) generateLink(ctx context.Context, tx pgx.Tx, p generateLinkRequest, aud, redirectTo string) (generatedLink, error) {
	u, err := userByEmail(ctx, tx, p.Email, aud)
	if err != nil && !errors.Is(err, errNoUser) {
		return generatedLink{}, err
	}
	if u == nil && p.Type == kindMagicLink {
		p.Type, p.Password = kindSignup, rand.Text()
	}
	kind, token, address := p.Type, tokenRecovery, p.Email
	switch p.Type {
	case kindMagicLink, kindRecovery:
		if u == nil {
			return generatedLink{}, errNobodyThere()
		}
	case kindInvite:
		token = tokenConfirmation
		u, err = s.invited(ctx, tx, p.Email, aud, p.Data)
	case kindSignup:
		token = tokenConfirmation
		u, err = s.signedUpFor(ctx, tx, u, p, aud)
	case "email_change_current", "email_change_new":
		if u == nil {
			return generatedLink{}, errNobodyThere()
		}
		kind = kindEmailChange
		token, address, err = s.changeFor(ctx, tx, u, p)
	default:
		return generatedLink{}, badRequest(codeValidation, "Invalid email action link type requested: %v", p.Type)
	}
	if err != nil {
		return generatedLink{}, err
	}
	t, err := s.newToken(ctx, tx, u.ID, token, address, nil)
	if err != nil {
		return generatedLink{}, err
	}
	u, err = userByID(ctx, tx, u.ID)
	return generatedLink{u, s.link(t.hash, kind, redirectTo), t.otp, t.hash, p.Type, redirectTo}, err
}

func errNobodyThere() *Error { return notFound(codeUserNotFound, "User with this email not found") }

// signedUpFor is the user of a signup link, who is not confirmed by it until somebody follows it.
func (s *Server) signedUpFor(ctx context.Context, tx pgx.Tx, u *User, p generateLinkRequest, aud string) (*User, error) {
	switch {
	case u != nil && u.EmailConfirmedAt != nil:
		return nil, errEmailExists()
	case u != nil:
		if p.Data == nil {
			return u, nil
		}
		return u, addUserMetadata(ctx, tx, u.ID, p.Data, s.now())
	case p.Password == "":
		return nil, badRequest(codeValidation, "Signup requires a valid password")
	}
	if err := s.checkPassword(p.Password); err != nil {
		return nil, err
	}
	hash, err := s.hash(p.Password)
	if err != nil {
		return nil, err
	}
	u = newUser(p.Email, aud, hash, p.Data)
	return u, s.insertUnconfirmed(ctx, tx, u)
}

// changeFor begins a change of address for its link.
func (s *Server) changeFor(ctx context.Context, tx pgx.Tx, u *User, p generateLinkRequest) (token, address string, err error) {
	if p.Type == "email_change_current" && !s.confirmsBoth(u) {
		return "", "", badRequest(codeValidation, "Enable secure email change to generate link for current email")
	}
	email, err := s.newEmail(ctx, u, p.NewEmail, u.Aud)
	if err != nil {
		return "", "", err
	}
	if email == "" {
		return "", "", badRequest(codeValidation, "An email address is required")
	}
	_, err = tx.Exec(ctx, `update auth.users set email_change = $2, email_change_confirm_status = 0 where id = $1`, u.ID, email)
	if p.Type == "email_change_current" {
		return tokenChangeCurrent, u.Email, err
	}
	return tokenChangeNew, email, err
}
