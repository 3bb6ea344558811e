package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	refreshTimeout = 30 * time.Second
	maxRefresh     = 1 << 20 // bytes of an answer
)

// Auth refreshes at Supabase Auth itself: the server never sees a refresh token.
type Auth struct {
	HTTP *http.Client
	Now  func() time.Time
}

// Refresh is POST /auth/v1/token?grant_type=refresh_token. Source: https://github.com/supabase/auth, internal/api/token_refresh.go.
func (a Auth) Refresh(ctx context.Context, supabaseURL, anonKey, refreshToken string) (Pair, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"refresh_token": refreshToken})
	if err != nil {
		return Pair{}, fmt.Errorf("encode the request: %w", err)
	}
	target := strings.TrimRight(supabaseURL, "/") + "/auth/v1/token?grant_type=refresh_token"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return Pair{}, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("apikey", anonKey)
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return Pair{}, fmt.Errorf("reach Supabase Auth: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxRefresh))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return Pair{}, fmt.Errorf("read Supabase Auth's answer: %w", err)
	}
	return a.read(resp.StatusCode, raw)
}

func (a Auth) read(status int, raw []byte) (Pair, error) {
	switch {
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Pair{}, ErrExpired // refresh_token_not_found, refresh_token_already_used, session_expired, user_banned, …
	case status != http.StatusOK:
		return Pair{}, fmt.Errorf("the answer of Supabase Auth is HTTP %d", status)
	}
	var answer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int64  `json:"expires_in"` // seconds
		ExpiresAt    int64  `json:"expires_at"` // seconds since 1970
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return Pair{}, fmt.Errorf("read Supabase Auth's answer: %w", err)
	}
	if answer.AccessToken == "" || answer.RefreshToken == "" {
		return Pair{}, errors.New("the answer of Supabase Auth holds no tokens")
	}
	at := time.Unix(answer.ExpiresAt, 0).UTC()
	if answer.ExpiresAt == 0 {
		at = a.Now().Add(time.Duration(answer.ExpiresIn) * time.Second)
	}
	return Pair{AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken, ExpiresAt: at}, nil
}
