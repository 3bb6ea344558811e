package supa_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/supa"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every code of Auth that a person can do something about has a face of its own.
func TestCodesOfAuth(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]core.Code{
		"phone_not_confirmed": core.CodeUnauthenticated, "session_expired": core.CodeUnauthenticated, "user_not_found": core.CodeUnauthenticated,
		"bad_jwt": core.CodeUnauthenticated, "no_authorization": core.CodeUnauthenticated, "provider_disabled": core.CodeForbidden,
		"email_exists": core.CodeConflict, "email_address_invalid": core.CodeValidation, "over_email_send_rate_limit": core.CodeRateLimited,
		"validation_failed": core.CodeValidation, "bad_json": core.CodeValidation, "request_timeout": core.CodeUnavailable, "something_new": core.CodeInternal,
	} {
		_, err := client(t, answer(400, `{"code":400,"error_code":"`+code+`","msg":"said by Auth"}`)).SignIn(t.Context(), "a@b.c", "x")
		assert.Equal(t, want, core.CodeOf(err), code)
		var public *core.Error
		require.ErrorAs(t, err, &public)
		assert.NotEmpty(t, public.Message)
	}
}

func TestWhatIsMissingIsNotAskedFor(t *testing.T) {
	t.Parallel()
	c := client(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := c.SignIn(t.Context(), "", "x")
	require.ErrorIs(t, err, core.ErrInvalid)
	_, err = c.SignUp(t.Context(), "a@b.c", "")
	require.ErrorIs(t, err, core.ErrInvalid)
	_, err = c.Refresh(t.Context(), "")
	require.ErrorIs(t, err, core.ErrUnauthenticated)
}

// Older Auth servers say how long a session lasts and not until when.
func TestSessionsOfOlderServers(t *testing.T) {
	t.Parallel()
	old := strings.Replace(session, `"expires_at":1900000000,`, "", 1)
	require.NotContains(t, old, "expires_at")
	got, err := client(t, answer(200, old)).SignIn(t.Context(), "a@b.c", "x")
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(time.Hour), got.ExpiresAt, time.Minute)
}

// A redirect would carry the user's token to whoever it names.
func TestTokensAreNotRedirected(t *testing.T) {
	t.Parallel()
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(thief.Close)
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	})
	_, _, err := c.OpenObject(t.Context(), "at", "packs", "x")
	require.Error(t, err)
	require.Error(t, c.SignOut(t.Context(), "at", supa.ScopeLocal))
	_, err = c.SignIn(t.Context(), "a@b.c", "x")
	require.Error(t, err)
	require.Error(t, c.Upload(t.Context(), "at", "packs", "x", strings.NewReader("x"), 1, "a/b", nil))
}

// An error whose body breaks off is a server that does not answer.
func TestErrorsThatBreakOff(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error_code":`)
	})
	_, err := c.SignIn(t.Context(), "a@b.c", "x")
	require.ErrorIs(t, err, core.ErrUnavailable)
	require.ErrorIs(t, c.SignOut(t.Context(), "at", supa.ScopeLocal), core.ErrUnavailable)
	_, _, err = c.OpenObject(t.Context(), "at", "packs", "x")
	require.ErrorIs(t, err, core.ErrUnavailable)
	require.ErrorIs(t, c.Upload(t.Context(), "at", "packs", "x", strings.NewReader("x"), 1, "a/b", nil), core.ErrUnavailable)
}

func TestTooManyRequestsToStorage(t *testing.T) {
	t.Parallel()
	_, _, err := client(t, answer(429, `{"statusCode":"429","error":"too_many_requests","message":"x"}`)).OpenObject(t.Context(), "at", "packs", "x")
	assert.Equal(t, core.CodeRateLimited, core.CodeOf(err))
}
