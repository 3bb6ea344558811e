package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const (
	secret = "super-secret-jwt-token-with-at-least-32-characters-long"
	userID = "8d2a3c1e-4b5f-4c6d-8e7f-9a0b1c2d3e4f"
)

// project is a Supabase Auth as far as this package sees it: an issuer with keys behind an endpoint that can fail.
type project struct {
	srv *httptest.Server

	mu     sync.Mutex
	keys   map[string]crypto.PublicKey
	status int
	hits   int
	block  chan struct{} // when set, answers wait for it
}

func newProject(t *testing.T) *project {
	t.Helper()
	p := &project{keys: map[string]crypto.PublicKey{}, status: http.StatusOK}
	p.srv = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.srv.Close)
	return p
}

func (p *project) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.hits++
	status, block, body := p.status, p.block, p.jwks()
	p.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-r.Context().Done():
		}
	}
	if r.URL.Path != "/auth/v1/.well-known/jwks.json" {
		status = http.StatusNotFound
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (p *project) jwks() []byte {
	var set struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}
	set.Keys = []jwkset.JWKMarshal{}
	for kid, key := range p.keys {
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.UseSig}})
		if err != nil {
			panic(err)
		}
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	body, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return body
}

func (p *project) set(f func()) { p.mu.Lock(); defer p.mu.Unlock(); f() }

func (p *project) asked() int { p.mu.Lock(); defer p.mu.Unlock(); return p.hits }

func (p *project) issuer() string { return p.srv.URL + "/auth/v1" }

// publish makes a P-256 key and puts it behind the endpoint.
func (p *project) publish(t *testing.T, kid string) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.set(func() { p.keys[kid] = key.Public() })
	return key
}

func (p *project) publishRSA(t *testing.T, kid string, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	p.set(func() { p.keys[kid] = key.Public() })
	return key
}

func (p *project) claims() jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": p.issuer(), "aud": "authenticated", "sub": userID, "role": "authenticated", "email": "ada@example.com",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "app_metadata": map[string]any{"provider": "email"},
	}
}

func (p *project) with(change map[string]any) jwt.MapClaims {
	claims := p.claims()
	for name, value := range change {
		if value == nil {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	return claims
}

func sign(t *testing.T, method jwt.SigningMethod, kid string, key any, claims jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func verifier(t *testing.T, p *project, change func(*Config)) *Verifier {
	t.Helper()
	cfg := Config{SupabaseURL: p.srv.URL, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	v, err := New(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(v.Close)
	return v
}
