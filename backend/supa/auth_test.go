package supa_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/supa"
)

const (
	anonKey = "sb_publishable_abcdefghijklmnopqrstuv_12345678"
	userID  = "8d2a3c1e-4b5f-4c6d-8e7f-9a0b1c2d3e4f"
	session = `{"access_token":"at","refresh_token":"rt","token_type":"bearer","expires_in":3600,"expires_at":1900000000,
		"user":{"id":"` + userID + `","aud":"authenticated","role":"authenticated","email":"ada@example.com","created_at":"2026-01-01T00:00:00Z"}}`
)

func client(t *testing.T, handler http.HandlerFunc) *supa.Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	c, err := supa.New(supa.Config{URL: srv.URL + "/", AnonKey: anonKey})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAuthErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   string
		code   core.Code
	}{
		"wrong password":        {400, `{"code":400,"error_code":"invalid_credentials","msg":"Invalid login credentials"}`, core.CodeUnauthenticated},
		"wrong password, 2024":  {400, `{"code":"invalid_credentials","message":"Invalid login credentials"}`, core.CodeUnauthenticated},
		"wrong password, OAuth": {400, `{"error":"invalid_grant","error_description":"Invalid login credentials"}`, core.CodeUnauthenticated},
		"not confirmed":         {400, `{"code":400,"error_code":"email_not_confirmed","msg":"Email not confirmed"}`, core.CodeUnauthenticated},
		"banned":                {400, `{"code":400,"error_code":"user_banned","msg":"User is banned"}`, core.CodeForbidden},
		"too often":             {429, `{"code":429,"error_code":"over_request_rate_limit","msg":"Request rate limit reached"}`, core.CodeRateLimited},
		"too often, by a proxy": {429, `slow down`, core.CodeRateLimited},
		"account exists":        {422, `{"code":422,"error_code":"user_already_exists","msg":"User already registered"}`, core.CodeConflict},
		"weak password":         {422, `{"code":422,"error_code":"weak_password","msg":"Password should be at least 6 characters."}`, core.CodeValidation},
		"no sign-ups":           {422, `{"code":422,"error_code":"signup_disabled","msg":"Signups not allowed"}`, core.CodeForbidden},
		"refresh token used":    {400, `{"code":400,"error_code":"refresh_token_already_used","msg":"Invalid Refresh Token"}`, core.CodeUnauthenticated},
		"our key is wrong":      {401, `{"message":"Invalid API key"}`, core.CodeInternal},
		"Auth is broken":        {500, `{"code":500,"error_code":"unexpected_failure","msg":"boom"}`, core.CodeUnavailable},
		"a proxy's page":        {502, `<html>bad gateway</html>`, core.CodeUnavailable},
		"a redirect":            {302, ``, core.CodeInternal},
		"no JSON":               {200, `<html>`, core.CodeUnavailable},
		"no user":               {200, `{}`, core.CodeUnavailable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, answer(tc.status, tc.body))
			_, signIn := c.SignIn(t.Context(), "ada@example.com", "hunter22")
			_, signUp := c.SignUp(t.Context(), "ada@example.com", "hunter22")
			_, refresh := c.Refresh(t.Context(), "rt")
			for _, err := range []error{signIn, signUp, refresh} {
				require.Error(t, err)
				assert.Equal(t, tc.code, core.CodeOf(err), err)
				var public *core.Error
				require.ErrorAs(t, err, &public)
				assert.NotContains(t, err.Error(), "hunter22")
			}
		})
	}
	t.Run("the header names the code", func(t *testing.T) {
		t.Parallel()
		_, err := client(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Sb-Error-Code", "invalid_credentials")
			w.WriteHeader(http.StatusBadRequest)
		}).SignIn(t.Context(), "a@b.c", "x")
		assert.ErrorIs(t, err, core.ErrUnauthenticated)
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/auth/v1/token?grant_type=password", r.URL.RequestURI())
		assert.Equal(t, anonKey, r.Header.Get("apikey"))
		assert.Empty(t, r.Header.Get("Authorization"), "a publishable key is no bearer token")
		var body map[string]any
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		assert.Equal(t, "ada@example.com", body["email"])
		assert.Equal(t, "hunter22", body["password"])
		_, _ = io.WriteString(w, session)
	})
	got, err := c.SignIn(t.Context(), "ada@example.com", "hunter22")
	require.NoError(t, err)
	assert.Equal(t, "at", got.AccessToken)
	assert.Equal(t, "rt", got.RefreshToken)
	assert.Equal(t, time.Unix(1900000000, 0).UTC(), got.ExpiresAt)
	assert.Equal(t, userID, got.User.ID.String())
	assert.Equal(t, "ada@example.com", got.User.Email)
}

func TestSignUpWithConfirmation(t *testing.T) {
	t.Parallel()
	got, err := client(t, answer(200, `{"id":"`+userID+`","email":"ada@example.com","confirmation_sent_at":"2026-01-01T00:00:00Z"}`)).
		SignUp(t.Context(), "ada@example.com", "hunter22")
	require.NoError(t, err)
	assert.Equal(t, userID, got.User.ID.String())
	assert.Empty(t, got.AccessToken)
	assert.True(t, got.ExpiresAt.IsZero())

	got, err = client(t, answer(200, session)).SignUp(t.Context(), "ada@example.com", "hunter22")
	require.NoError(t, err)
	assert.Equal(t, "at", got.AccessToken)
	assert.Equal(t, userID, got.User.ID.String())
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	got, err := client(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/auth/v1/token?grant_type=refresh_token", r.URL.RequestURI())
		_, _ = io.WriteString(w, session)
	}).Refresh(t.Context(), "old")
	require.NoError(t, err)
	assert.Equal(t, "rt", got.RefreshToken)
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, client(t, answer(204, "")).SignOut(t.Context(), "", supa.ScopeLocal), core.ErrUnauthenticated)
	require.ErrorIs(t, client(t, answer(401, `{"message":"no"}`)).SignOut(t.Context(), "at", supa.ScopeLocal), core.ErrUnauthenticated)
	require.ErrorIs(t, client(t, answer(503, ``)).SignOut(t.Context(), "at", supa.ScopeLocal), core.ErrUnavailable)
	require.NoError(t, client(t, answer(403, `{"code":403,"error_code":"session_not_found","msg":"x"}`)).SignOut(t.Context(), "at", supa.ScopeLocal))
	for _, scope := range []string{supa.ScopeLocal, supa.ScopeGlobal, supa.ScopeOthers} {
		c := client(t, func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "/auth/v1/logout?scope="+scope, r.URL.RequestURI())
			assert.Equal(t, "Bearer at", r.Header.Get("Authorization"))
			assert.Equal(t, anonKey, r.Header.Get("apikey"))
			w.WriteHeader(http.StatusNoContent)
		})
		require.NoError(t, c.SignOut(t.Context(), "at", scope))
	}
}

// gotrue-go knows no context; its requests end with the caller's all the same.
func TestAuthEndsWithTheContext(t *testing.T) {
	t.Parallel()
	arrived, ended := make(chan struct{}, 3), make(chan struct{}, 3)
	c := client(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
		arrived <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	})
	for name, call := range map[string]func(context.Context) error{
		"sign in":  func(ctx context.Context) error { _, err := c.SignIn(ctx, "a@b.c", "x"); return err },
		"refresh":  func(ctx context.Context) error { _, err := c.Refresh(ctx, "x"); return err },
		"sign out": func(ctx context.Context) error { return c.SignOut(ctx, "x", supa.ScopeLocal) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- call(ctx) }()
		<-arrived
		cancel()
		err := <-result
		require.ErrorIs(t, err, core.ErrUnavailable, name)
		require.ErrorIs(t, err, context.Canceled, name)
		<-ended
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	c, err := supa.New(supa.Config{URL: url, AnonKey: anonKey})
	require.NoError(t, err)
	_, err = c.SignIn(t.Context(), "a@b.c", "x")
	require.ErrorIs(t, err, core.ErrUnavailable)
	_, _, err = c.OpenObject(t.Context(), "at", "packs", "secret-name")
	require.ErrorIs(t, err, core.ErrUnavailable)
	assert.NotContains(t, err.Error(), "secret-name")
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]supa.Config{
		"no URL":     {AnonKey: anonKey},
		"not http":   {URL: "postgres://x", AnonKey: anonKey},
		"no key":     {URL: "http://x"},
		"secret key": {URL: "http://x", AnonKey: "sb_secret_abc"},
	} {
		_, err := supa.New(cfg)
		require.Error(t, err, name)
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	_, err := client(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"`)
		chunk := make([]byte, 64<<10)
		for i := range chunk {
			chunk[i] = 'x'
		}
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}).SignIn(t.Context(), "a@b.c", "x")
	require.Error(t, err)
	require.False(t, errors.Is(err, context.DeadlineExceeded))
}
