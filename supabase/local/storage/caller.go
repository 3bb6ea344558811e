package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// caller is who asks, and how: what Storage tells the database.
type caller struct {
	authenticated bool // false only on routes where a token is optional
	role          string
	sub           string // user id, "" for API keys
	owner         string // who will own what is written, where that is not sub: whoever signed the URL
	claims        string
	headers       string
	method        string
	path          string
}

// ownerUUID is the owner for the column of old, which takes nothing but UUIDs; nil otherwise.
func (c caller) ownerUUID() *string {
	if owner := c.ownerID(); owner != nil && uuid.Validate(*owner) == nil {
		return owner
	}
	return nil
}

// ownerID is the owner, nil for API keys.
func (c caller) ownerID() *string {
	owner := c.sub
	if c.owner != "" {
		owner = c.owner
	}
	if owner == "" {
		return nil
	}
	return &owner
}

// signedFor is the server acting for whoever signed a URL: nobody's policies are asked, for that was done when it was signed.
func signedFor(r *http.Request, owner string) (caller, error) {
	headers, err := headersJSON(r.Header)
	if err != nil {
		return caller{}, fmt.Errorf("signed URL: %w", err)
	}
	return caller{authenticated: true, role: "service_role", owner: owner, claims: `{"role":"service_role"}`, headers: headers,
		method: r.Method, path: r.URL.EscapedPath()}, nil
}

// authenticate verifies the token. The gateway has put one there for callers who only have an API key.
// With an error comes the caller that a route gets whose token is optional.
func (s *Server) authenticate(r *http.Request) (caller, error) {
	c := caller{role: "anon", method: r.Method, path: r.URL.EscapedPath()}
	token, found := bearer(r)
	if !found {
		return c, errSchema("headers must have required property 'authorization'")
	}
	claims, err := s.cfg.Keys.Parse(token)
	if err != nil {
		return c, errDenied(tokenProblem(err))
	}
	role, _ := claims["role"].(string)
	switch role {
	case "anon", "authenticated", "service_role":
		c.role = role
	case "": // such as a signed URL's: good for nothing that the anon key is not
	default:
		return c, errDenied(fmt.Sprintf("role %q may not be used", role))
	}
	c.authenticated = true
	c.sub, _ = claims["sub"].(string)
	text, err := json.Marshal(claims)
	if err != nil {
		return c, fmt.Errorf("authenticate: %w", err)
	}
	c.claims = string(text)
	if c.headers, err = headersJSON(r.Header); err != nil {
		return c, fmt.Errorf("authenticate: %w", err)
	}
	return c, nil
}

func bearer(r *http.Request) (token string, found bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// headersJSON is what policies may read as request.headers: all of them, without the secrets.
func headersJSON(h http.Header) (string, error) {
	out := make(map[string]string, len(h))
	for name, values := range h {
		if name = strings.ToLower(name); name != "authorization" && name != "apikey" && name != "cookie" {
			out[name] = strings.Join(values, ", ")
		}
	}
	text, err := json.Marshal(out)
	return string(text), err
}

// as runs fn in a transaction with the caller's role and claims; row-level security decides. operation is what policies may look at as
// storage.operation(). before, if given, runs first in the same transaction, with the server's own rights.
// Source: supabase/storage src/internal/database/postgres/scope.ts.
func (s *Server) as(ctx context.Context, c caller, operation string, before, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.cfg.Pool, func(tx pgx.Tx) error {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `select set_config('role', $1, true), set_config('request.jwt.claim.role', $1, true),
			set_config('request.jwt.claims', $2, true), set_config('request.jwt.claim.sub', $3, true), set_config('request.headers', $4, true),
			set_config('request.method', $5, true), set_config('request.path', $6, true), set_config('storage.operation', $7, true),
			set_config('storage.allow_delete_query', 'true', true), set_config('search_path', 'storage, public, extensions', true)`,
			c.role, c.claims, c.sub, c.headers, c.method, c.path, operation)
		if err != nil {
			return fmt.Errorf("become %s: %w", c.role, err)
		}
		return fn(tx)
	})
}

// errRollback ends a transaction that only asked whether something would be allowed.
var errRollback = errors.New("rolled back on purpose")
