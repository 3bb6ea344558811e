package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/supa"
)

// Auth refreshes at Supabase Auth itself: the server never sees a refresh token.
type Auth struct{}

// Refresh makes a new pair; ErrExpired when Auth says that the session is over or the account banned.
func (Auth) Refresh(ctx context.Context, supabaseURL, anonKey, refreshToken string) (Pair, error) {
	project, err := supa.New(supa.Config{URL: supabaseURL, AnonKey: anonKey})
	if err != nil {
		return Pair{}, err
	}
	defer project.Close()
	got, err := project.Refresh(ctx, refreshToken)
	switch {
	case errors.Is(err, core.ErrUnauthenticated), errors.Is(err, core.ErrForbidden):
		return Pair{}, ErrExpired
	case err != nil:
		return Pair{}, fmt.Errorf("refresh the login: %w", err)
	case got.AccessToken == "" || got.RefreshToken == "":
		return Pair{}, errors.New("the answer of Supabase Auth holds no tokens")
	}
	return Pair{AccessToken: got.AccessToken, RefreshToken: got.RefreshToken, ExpiresAt: got.ExpiresAt}, nil
}
