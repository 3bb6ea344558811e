package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/backend/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whatever comes instead of keys, it is not the token's fault: the caller is told to try again and not to log in again.
func TestAnswersThatAreNoKeys(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	token := sign(t, jwt.SigningMethodES256, "es", p.publish(t, "es"), p.claims())
	for name, answer := range map[string]http.HandlerFunc{
		"a proxy's page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", maxJWKSBytes+1)))
		},
		"not found": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"a circle":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"half of it": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"keys":[`))
		},
	} {
		srv := httptest.NewServer(answer)
		v := verifier(t, p, func(c *Config) { c.JWKSURL = srv.URL })
		_, err := v.Verify(t.Context(), token)
		require.ErrorIs(t, err, core.ErrUnavailable, name)
		v.Close()
		srv.Close()
	}
	v := verifier(t, p, func(c *Config) { c.JWKSURL = "http://127.0.0.1:1/" })
	_, err := v.Verify(t.Context(), token)
	require.ErrorIs(t, err, core.ErrUnavailable, "nobody there")
	v = verifier(t, p, func(c *Config) { c.JWKSURL = "::" })
	_, err = v.Verify(t.Context(), token)
	require.ErrorIs(t, err, core.ErrUnavailable, "no address")
}

// Keys of other kinds in the set verify nothing.
func TestKeysOfOtherKinds(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p.set(func() { p.keys["p384"], p.keys["ed"] = p384.Public(), public })
	v := verifier(t, p, nil)
	for name, token := range map[string]string{
		"ES384": sign(t, jwt.SigningMethodES384, "p384", p384, p.claims()), "EdDSA": sign(t, jwt.SigningMethodEdDSA, "ed", private, p.claims()),
		"ES256 with the other curve's id": sign(t, jwt.SigningMethodES256, "p384", p.publish(t, "es"), p.claims()),
	} {
		_, err := v.Verify(t.Context(), token)
		require.ErrorIs(t, err, core.ErrUnauthenticated, name)
	}
}
