package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/keys"
)

// Every token here must be refused by what a user may do and by what an admin may do.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := userID(w.signup("ada@example.com")).String()
	claims := func() jwt.MapClaims {
		return jwt.MapClaims{"sub": id, "role": "service_role", "aud": "authenticated", "exp": time.Now().Add(time.Hour).Unix()}
	}
	forge := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, claims())
		token.Header["kid"] = w.material.PrivateKey.KeyID
		text, err := token.SignedString(key)
		require.NoError(t, err)
		return text
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	otherMaterial, err := keys.Generate()
	require.NoError(t, err)
	other, err := keys.New(otherMaterial, keys.Config{})
	require.NoError(t, err)
	otherToken, err := other.Sign(claims())
	require.NoError(t, err)
	expired := claims()
	expired["exp"] = time.Now().Add(-time.Minute).Unix()

	for name, token := range map[string]string{
		"alg none":                  forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"wrong key":                 forge(jwt.SigningMethodES256, stranger),
		"HS256 with the public key": forge(jwt.SigningMethodHS256, w.keys.JWKS()),
		"HS256 with x":              forge(jwt.SigningMethodHS256, []byte(w.material.PrivateKey.X)),
		"another stack's":           otherToken,
		"another stack's key":       other.ServiceRoleKey(),
		"expired":                   w.sign(expired),
		"an sb_ key":                w.keys.SecretKey(),
		"nonsense":                  "nonsense",
		"long nonsense":             string(make([]byte, 0)) + "eyJ" + string(longText(20_000)),
	} {
		for _, route := range []string{"GET /user", "GET /admin/users"} {
			method, path := route[:3], route[4:]
			a := w.call(method, path, token, nil)
			require.Equal(t, 403, a.status, "%s: %s: %s", name, route, a.text)
			a.refused(403, "bad_jwt")
			require.NotContains(t, a.body["msg"], "keys:")
		}
	}
	for _, header := range []string{"", "Basic abc", "Bearer", "Bearer ", "BEARER " + w.keys.ServiceRoleKey(), "Bearer a b"} {
		w.call("GET", "/admin/users", "", nil, "Authorization", header).refused(401, "no_authorization")
		w.call("GET", "/user", "", nil, "Authorization", header).refused(401, "no_authorization")
	}
}

func longText(n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a'
	}
	return text
}

// Tokens that we did sign, for something else or for someone who is gone.
func TestTokensThatDoNotFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.signup("ada@example.com"), w.signup("bob@example.com")
	bobs, err := w.keys.Parse(access(bob))
	require.NoError(t, err)
	id := userID(ada).String()
	for name, c := range map[string]struct {
		claims jwt.MapClaims
		status int
		code   string
	}{
		"no sub":            {jwt.MapClaims{"role": "authenticated"}, 403, "bad_jwt"},
		"storage's":         {jwt.MapClaims{"url": "docs/x"}, 403, "bad_jwt"},
		"sub no uuid":       {jwt.MapClaims{"sub": "ada"}, 400, "bad_jwt"},
		"sub a number":      {jwt.MapClaims{"sub": 1}, 403, "bad_jwt"},
		"unknown user":      {jwt.MapClaims{"sub": uuid.NewString()}, 403, "user_not_found"},
		"session no uuid":   {jwt.MapClaims{"sub": id, "session_id": "x"}, 403, "bad_jwt"},
		"unknown session":   {jwt.MapClaims{"sub": id, "session_id": uuid.NewString()}, 403, "session_not_found"},
		"another's session": {jwt.MapClaims{"sub": id, "session_id": bobs["session_id"]}, 403, "session_not_found"},
	} {
		t.Run(name, func(t *testing.T) { w.call("GET", "/user", w.sign(c.claims), nil).refused(c.status, c.code) })
	}
	for name, role := range map[string]any{"anon": "anon", "user": "authenticated", "none": nil, "number": 1, "capitals": "SERVICE_ROLE", "list": []string{"service_role"}} {
		a := w.call("GET", "/admin/users", w.sign(jwt.MapClaims{"sub": id, "role": role}), nil)
		require.Equal(t, 403, a.status, name)
		a.refused(403, "not_admin")
	}
	w.advance(2 * time.Hour)
	w.call("GET", "/user", access(ada), nil).refused(403, "bad_jwt")
}
