package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type verifyRequest struct {
	Type      string `json:"type"`
	Token     string `json:"token"` // the OTP
	TokenHash string `json:"token_hash"`
	Email     string `json:"email"`
	Phone     string `json:"phone"`
	Redirect  string `json:"redirect_to"`
}

func (p verifyRequest) validate() error {
	switch {
	case p.Type == "":
		return badRequest(codeValidation, "Verify requires a verification type")
	case p.Phone != "" || p.Type == "sms" || p.Type == "phone_change":
		return notImplemented("POST /verify of a phone")
	case p.Token == "" && p.TokenHash == "":
		return badRequest(codeValidation, "Verify requires a token or a token hash")
	case p.Token != "" && p.TokenHash != "":
		return badRequest(codeValidation, "Verify requires either a token or a token hash")
	case p.Token != "" && p.Email == "":
		return badRequest(codeValidation, "Only an email address or phone number should be provided on verify")
	case p.TokenHash != "" && (p.Email != "" || p.Redirect != ""):
		return badRequest(codeValidation, "Only the token_hash and type should be provided")
	}
	return nil
}

const halfWay = "Confirmation link accepted. Please proceed to confirm link sent to the other email"

// verifyPost is POST /verify: an OTP with its address, or a token hash, for a session. Source: supabase/auth internal/api/verify.go.
func (s *Server) verifyPost(w http.ResponseWriter, r *http.Request) error {
	var p verifyRequest
	if err := readJSON(r, &p); err != nil {
		return err
	}
	if err := p.validate(); err != nil {
		return err
	}
	var session *Session
	err := pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) error {
		t, err := s.tokenOf(r.Context(), tx, p, audience(r))
		if err != nil {
			return err
		}
		done, err := s.spend(r.Context(), tx, t)
		if err != nil || !done {
			return err
		}
		session, err = s.logIn(r.Context(), tx, t.userID, clientOf(r), methodOTP)
		return err
	})
	if err != nil {
		return storing("Database error verifying user", err)
	}
	if session == nil {
		return writeJSON(w, http.StatusOK, map[string]string{"msg": halfWay, "code": "200"})
	}
	return writeSession(w, session)
}

// tokenTypes are the types of token that a type of verification is about.
func tokenTypes(kind string) ([]string, error) {
	switch kind {
	case kindSignup, kindInvite:
		return []string{tokenConfirmation}, nil
	case kindMagicLink, kindRecovery:
		return []string{tokenRecovery}, nil
	case kindEmail:
		return []string{tokenConfirmation, tokenRecovery}, nil
	case kindEmailChange:
		return []string{tokenChangeCurrent, tokenChangeNew}, nil
	}
	return nil, badRequest(codeValidation, "Invalid email verification type")
}

// tokenOf finds what the request proves to have, and locks its user. All refusals are the same: they do not tell who exists.
func (s *Server) tokenOf(ctx context.Context, tx pgx.Tx, p verifyRequest, aud string) (oneTimeToken, error) {
	kinds, err := tokenTypes(p.Type)
	if err != nil {
		return oneTimeToken{}, err
	}
	hash, refusal := p.TokenHash, forbidden(codeOTPExpired, "Email link is invalid or has expired")
	if hash == "" {
		email, err := cleanEmail(p.Email)
		if err != nil {
			return oneTimeToken{}, err
		}
		// The address is in the hash, so only its own user's token can be found.
		hash, refusal = hashOTP(email, p.Token), forbidden(codeOTPExpired, "Token has expired or is invalid")
	}
	t, err := findOneTimeToken(ctx, tx, hash, kinds...)
	if errors.Is(err, errNoOneTimeToken) {
		return t, refusal
	}
	if err != nil {
		return t, err
	}
	u, err := lockUser(ctx, tx, t.userID)
	if err != nil {
		return t, err
	}
	// Only now is the token's state the one that counts: it may have been spent while we waited.
	if t, err = findOneTimeToken(ctx, tx, hash, kinds...); errors.Is(err, errNoOneTimeToken) {
		return t, refusal
	}
	switch {
	case err != nil:
		return t, err
	case s.expired(t) || u.Aud != aud:
		return t, refusal
	case u.banned(s.now()):
		return t, forbidden(codeUserBanned, "User is banned")
	}
	return t, nil
}

// spend does what a token is for. It is false when a change of address waits for the other address.
func (s *Server) spend(ctx context.Context, tx pgx.Tx, t oneTimeToken) (done bool, err error) {
	switch t.kind {
	case tokenChangeNew, tokenChangeCurrent:
		return s.confirmChange(ctx, tx, t)
	case tokenConfirmation, tokenRecovery:
	default:
		return false, badRequest(codeValidation, "Invalid email verification type")
	}
	if err := spendTokens(ctx, tx, t.userID, t.kind); err != nil {
		return false, err
	}
	u, err := userByID(ctx, tx, t.userID)
	if err != nil {
		return false, err
	}
	if u.EmailConfirmedAt == nil {
		if err := confirmEmail(ctx, tx, u.ID, s.now()); err != nil {
			return false, err
		}
	}
	return true, verifyIdentity(ctx, tx, u, u.Email, s.now())
}
