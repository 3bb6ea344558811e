package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/keys"
)

const testSecret = "super-secret-jwt-token-with-at-least-32-characters-long"

func generate(t testing.TB) keys.Material {
	t.Helper()
	m, err := keys.Generate()
	require.NoError(t, err)
	return m
}

func ring(t testing.TB, m keys.Material, cfg keys.Config) *keys.Keyring {
	t.Helper()
	k, err := keys.New(m, cfg)
	require.NoError(t, err)
	return k
}

func fresh() jwt.MapClaims { return jwt.MapClaims{"sub": "x", "exp": time.Now().Add(time.Hour).Unix()} }

func sign(t testing.TB, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	m := generate(t)
	k := ring(t, m, keys.Config{})
	kid := m.PrivateKey.KeyID
	good, err := k.Sign(fresh())
	require.NoError(t, err)
	parts := strings.Split(good, ".")

	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(publicKeyOf(t, m))
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	tampered := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin","exp":99999999999}`))

	for name, token := range map[string]string{
		"nothing":                        "",
		"no token":                       "a.b.c",
		"alg none":                       sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, fresh()),
		"another key with our kid":       sign(t, jwt.SigningMethodES256, other, kid, fresh()),
		"HS256 with the public key":      sign(t, jwt.SigningMethodHS256, public, kid, fresh()),
		"HS256 with the raw public key":  sign(t, jwt.SigningMethodHS256, der, kid, fresh()),
		"HS256 with the JWKS":            sign(t, jwt.SigningMethodHS256, k.JWKS(), kid, fresh()),
		"HS256 with an empty secret":     sign(t, jwt.SigningMethodHS256, []byte{}, kid, fresh()),
		"the signature of another claim": parts[0] + "." + tampered + "." + parts[2],
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"too long":                       good + strings.Repeat("a", 20_000),
	} {
		_, err := k.Parse(token)
		require.Error(t, err, name)
	}
	_, err = k.Parse(good)
	require.NoError(t, err)
}

func TestParseRefusesWhatIsSignedButNotGood(t *testing.T) {
	t.Parallel()
	k := ring(t, generate(t), keys.Config{})
	_, err := k.Parse(mustSign(t, k, jwt.MapClaims{"sub": "x", "exp": time.Now().Add(-time.Second).Unix()}))
	require.ErrorIs(t, err, jwt.ErrTokenExpired)
	_, err = k.Parse(mustSign(t, k, jwt.MapClaims{"sub": "x"}))
	require.ErrorIs(t, err, jwt.ErrTokenRequiredClaimMissing)
	_, err = k.Parse(mustSign(t, k, jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix(), "nbf": time.Now().Add(time.Minute).Unix()}))
	require.ErrorIs(t, err, jwt.ErrTokenNotValidYet)
	_, err = k.Parse(mustSign(t, k, jwt.MapClaims{"exp": "never"}))
	require.Error(t, err)

	_, err = k.Parse(mustSign(t, ring(t, generate(t), keys.Config{}), fresh()))
	require.ErrorIs(t, err, jwt.ErrTokenUnverifiable, "another stack's kid")
	_, err = k.Parse(mustSign(t, ring(t, generate(t), keys.Config{Secret: testSecret}), fresh()))
	require.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid, "HS256 where ES256 is spoken")
}

func TestSecretMode(t *testing.T) {
	t.Parallel()
	m := generate(t)
	_, err := keys.New(m, keys.Config{Secret: "short"})
	require.ErrorContains(t, err, "at least 32 bytes")

	k := ring(t, m, keys.Config{Secret: testSecret})
	require.Equal(t, "HS256", k.Algorithm())
	require.JSONEq(t, `{"keys":[]}`, string(k.JWKS()))
	_, err = k.Parse(mustSign(t, ring(t, m, keys.Config{}), fresh()))
	require.Error(t, err, "ES256 where HS256 is spoken, though the material is the same")
	_, err = k.Parse(sign(t, jwt.SigningMethodHS256, []byte(testSecret+"x"), "", fresh()))
	require.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid)
	_, err = k.Parse(sign(t, jwt.SigningMethodHS512, []byte(testSecret), "", fresh()))
	require.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid)

	claims, err := k.Parse(sign(t, jwt.SigningMethodHS256, []byte(testSecret), "", fresh()))
	require.NoError(t, err, "who has the secret may sign")
	require.Equal(t, "x", claims["sub"])
	_, err = k.Parse(k.AnonKey())
	require.NoError(t, err)
}

func TestSignedTokensVerifyWithTheJWKS(t *testing.T) {
	t.Parallel()
	m := generate(t)
	k := ring(t, m, keys.Config{})
	require.Equal(t, "ES256", k.Algorithm())
	require.NotContains(t, string(k.JWKS()), m.PrivateKey.D)
	require.NotContains(t, string(k.JWKS()), `"d"`)
	set, err := keyfunc.NewJWKSetJSON(k.JWKS())
	require.NoError(t, err)
	for _, text := range []string{mustSign(t, k, fresh()), k.AnonKey(), k.ServiceRoleKey()} {
		token, err := jwt.Parse(text, set.Keyfunc, jwt.WithValidMethods([]string{"ES256"}))
		require.NoError(t, err)
		require.Equal(t, m.PrivateKey.KeyID, token.Header["kid"])
	}
}

func TestClockDecidesExpiry(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := ring(t, generate(t), keys.Config{Now: func() time.Time { return now }})
	token := mustSign(t, k, jwt.MapClaims{"exp": now.Add(time.Minute).Unix()})
	_, err := k.Parse(token)
	require.NoError(t, err)
	now = now.Add(time.Minute)
	_, err = k.Parse(token)
	require.ErrorIs(t, err, jwt.ErrTokenExpired)
}

func TestMaterialSurvivesJSON(t *testing.T) {
	t.Parallel()
	for _, cfg := range []keys.Config{{}, {Secret: testSecret}} {
		m := generate(t)
		text, err := json.Marshal(m)
		require.NoError(t, err)
		var again keys.Material
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, m, again)
		a, b := ring(t, m, cfg), ring(t, again, cfg)
		require.Equal(t, a.AnonKey(), b.AnonKey(), "the same key after a restart")
		require.Equal(t, a.ServiceRoleKey(), b.ServiceRoleKey())
		require.Equal(t, a.PublishableKey(), b.PublishableKey())
		require.Equal(t, a.SecretKey(), b.SecretKey())
		_, err = b.Parse(mustSign(t, a, fresh()))
		require.NoError(t, err)
	}
}

func TestNewRefusesBrokenMaterial(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*keys.Material){
		"empty":             func(m *keys.Material) { *m = keys.Material{} },
		"no key":            func(m *keys.Material) { m.PrivateKey.D = "" },
		"not base64":        func(m *keys.Material) { m.PrivateKey.D = "§" },
		"zero":              func(m *keys.Material) { m.PrivateKey.D = base64.RawURLEncoding.EncodeToString(make([]byte, 32)) },
		"another's public":  func(m *keys.Material) { m.PrivateKey.X = generate(t).PrivateKey.X },
		"no kid":            func(m *keys.Material) { m.PrivateKey.KeyID = "" },
		"another algorithm": func(m *keys.Material) { m.PrivateKey.Algorithm = "HS256" },
		"keys swapped":      func(m *keys.Material) { m.PublishableKey, m.SecretKey = m.SecretKey, m.PublishableKey },
		"empty secret key":  func(m *keys.Material) { m.SecretKey = keys.SecretPrefix },
		"no birth":          func(m *keys.Material) { m.IssuedAt = 0 },
	} {
		m := generate(t)
		spoil(&m)
		_, err := keys.New(m, keys.Config{})
		require.ErrorIs(t, err, keys.ErrMaterial, name)
	}
}

func TestResolveAPIKey(t *testing.T) {
	t.Parallel()
	k := ring(t, generate(t), keys.Config{})
	stranger := ring(t, generate(t), keys.Config{})
	ours := mustSign(t, k, jwt.MapClaims{"role": "service_role", "exp": time.Now().Add(time.Hour).Unix()})
	for _, key := range []string{"", "anon", "sb_secret_", k.SecretKey() + " ", strings.TrimSuffix(k.SecretKey(), k.SecretKey()[len(k.SecretKey())-1:]),
		stranger.AnonKey(), stranger.ServiceRoleKey(), stranger.SecretKey(), ours} {
		role, ok := k.ResolveAPIKey(key)
		require.False(t, ok, key)
		require.Empty(t, role)
	}
	for key, want := range map[string]string{
		k.AnonKey(): "anon", k.PublishableKey(): "anon", k.ServiceRoleKey(): "service_role", k.SecretKey(): "service_role",
	} {
		role, ok := k.ResolveAPIKey(key)
		require.True(t, ok)
		require.Equal(t, want, role)
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	m := generate(t)
	k := ring(t, m, keys.Config{})
	for token, role := range map[string]string{k.AnonKey(): "anon", k.ServiceRoleKey(): "service_role"} {
		claims, err := k.Parse(token)
		require.NoError(t, err)
		require.Equal(t, jwt.MapClaims{
			"iss": "supabase-demo", "role": role, "iat": float64(m.IssuedAt), "exp": float64(m.IssuedAt + 10*365*24*3600),
		}, claims)
	}
	require.Regexp(t, `^sb_publishable_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}$`, k.PublishableKey())
	require.Regexp(t, `^sb_secret_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}$`, k.SecretKey())
	require.NotEqual(t, k.SecretKey(), ring(t, generate(t), keys.Config{}).SecretKey())
	named, err := ring(t, m, keys.Config{Issuer: "me"}).Parse(ring(t, m, keys.Config{Issuer: "me"}).AnonKey())
	require.NoError(t, err)
	require.Equal(t, "me", named["iss"])
}

// Whatever is parsed without an error was signed by us: a parser that is fed mutations of a good token never yields other claims.
func FuzzParse(f *testing.F) {
	k := ring(f, generate(f), keys.Config{})
	good := mustSign(f, k, jwt.MapClaims{"sub": "fuzz", "exp": time.Now().Add(time.Hour).Unix()})
	parts := strings.Split(good, ".")
	for _, seed := range []string{"", ".", "..", "...", good, parts[0] + "." + parts[1] + ".", good + ".", " " + good, "eyJhbGciOiJub25lIn0.e30.", parts[0] + ".e30." + parts[2]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := k.Parse(token)
		if err != nil {
			require.Nil(t, claims)
			return
		}
		require.Equal(t, "fuzz", claims["sub"])
	})
}

func mustSign(t testing.TB, k *keys.Keyring, claims jwt.MapClaims) string {
	t.Helper()
	token, err := k.Sign(claims)
	require.NoError(t, err)
	return token
}

func publicKeyOf(t testing.TB, m keys.Material) *ecdsa.PublicKey {
	t.Helper()
	x, err := base64.RawURLEncoding.DecodeString(m.PrivateKey.X)
	require.NoError(t, err)
	y, err := base64.RawURLEncoding.DecodeString(m.PrivateKey.Y)
	require.NoError(t, err)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	require.NoError(t, err)
	return key
}
