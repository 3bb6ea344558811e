package auth_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

func TestLogoutScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signup("ada@example.com")
	bob := w.signup("bob@example.com")
	for scope, survives := range map[string]struct{ me, other bool }{
		"": {}, "?scope=global": {}, "?scope=local": {other: true}, "?scope=others": {me: true},
	} {
		me, other := w.login("ada@example.com"), w.login("ada@example.com")
		got := w.call("POST", "/logout"+scope, access(me), nil)
		require.Equal(t, 204, got.status, got.text)
		require.Empty(t, got.text)
		for session, alive := range map[*object]bool{&me: survives.me, &other: survives.other} {
			if alive {
				w.call("GET", "/user", access(*session), nil).ok()
				w.refresh((*session)["refresh_token"]).ok()
				continue
			}
			gone := w.call("GET", "/user", access(*session), nil)
			gone.refused(403, "session_not_found")
			require.Equal(t, "Session from session_id claim in JWT does not exist", gone.body["msg"])
			w.call("PUT", "/user", access(*session), object{"data": object{"a": 1}}).refused(403, "session_not_found")
			w.call("POST", "/logout", access(*session), nil).refused(403, "session_not_found")
			w.refresh((*session)["refresh_token"]).refused(400, "refresh_token_not_found")
		}
	}
	w.call("GET", "/user", access(bob), nil).ok()
}

func TestLogoutRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	w.call("POST", "/logout", "", nil).refused(401, "no_authorization")
	w.call("POST", "/logout", w.keys.ServiceRoleKey(), nil).refused(403, "bad_jwt")
	w.call("POST", "/logout?scope=everywhere", access(s), nil).refused(400, "validation_failed")
	w.call("GET", "/user", access(s), nil).ok()
}

// A token that was made without a session cannot keep one.
func TestLogoutWithoutSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	token := w.sign(jwt.MapClaims{"sub": userID(s).String(), "role": "authenticated", "aud": "authenticated"})
	w.call("GET", "/user", token, nil).ok()
	require.Equal(t, 204, w.call("POST", "/logout?scope=local", token, nil).status)
	w.call("GET", "/user", access(s), nil).refused(403, "session_not_found")
}
