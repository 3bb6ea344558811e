package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// Everything that is not a token of this project's Auth for a user who has logged in.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	rsaKey := p.publishRSA(t, "rs", 2048)
	weak := p.publishRSA(t, "weak", 1024)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	v := verifier(t, p, nil)

	es := func(change map[string]any) string { return sign(t, jwt.SigningMethodES256, "es", key, p.with(change)) }
	good := es(nil)
	parts := strings.Split(good, ".")
	otherPayload := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + userID + `","role":"service_role"}`))
	critical := jwt.NewWithClaims(jwt.SigningMethodES256, p.claims())
	critical.Header["kid"], critical.Header["crit"] = "es", []string{"exp"}
	criticalToken, err := critical.SignedString(key)
	require.NoError(t, err)

	forged := map[string]string{
		"empty":                          "",
		"not a token":                    "hello",
		"two dots and nothing":           "..",
		"alg none":                       sign(t, jwt.SigningMethodNone, "es", jwt.UnsafeAllowNoneSignatureType, p.claims()),
		"alg none in capitals":           header(`{"alg":"NONE","typ":"JWT"}`) + "." + parts[1] + ".",
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"another payload":                parts[0] + "." + otherPayload + "." + parts[2],
		"a stranger's key":               sign(t, jwt.SigningMethodES256, "es", stranger, p.claims()),
		"an unknown key":                 sign(t, jwt.SigningMethodES256, "nobody", stranger, p.claims()),
		"no kid":                         sign(t, jwt.SigningMethodES256, "", key, p.claims()),
		"kid is a number":                header(`{"alg":"ES256","kid":7}`) + "." + parts[1] + "." + parts[2],
		"HS256 without a secret":         sign(t, jwt.SigningMethodHS256, "", []byte(secret), p.claims()),
		"HS256 with the public key, PEM": sign(t, jwt.SigningMethodHS256, "es", publicPEM, p.claims()),
		"HS256 with the public key, DER": sign(t, jwt.SigningMethodHS256, "es", der, p.claims()),
		"HS256 with the public point":    sign(t, jwt.SigningMethodHS256, "es", point, p.claims()),
		"HS256 with the empty secret":    sign(t, jwt.SigningMethodHS256, "es", []byte{}, p.claims()),
		"RS256 with the EC key's id":     sign(t, jwt.SigningMethodRS256, "es", rsaKey, p.claims()),
		"ES256 with the RSA key's id":    sign(t, jwt.SigningMethodES256, "rs", key, p.claims()),
		"RS512":                          sign(t, jwt.SigningMethodRS512, "rs", rsaKey, p.claims()),
		"PS256":                          sign(t, jwt.SigningMethodPS256, "rs", rsaKey, p.claims()),
		"a weak RSA key":                 sign(t, jwt.SigningMethodRS256, "weak", weak, p.claims()),
		"critical extensions":            criticalToken,
		"another issuer":                 es(map[string]any{"iss": "https://evil.example/auth/v1"}),
		"no issuer":                      es(map[string]any{"iss": nil}),
		"another audience":               es(map[string]any{"aud": "somebody"}),
		"no audience":                    es(map[string]any{"aud": nil}),
		"the anon role":                  es(map[string]any{"role": "anon"}),
		"the service role":               es(map[string]any{"role": "service_role"}),
		"no role":                        es(map[string]any{"role": nil}),
		"no subject":                     es(map[string]any{"sub": nil}),
		"subject is no UUID":             es(map[string]any{"sub": "ada"}),
		"subject is the nil UUID":        es(map[string]any{"sub": "00000000-0000-0000-0000-000000000000"}),
		"subject is a UUID in braces":    es(map[string]any{"sub": "{" + userID + "}"}),
		"no expiry":                      es(map[string]any{"exp": nil}),
		"expired":                        es(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"not valid yet":                  es(map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}),
		"too long":                       es(map[string]any{"user_metadata": strings.Repeat("x", maxTokenBytes)}),
	}
	for name, token := range forged {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actor, err := v.Verify(t.Context(), token)
			require.ErrorIs(t, err, core.ErrUnauthenticated)
			assert.Zero(t, actor)
			var public *core.Error
			require.ErrorAs(t, err, &public)
			assert.Contains(t, []string{"a token is needed", "the token is not valid", "the token has expired"}, public.Message)
			assert.Equal(t, name == "expired", public.Message == "the token has expired")
			if len(token) > 20 {
				assert.NotContains(t, err.Error(), token, "tokens do not belong into logs")
			}
		})
	}
}

func header(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }

func TestGenuineTokens(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	rsaKey := p.publishRSA(t, "rs", 2048)
	withSecret := func(c *Config) { c.Secret = secret }
	cases := map[string]struct {
		change func(*Config)
		token  string
	}{
		"ES256":                       {nil, sign(t, jwt.SigningMethodES256, "es", key, p.claims())},
		"RS256":                       {nil, sign(t, jwt.SigningMethodRS256, "rs", rsaKey, p.claims())},
		"HS256 with the secret":       {withSecret, sign(t, jwt.SigningMethodHS256, "", []byte(secret), p.claims())},
		"HS256 with a kid":            {withSecret, sign(t, jwt.SigningMethodHS256, "legacy", []byte(secret), p.claims())},
		"ES256 although a secret set": {withSecret, sign(t, jwt.SigningMethodES256, "es", key, p.claims())},
		"several audiences":           {nil, sign(t, jwt.SigningMethodES256, "es", key, p.with(map[string]any{"aud": []string{"other", "authenticated"}}))},
		"expired within the leeway":   {nil, sign(t, jwt.SigningMethodES256, "es", key, p.with(map[string]any{"exp": time.Now().Add(-2 * time.Second).Unix()}))},
		"configured issuer": {func(c *Config) { c.Issuer = "https://auth.example.com" },
			sign(t, jwt.SigningMethodES256, "es", key, p.with(map[string]any{"iss": "https://auth.example.com"}))},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actor, err := verifier(t, p, tc.change).Verify(t.Context(), tc.token)
			require.NoError(t, err)
			assert.Equal(t, userID, actor.UserID.String())
			assert.Equal(t, "ada@example.com", actor.Email)
			assert.WithinDuration(t, time.Now().Add(time.Hour), actor.ExpiresAt, 2*time.Hour)
			var claims map[string]any
			require.NoError(t, json.Unmarshal([]byte(actor.Claims), &claims), "the database gets the payload as it was signed")
			assert.Equal(t, "authenticated", claims["role"])
			assert.Equal(t, map[string]any{"provider": "email"}, claims["app_metadata"])
		})
	}
}

// A secret in the configuration must not open the door for public keys as secrets.
func TestASecretDoesNotAdmitOtherSecrets(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	v := verifier(t, p, func(c *Config) { c.Secret = secret })
	for name, wrong := range map[string][]byte{"public key": der, "empty": {}, "close": []byte(secret + " ")} {
		_, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, "es", wrong, p.claims()))
		require.ErrorIs(t, err, core.ErrUnauthenticated, name)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for name, cfg := range map[string]Config{
		"no URL":         {Log: log},
		"not http":       {SupabaseURL: "ftp://x", Log: log},
		"no log":         {SupabaseURL: "http://x"},
		"a short secret": {SupabaseURL: "http://x", Log: log, Secret: "short"},
	} {
		_, err := New(t.Context(), cfg)
		require.Error(t, err, name)
	}
}

func TestACallerWhoGivesUpIsToldSo(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	p.block = make(chan struct{})
	defer close(p.block)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	_, err := verifier(t, p, nil).Verify(ctx, sign(t, jwt.SigningMethodES256, "es", key, p.claims()))
	require.ErrorIs(t, err, core.ErrUnavailable)
}
