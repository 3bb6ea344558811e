package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// caller is who a token says is asking, as the database has it now.
type caller struct {
	user    *User
	session *uuid.UUID // nil for a token that was made without a session
}

// claims verifies the request's bearer token.
func (s *Server) claims(r *http.Request) (jwt.MapClaims, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if (scheme != "Bearer" && scheme != "bearer") || token == "" || strings.ContainsAny(token, " \t") {
		return nil, &Error{HTTP: http.StatusUnauthorized, Code: codeNoAuthorization, Message: "This endpoint requires a valid Bearer token"}
	}
	claims, err := s.cfg.Keys.Parse(token)
	if err != nil {
		reason := err
		if inner := errors.Unwrap(err); inner != nil {
			reason = inner // GoTrue's clients know the sentences of golang-jwt, without our prefix
		}
		return nil, forbidden(codeBadJWT, "invalid JWT: unable to parse or verify signature, %v", reason)
	}
	return claims, nil
}

// caller requires the token of a user whose session is not over.
func (s *Server) caller(r *http.Request) (*caller, error) {
	claims, err := s.claims(r)
	if err != nil {
		return nil, err
	}
	sub, _ := claims["sub"].(string)
	if sub == "" {
		return nil, forbidden(codeBadJWT, "invalid claim: missing sub claim")
	}
	userID, err := uuid.Parse(sub)
	if err != nil {
		return nil, badRequest(codeBadJWT, "invalid claim: sub claim must be a UUID")
	}
	c := &caller{}
	if c.user, err = userByID(r.Context(), s.cfg.Pool, userID); errors.Is(err, errNoUser) {
		return nil, forbidden(codeUserNotFound, "User from sub claim in JWT does not exist")
	} else if err != nil {
		return nil, storing("Database error loading user", err)
	}
	c.session, err = s.sessionOf(r.Context(), claims, userID)
	return c, err
}

func (s *Server) sessionOf(ctx context.Context, claims jwt.MapClaims, userID uuid.UUID) (*uuid.UUID, error) {
	named, _ := claims["session_id"].(string)
	if named == "" || named == uuid.Nil.String() {
		return nil, nil
	}
	id, err := uuid.Parse(named)
	if err != nil {
		return nil, forbidden(codeBadJWT, "invalid claim: session_id claim must be a UUID")
	}
	alive, err := hasSession(ctx, s.cfg.Pool, id, userID)
	if err != nil {
		return nil, storing("Database error loading session", err)
	}
	if !alive {
		return nil, forbidden(codeSessionNotFound, "Session from session_id claim in JWT does not exist")
	}
	return &id, nil
}

// requireAdmin requires a token of a role that administers: that of the service key.
func (s *Server) requireAdmin(r *http.Request) error {
	claims, err := s.claims(r)
	if err != nil {
		return err
	}
	if role, _ := claims["role"].(string); !administers(role) {
		return forbidden(codeNotAdmin, "User not allowed")
	}
	return nil
}

func administers(role string) bool { return role == "service_role" || role == "supabase_admin" }

// audience is the audience that a request is about.
func audience(r *http.Request) string {
	if aud := r.Header.Get(headerAudience); aud != "" {
		return aud
	}
	return audAuthenticated
}
