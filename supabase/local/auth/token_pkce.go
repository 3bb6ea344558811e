package auth

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type pkceGrant struct {
	AuthCode     string `json:"auth_code"`
	CodeVerifier string `json:"code_verifier"`
}

// tokenPKCE exchanges the code that a mail's link gave out, once, for a session.
func (s *Server) tokenPKCE(w http.ResponseWriter, r *http.Request) error {
	var p pkceGrant
	if err := readJSON(r, &p); err != nil {
		return err
	}
	if p.AuthCode == "" || p.CodeVerifier == "" {
		return badRequest(codeValidation, "invalid request: both auth code and code verifier should be non-empty")
	}
	var session *Session
	err := pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		session, err = s.redeem(r.Context(), tx, p, clientOf(r))
		return err
	})
	if err != nil {
		return storing("Database error granting user", err)
	}
	return writeSession(w, session)
}

func (s *Server) redeem(ctx context.Context, tx pgx.Tx, p pkceGrant, c client) (*Session, error) {
	f, err := lockFlow(ctx, tx, p.AuthCode)
	switch {
	case err != nil:
		return nil, err
	case f == nil || f.userID == nil:
		return nil, notFound(codeFlowNotFound, "invalid flow state, no valid flow state found")
	case s.now().After(f.issuedAt.Add(flowLife)):
		return nil, unprocessable(codeFlowExpired, "invalid flow state, flow state has expired")
	case !f.fits(p.CodeVerifier):
		return nil, badRequest(codeBadVerifier, "code challenge does not match previously saved code verifier")
	}
	u, err := userByID(ctx, tx, *f.userID)
	if err != nil {
		return nil, err
	}
	if u.banned(s.now()) {
		return nil, forbidden(codeUserBanned, "User is banned")
	}
	if err := deleteFlow(ctx, tx, f.id); err != nil {
		return nil, err
	}
	return s.logIn(ctx, tx, u.ID, c, f.method)
}
