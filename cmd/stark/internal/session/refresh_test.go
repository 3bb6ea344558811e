package session_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/session"
)

func refreshAt(t *testing.T, h http.HandlerFunc) (session.Pair, error) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return session.Auth{}.Refresh(t.Context(), srv.URL+"/", "anon", "refresh-1")
}

func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{"refresh_token_already_used": 400, "refresh_token_not_found": 401, "session_expired": 403, "user_banned": 403} {
		_, err := refreshAt(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"code":%d,"error_code":%q,"msg":"Invalid Refresh Token"}`, status, code)
		})
		require.ErrorIs(t, err, session.ErrExpired, code)
	}
}

func TestRefreshThatFailsDoesNotEndTheLogin(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"500":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"429":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		"html":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"empty": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") },
	} {
		_, err := refreshAt(t, h)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, session.ErrExpired, name)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	for name, expiry := range map[string]string{"expires_at": fmt.Sprintf(`"expires_at":%d`, ends.Unix()), "expires_in": `"expires_in":3600`} {
		pair, err := refreshAt(t, func(w http.ResponseWriter, r *http.Request) {
			var in map[string]any
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in["refresh_token"] != "refresh-1" {
				t.Errorf("got %v, %v", in, err)
			}
			if r.URL.String() != "/auth/v1/token?grant_type=refresh_token" || r.Header.Get("apikey") != "anon" || r.Header.Get("Authorization") != "" {
				t.Errorf("got %s %v", r.URL, r.Header)
			}
			fmt.Fprintf(w, `{"access_token":"a","refresh_token":"r","token_type":"bearer","user":{"id":"11111111-1111-4111-8111-111111111111"},%s}`, expiry)
		})
		require.NoError(t, err, name)
		require.WithinDuration(t, ends, pair.ExpiresAt, time.Minute, name)
		require.Equal(t, session.Pair{AccessToken: "a", RefreshToken: "r", ExpiresAt: pair.ExpiresAt}, pair, name)
	}
}
