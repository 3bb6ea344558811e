package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/session"
)

var now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

type refresher struct {
	calls atomic.Int32
	err   error
}

func (r *refresher) Refresh(_ context.Context, url, key, token string) (session.Pair, error) {
	r.calls.Add(1)
	if r.err != nil {
		return session.Pair{}, r.err
	}
	if url != "http://supabase" || key != "anon" || token != "refresh-1" {
		return session.Pair{}, errors.New("asked with the wrong arguments")
	}
	return session.Pair{AccessToken: "access-2", RefreshToken: "refresh-2", ExpiresAt: now.Add(time.Hour)}, nil
}

func login(t *testing.T, expires time.Time) (config.Store, config.Context) {
	t.Helper()
	s := config.Store{Path: filepath.Join(t.TempDir(), "config.json")}
	c := config.Context{
		Server: "http://server", SupabaseURL: "http://supabase", AnonKey: "anon", Email: "dev@stark.local",
		AccessToken: "access-1", RefreshToken: "refresh-1", ExpiresAt: expires,
	}
	require.NoError(t, s.Update(func(f *config.File) error {
		f.Set(config.DefaultContext, c)
		f.CurrentContext = config.DefaultContext
		return nil
	}))
	return s, c
}

func saved(t *testing.T, s config.Store) config.Context {
	t.Helper()
	f, err := s.Load()
	require.NoError(t, err)
	c, err := f.Current()
	require.NoError(t, err)
	return c
}

func TestGoodTokenIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(time.Hour))
	r := &refresher{}
	token, err := session.New(store, config.DefaultContext, c, r, clock).Access(t.Context())
	require.NoError(t, err)
	require.Equal(t, "access-1", token)
	require.Zero(t, r.calls.Load())
}

func TestTokenNearItsEndIsTradedOnceAndSaved(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(30*time.Second))
	r := &refresher{}
	s := session.New(store, config.DefaultContext, c, r, clock)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			token, err := s.Access(t.Context())
			if err != nil || token != "access-2" {
				t.Errorf("got %q, %v", token, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, r.calls.Load())
	require.Equal(t, "refresh-2", saved(t, store).RefreshToken)
	require.Equal(t, now.Add(time.Hour), saved(t, store).ExpiresAt)
}

func TestSecondProcessTakesWhatTheFirstSaved(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(-time.Minute))
	r := &refresher{}
	first, second := session.New(store, config.DefaultContext, c, r, clock), session.New(store, config.DefaultContext, c, r, clock)
	_, err := first.Access(t.Context())
	require.NoError(t, err)
	token, err := second.Access(t.Context())
	require.NoError(t, err)
	require.Equal(t, "access-2", token)
	require.EqualValues(t, 1, r.calls.Load(), "an old refresh token must not be used again")
}

func TestRefusedTokenIsTradedAlthoughItLooksGood(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(time.Hour))
	r := &refresher{}
	token, err := session.New(store, config.DefaultContext, c, r, clock).Renew(t.Context(), "access-1")
	require.NoError(t, err)
	require.Equal(t, "access-2", token)
}

func TestRefusedRefreshChangesNothing(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(-time.Minute))
	_, err := session.New(store, config.DefaultContext, c, &refresher{err: session.ErrExpired}, clock).Access(t.Context())
	require.ErrorIs(t, err, session.ErrExpired)
	require.Equal(t, c, saved(t, store))
}

func TestTokenWithoutRefreshIsUsedToItsEnd(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(10*time.Second))
	c.RefreshToken = ""
	require.NoError(t, store.Update(func(f *config.File) error {
		f.Set(config.DefaultContext, c)
		f.CurrentContext = config.DefaultContext
		return nil
	}))
	token, err := session.New(store, config.DefaultContext, c, &refresher{}, clock).Access(t.Context())
	require.NoError(t, err)
	require.Equal(t, "access-1", token)

	c.ExpiresAt = now.Add(-time.Second)
	_, err = session.New(store, config.DefaultContext, c, &refresher{}, clock).Access(t.Context())
	require.ErrorIs(t, err, session.ErrExpired)
}

func TestAnotherLoginIsNotTakenOver(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(-time.Minute))
	other := c
	other.Email, other.AccessToken, other.ExpiresAt = "admin@stark.local", "theirs", now.Add(time.Hour)
	require.NoError(t, store.Update(func(f *config.File) error {
		f.Set(config.DefaultContext, other)
		f.CurrentContext = config.DefaultContext
		return nil
	}))
	_, err := session.New(store, config.DefaultContext, c, &refresher{}, clock).Access(t.Context())
	require.ErrorIs(t, err, session.ErrExpired)
}

func TestLogoutMeanwhile(t *testing.T) {
	t.Parallel()
	store, c := login(t, now.Add(-time.Minute))
	require.NoError(t, store.Update(func(f *config.File) error { f.Remove(config.DefaultContext); return nil }))
	_, err := session.New(store, config.DefaultContext, c, &refresher{}, clock).Access(t.Context())
	require.ErrorIs(t, err, config.ErrNoContext)
}

func TestExpiryOf(t *testing.T) {
	t.Parallel()
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	for name, bad := range map[string]string{"empty": "", "opaque": "sbp_123", "no exp": token(`{}`), "not base64": "a.%.c", "not JSON": token("x")} {
		_, err := session.ExpiryOf(bad)
		require.Error(t, err, name)
	}
	at, err := session.ExpiryOf(token(`{"exp":1795507200}`))
	require.NoError(t, err)
	require.Equal(t, time.Unix(1795507200, 0).UTC(), at)
}
