// Package session keeps a login alive: it hands out the stored access token and trades the refresh token for a new pair
// when the old one runs out.
//
// Refresh tokens rotate, and Supabase Auth ends the whole session when an old one is used again. So the trade happens under the
// configuration's lock, and whoever comes second takes what the first one saved.
package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stark-o/stark/cmd/stark/internal/config"
)

// ErrExpired says that the login has ended and that only logging in again helps.
var ErrExpired = errors.New("the login has expired")

// margin is how long before its end a token counts as run out: longer than a request takes.
const margin = 60 * time.Second

// Pair is what a refresh yields.
type Pair struct {
	AccessToken  string
	RefreshToken string
	ExpiresAt    time.Time
}

// Refresher trades a refresh token for a new pair. It returns an error that is ErrExpired when the token is refused for good.
type Refresher interface {
	Refresh(ctx context.Context, supabaseURL, anonKey, refreshToken string) (Pair, error)
}

// Session is the login of one context. It is safe for concurrent use.
type Session struct {
	store     config.Store
	name      string // of the context
	refresher Refresher
	now       func() time.Time

	mu      sync.Mutex // guards current
	current config.Context
}

// New is the session of the context of that name, which is current and kept in store.
func New(store config.Store, name string, current config.Context, refresher Refresher, now func() time.Time) *Session {
	return &Session{store: store, name: name, current: current, refresher: refresher, now: now}
}

// Context is the login as it is now.
func (s *Session) Context() config.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Access is a token that is good for a minute at least, or ErrExpired.
func (s *Session) Access(ctx context.Context) (string, error) {
	c := s.Context()
	if s.fresh(c) {
		return c.AccessToken, nil
	}
	return s.Renew(ctx, c.AccessToken)
}

func (s *Session) fresh(c config.Context) bool {
	if c.RefreshToken == "" { // nothing to trade: it is used to its end
		return s.now().Before(c.ExpiresAt)
	}
	return s.now().Add(margin).Before(c.ExpiresAt)
}

// Renew is a token other than refused, or ErrExpired.
func (s *Session) Renew(ctx context.Context, refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.AccessToken != refused && s.fresh(s.current) { // another goroutine was here first
		return s.current.AccessToken, nil
	}
	err := s.store.Update(func(f *config.File) error {
		saved, err := f.Get(s.name)
		if err != nil {
			return err
		}
		if saved.Server != s.current.Server || saved.Email != s.current.Email {
			return fmt.Errorf("%w: another login took its place", ErrExpired)
		}
		if saved.AccessToken != refused && s.fresh(saved) { // another process was here first
			s.current = saved
			return nil
		}
		if saved.RefreshToken == "" {
			return ErrExpired
		}
		pair, err := s.refresher.Refresh(ctx, saved.SupabaseURL, saved.AnonKey, saved.RefreshToken)
		if err != nil {
			return fmt.Errorf("refresh the login: %w", err)
		}
		saved.AccessToken, saved.RefreshToken, saved.ExpiresAt = pair.AccessToken, pair.RefreshToken, pair.ExpiresAt
		f.Set(s.name, saved)
		s.current = saved
		return nil
	})
	if err != nil {
		return "", err
	}
	return s.current.AccessToken, nil
}

// Fixed is a token from elsewhere (an environment variable), which cannot be renewed.
type Fixed string

// Access is the token.
func (f Fixed) Access(context.Context) (string, error) { return string(f), nil }

// Renew is ErrExpired.
func (f Fixed) Renew(context.Context, string) (string, error) { return "", ErrExpired }
