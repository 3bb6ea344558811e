package auth

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// oauthErrors are the names that OAuth 2.0 has for statuses. Source: supabase/auth internal/api/errors.go.
var oauthErrors = map[int]string{
	http.StatusBadRequest: "invalid_request", http.StatusUnauthorized: "unauthorized_client", http.StatusForbidden: "access_denied",
	http.StatusInternalServerError: "server_error", http.StatusServiceUnavailable: "temporarily_unavailable",
}

// verifyGet is GET /verify, which a mail's link opens in a browser: it goes on to where the mail was asked for, with the session in the
// fragment, or with a code for the client that keeps the verifier, or with what went wrong.
func (s *Server) verifyGet(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	p := verifyRequest{Type: query.Get("type"), TokenHash: query.Get("token")}
	if p.TokenHash == "" {
		p.TokenHash = query.Get("token_hash")
	}
	if err := p.validate(); err != nil {
		return err
	}
	to := s.redirectTo(r, "")
	pkce := strings.HasPrefix(p.TokenHash, pkcePrefix)
	var target string
	err := pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		target, err = s.follow(r, tx, p, to, pkce)
		return err
	})
	if err != nil {
		target, err = refusedTarget(storing("Database error verifying user", err), to, pkce)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// follow spends the link's token and returns where to go on.
func (s *Server) follow(r *http.Request, tx pgx.Tx, p verifyRequest, to string, pkce bool) (string, error) {
	ctx := r.Context()
	t, err := s.tokenOf(ctx, tx, p, audience(r))
	if err != nil {
		return "", err
	}
	if t.pkce() != pkce { // somebody took the prefix away, to get the session without the verifier
		return "", forbidden(codeOTPExpired, "Email link is invalid or has expired")
	}
	done, err := s.spend(ctx, tx, t)
	if err != nil {
		return "", err
	}
	if !done {
		message := url.Values{"message": {halfWay}}
		if pkce {
			if to, err = inQuery(to, message); err != nil {
				return "", err
			}
		}
		return inFragment(to, message), nil
	}
	if pkce {
		code, err := issueCode(ctx, tx, t.userID, authMethod(p.Type), s.now())
		if err != nil {
			return "", err
		}
		return inQuery(to, url.Values{"code": {code}})
	}
	session, err := s.logIn(ctx, tx, t.userID, clientOf(r), methodOTP)
	if err != nil {
		return "", err
	}
	return inFragment(to, url.Values{
		"access_token": {session.AccessToken}, "token_type": {session.TokenType}, "expires_in": {strconv.FormatInt(session.ExpiresIn, 10)},
		"expires_at": {strconv.FormatInt(session.ExpiresAt, 10)}, "refresh_token": {session.RefreshToken}, "type": {p.Type},
	}), nil
}

// refusedTarget is where a browser learns what went wrong. What failed inside is answered as an error.
func refusedTarget(err error, to string, pkce bool) (string, error) {
	var e *Error
	if !errors.As(err, &e) || e.HTTP >= http.StatusInternalServerError {
		return "", err
	}
	values := url.Values{"error_code": {e.Code}, "error_description": {e.Message}}
	if name := oauthErrors[e.HTTP]; name != "" {
		values.Set("error", name)
	}
	if pkce {
		var err error
		if to, err = inQuery(to, values); err != nil {
			return "", err
		}
	}
	return inFragment(to, values), nil
}
