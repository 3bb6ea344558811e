package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// roleAnon is who asks without a token, or with one that names no role.
const roleAnon = "anon"

// caller is whose role and claims a request runs with.
type caller struct {
	role   string
	claims string // JSON
	authed bool   // a token was sent that says who it is
}

// authenticate verifies the token. The role is whatever it names: whether it may be taken on is for Postgres to say. The keyring is stricter
// than PostgREST, which takes tokens without exp, and for 30 seconds after it.
func (s *Server) authenticate(r *http.Request) (caller, *Error) {
	c := caller{role: roleAnon, claims: `{"role":"anon"}`}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return c, nil
	}
	token = strings.TrimSpace(token)
	if token == "" {
		return c, badToken("PGRST301", "Empty JWT is sent in Authorization header", "")
	}
	if n := strings.Count(token, ".") + 1; n != 3 {
		return c, badToken("PGRST301", fmt.Sprintf("Expected 3 parts in JWT; got %d", n), "")
	}
	claims, err := s.cfg.Keys.Parse(token)
	if err != nil {
		return c, tokenProblem(err)
	}
	switch role := claims["role"].(type) {
	case nil:
		claims["role"] = roleAnon
	case string:
		c.role = role
	default:
		c.role = string(mustJSON(role))
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return c, badToken("PGRST303", "Parsing claims failed", "")
	}
	c.claims, c.authed = string(text), c.role != roleAnon
	return c, nil
}

func badToken(code, message, details string) *Error {
	e := fail(http.StatusUnauthorized, code, message).with(details, "")
	e.Header = map[string]string{"WWW-Authenticate": fmt.Sprintf("Bearer error=\"invalid_token\", error_description=%q", message)}
	return e
}

// tokenProblem says what is wrong with a token, in PostgREST's words.
func tokenProblem(err error) *Error {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return badToken("PGRST303", "JWT expired", "")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return badToken("PGRST303", "JWT not yet valid", "")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return badToken("PGRST303", "The JWT 'exp' claim must be a number", "")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return badToken("PGRST301", "No suitable key or wrong key type", "None of the keys was able to decode the JWT")
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return badToken("PGRST303", "Parsing claims failed", "")
	}
	return badToken("PGRST301", "JWT couldn't be decoded", "")
}
