package auth

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func withClock(c *clock) func(*Config) { return func(cfg *Config) { cfg.Now = c.Now } }

func TestAnEndpointThatIsDownIsNotTheTokensFault(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	p.status = http.StatusBadGateway
	clock := newClock()
	v := verifier(t, p, withClock(clock))
	token := sign(t, jwt.SigningMethodES256, "es", key, p.claims())

	for range 3 {
		_, err := v.Verify(t.Context(), token)
		require.ErrorIs(t, err, core.ErrUnavailable)
	}
	assert.Equal(t, 1, p.asked(), "a failing endpoint is not hammered")

	p.set(func() { p.status = http.StatusOK })
	clock.advance(retryAfter)
	_, err := v.Verify(t.Context(), token)
	require.NoError(t, err)
}

func TestUnknownKeysAreAskedForOnlySoOften(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	old := p.publish(t, "old")
	clock := newClock()
	v := verifier(t, p, withClock(clock))
	_, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodES256, "old", old, p.claims()))
	require.NoError(t, err)

	rotated := p.publish(t, "new")
	token := sign(t, jwt.SigningMethodES256, "new", rotated, p.claims())
	for range 5 {
		_, err = v.Verify(t.Context(), token)
		require.ErrorIs(t, err, core.ErrUnauthenticated)
	}
	assert.Equal(t, 1, p.asked())

	clock.advance(refetchAfter)
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err, "a new key is found")
	assert.Equal(t, 2, p.asked())
}

func TestARevokedKeyIsForgotten(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	clock := newClock()
	v := verifier(t, p, withClock(clock))
	token := sign(t, jwt.SigningMethodES256, "es", key, p.with(map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}))
	_, err := v.Verify(t.Context(), token)
	require.NoError(t, err)

	p.set(func() { clear(p.keys) })
	clock.advance(freshFor)
	assert.Eventually(t, func() bool {
		_, err := v.Verify(t.Context(), token)
		return err != nil
	}, 5*time.Second, time.Millisecond, "known keys are refreshed behind the caller's back")
	_, err = v.Verify(t.Context(), token)
	require.ErrorIs(t, err, core.ErrUnauthenticated)
}

func TestKnownKeysSurviveAnOutageForAWhile(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	clock := newClock()
	v := verifier(t, p, withClock(clock))
	token := sign(t, jwt.SigningMethodES256, "es", key, p.with(map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}))
	_, err := v.Verify(t.Context(), token)
	require.NoError(t, err)

	p.set(func() { p.status = http.StatusServiceUnavailable })
	clock.advance(usableFor - time.Second)
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err)
	clock.advance(2 * time.Second)
	_, err = v.Verify(t.Context(), token)
	require.ErrorIs(t, err, core.ErrUnavailable)
}

func TestOneFetchForAllWhoWait(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	key := p.publish(t, "es")
	p.block = make(chan struct{})
	v := verifier(t, p, nil)
	token := sign(t, jwt.SigningMethodES256, "es", key, p.claims())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := v.Verify(t.Context(), token)
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return p.asked() == 1 }, 5*time.Second, time.Millisecond)
	close(p.block)
	wg.Wait()
	assert.LessOrEqual(t, p.asked(), 2)
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	const ec = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	for name, bad := range map[string]string{
		"not JSON":      `<html>`,
		"a list":        `[]`,
		"too many keys": `{"keys":[` + strings.TrimSuffix(strings.Repeat(ec+`,"kid":"a"},`, maxKeys+1), ",") + `]}`,
	} {
		_, err := parseKeys([]byte(bad))
		require.Error(t, err, name)
	}
	for name, odd := range map[string]string{
		"no keys":            `{"keys":[]}`,
		"no kid":             `{"keys":[` + ec + `}]}`,
		"for encryption":     `{"keys":[` + ec + `,"kid":"a","use":"enc"}]}`,
		"of another alg":     `{"keys":[` + ec + `,"kid":"a","alg":"ES384"}]}`,
		"symmetric":          `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}]}`,
		"of an unknown kind": `{"keys":[{"kty":"XX","kid":"a"}]}`,
	} {
		keys, err := parseKeys([]byte(odd))
		require.NoError(t, err, name)
		assert.Empty(t, keys, name)
	}
	keys, err := parseKeys([]byte(`{"keys":[{"kty":"XX","kid":"odd"},` + ec + `,"kid":"a","use":"sig","alg":"ES256"}]}`))
	require.NoError(t, err)
	assert.Len(t, keys, 1, "an odd key does not take the others down")
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","kid":"a","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if err != nil && keys != nil {
			t.Fatal("both keys and an error")
		}
	})
}
