// Package auth turns an access token of Supabase Auth into the actor who asks.
//
// It accepts what Supabase Auth signs and nothing else: ES256 or RS256 with a key of the project's JWKS, or HS256 when a secret is configured
// for projects that still use one. What the actor may then do is not decided here: row-level security does.
package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

const (
	// audience and role are what Supabase Auth puts into the token of a user who has logged in.
	audience = "authenticated"
	roleUser = "authenticated"

	maxTokenBytes  = 16 << 10
	minSecretBytes = 32 // RFC 7518, 3.2: a key as long as the hash
	leeway         = 10 * time.Second
)

// Config says whose tokens count.
type Config struct {
	// SupabaseURL is the project, e.g. http://127.0.0.1:54321. Needed.
	SupabaseURL string
	// Issuer is the `iss` that tokens must carry; default SupabaseURL + "/auth/v1".
	Issuer string
	// JWKSURL is where the public keys are; default SupabaseURL + "/auth/v1/.well-known/jwks.json".
	JWKSURL string
	// Secret, when set, also admits tokens signed with HS256 and it. At least 32 bytes.
	Secret string
	// HTTP fetches the keys; default a client with a timeout of 5 s.
	HTTP *http.Client
	// Log is told when keys cannot be fetched. Needed.
	Log *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	keys   *keySet
	secret []byte
	parser *jwt.Parser
}

// New makes a Verifier. It does not wait for the JWKS endpoint: keys are fetched when the first token needs them, and again when they
// cannot be had, so the server starts in any order with Supabase. ctx bounds the life of those fetches.
func New(ctx context.Context, cfg Config) (*Verifier, error) {
	base, err := url.Parse(cfg.SupabaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("auth: SupabaseURL must be an http or https URL, not %q", cfg.SupabaseURL)
	}
	if cfg.Log == nil {
		return nil, errors.New("auth: Log is needed")
	}
	if cfg.Secret != "" && len(cfg.Secret) < minSecretBytes {
		return nil, fmt.Errorf("auth: the JWT secret must have at least %d bytes", minSecretBytes)
	}
	root := strings.TrimRight(cfg.SupabaseURL, "/") + "/auth/v1"
	if cfg.Issuer == "" {
		cfg.Issuer = root
	}
	if cfg.JWKSURL == "" {
		cfg.JWKSURL = root + "/.well-known/jwks.json"
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: fetchTimeout}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	algorithms := []string{jwt.SigningMethodES256.Alg(), jwt.SigningMethodRS256.Alg()}
	if cfg.Secret != "" {
		algorithms = append(algorithms, jwt.SigningMethodHS256.Alg())
	}
	return &Verifier{
		keys:   newKeySet(ctx, cfg),
		secret: []byte(cfg.Secret),
		parser: jwt.NewParser(
			jwt.WithValidMethods(algorithms), jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
			jwt.WithLeeway(leeway), jwt.WithTimeFunc(cfg.Now)),
	}, nil
}

// Close ends fetches that are under way. Verify must not be called afterwards.
func (v *Verifier) Close() { v.keys.close() }

// Verify checks a token and says who it speaks for. The error is a core.Error with a message that is safe to show: UNAUTHORIZED when the token
// does not count, SERVICE_UNAVAILABLE when that cannot be told because the keys cannot be fetched.
func (v *Verifier) Verify(ctx context.Context, token string) (core.Actor, error) {
	if token == "" {
		return core.Actor{}, core.Errorf(core.CodeUnauthenticated, "a token is needed").WithHint("Log in, and send Authorization: Bearer <access token>.")
	}
	if len(token) > maxTokenBytes {
		return core.Actor{}, invalid(errors.New("longer than a token may be"))
	}
	claims := jwt.MapClaims{}
	parsed, err := v.parser.ParseWithClaims(token, claims, v.keyFor(ctx))
	if err != nil {
		return core.Actor{}, public(err)
	}
	// A critical extension that is not understood must not be ignored: RFC 7515, 4.1.11.
	if _, critical := parsed.Header["crit"]; critical {
		return core.Actor{}, invalid(errors.New("has critical extensions"))
	}
	return actorOf(token, claims)
}

// keyFor finds the key that must have signed the token: its kind follows from the algorithm, so that a public key never serves as an
// HMAC secret.
func (v *Verifier) keyFor(ctx context.Context) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if t.Method == jwt.SigningMethodHS256 {
			if len(v.secret) == 0 {
				return nil, errors.New("no HS256 secret is configured")
			}
			return v.secret, nil
		}
		kid, _ := t.Header["kid"].(string)
		if kid == "" {
			return nil, errors.New("names no key")
		}
		return v.keys.find(ctx, kid, t.Method.Alg())
	}
}

func actorOf(token string, claims jwt.MapClaims) (core.Actor, error) {
	if role, _ := claims["role"].(string); role != roleUser {
		return core.Actor{}, invalid(fmt.Errorf("role is not %q", roleUser))
	}
	subject, err := claims.GetSubject()
	if err != nil {
		return core.Actor{}, invalid(err)
	}
	id, err := uuid.Parse(subject)
	if err != nil || id == uuid.Nil || len(subject) != 36 {
		return core.Actor{}, invalid(errors.New("sub is not a UUID"))
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil {
		return core.Actor{}, invalid(errors.New("exp is missing"))
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return core.Actor{}, invalid(err)
	}
	email, _ := claims["email"].(string)
	return core.Actor{UserID: id, Email: email, Claims: string(payload), ExpiresAt: expires.Time}, nil
}

// public gives what the parser says a safe face. A cause that already has one keeps it.
func public(err error) error {
	var known *core.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		return core.Errorf(core.CodeUnauthenticated, "the token has expired").WithHint("Refresh the session, or log in again.").WithCause(err)
	}
	return invalid(err)
}

func invalid(cause error) error {
	return core.Errorf(core.CodeUnauthenticated, "the token is not valid").WithHint("Log in again.").WithCause(cause)
}
