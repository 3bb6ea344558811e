package auth_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUserUpdateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	w.signup("bob@example.com")
	for name, c := range map[string]struct {
		token  string
		body   any
		status int
		code   string
	}{
		"nobody":            {"", object{"data": object{}}, 401, "no_authorization"},
		"the anon key":      {w.keys.AnonKey(), object{"data": object{}}, 403, "bad_jwt"},
		"the service key":   {w.keys.ServiceRoleKey(), object{"data": object{}}, 403, "bad_jwt"},
		"no JSON":           {access(s), "nonsense", 400, "bad_json"},
		"app_metadata":      {access(s), object{"app_metadata": object{"role": "admin"}}, 403, "not_admin"},
		"a short password":  {access(s), object{"password": "12345"}, 422, "weak_password"},
		"an empty password": {access(s), object{"password": ""}, 422, "weak_password"},
		"a long password":   {access(s), object{"password": strings.Repeat("x", 73)}, 400, "validation_failed"},
		"the same password": {access(s), object{"password": password}, 422, "same_password"},
		"no address":        {access(s), object{"email": "nonsense"}, 400, "validation_failed"},
		"another's address": {access(s), object{"email": "Bob@example.com"}, 422, "email_exists"},
		"a phone":           {access(s), object{"phone": "123"}, 501, "not_implemented"},
	} {
		t.Run(name, func(t *testing.T) { w.call("PUT", "/user", c.token, c.body).refused(c.status, c.code) })
	}
	u := w.call("GET", "/user", access(s), nil).ok()
	require.Equal(t, s["user"], any(u), "nothing changed")
}

func TestUserUpdateData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	w.call("PUT", "/user", access(s), object{"data": object{"name": "Ada", "colour": "red"}}).ok()
	u := w.call("PUT", "/user", access(s), object{"data": object{"name": nil, "age": 36}}).ok()
	meta := u["user_metadata"].(object)
	require.NotContains(t, meta, "name")
	require.Equal(t, "red", meta["colour"])
	require.EqualValues(t, 36, meta["age"])
	require.Equal(t, u, w.call("GET", "/user", access(s), nil).ok())
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	var wg sync.WaitGroup
	names := strings.Split("abcdefgh", "")
	for _, name := range names {
		wg.Go(func() { w.call("PUT", "/user", access(s), object{"data": object{name: 1}}) })
	}
	wg.Wait()
	meta := w.call("GET", "/user", access(s), nil).ok()["user_metadata"].(object)
	for _, name := range names {
		require.Contains(t, meta, name)
	}
}

func TestUserUpdatePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.signup("ada@example.com")
	s := w.login("ada@example.com")
	w.call("PUT", "/user", access(s), object{"password": "another horse"}).ok()
	w.call("GET", "/user", access(s), nil).ok()
	w.call("GET", "/user", access(other), nil).refused(403, "session_not_found")
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "invalid_credentials")
	w.call("POST", "/token?grant_type=password", "", object{"email": "ada@example.com", "password": "another horse"}).ok()
}

func TestUserUpdateEmail(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t)
	s := w.signup("ada@example.com")
	u := w.call("PUT", "/user", access(s), object{"email": "Countess@example.com"}).ok()
	require.Equal(t, "ada@example.com", u["email"], "until the new one is proven")
	require.Equal(t, "countess@example.com", u["new_email"])
	w.login("ada@example.com")
	mail := box.one(t, "countess@example.com", "email_change")
	u = w.call("POST", "/verify", "", object{"type": "email_change", "token_hash": mail.TokenHash}).ok()["user"].(object)
	require.Equal(t, "countess@example.com", u["email"])
	require.NotEmpty(t, u["email_confirmed_at"])
	identities := u["identities"].([]any)
	require.Len(t, identities, 1)
	require.Equal(t, "countess@example.com", identities[0].(object)["email"])
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "invalid_credentials")
	w.login("countess@example.com")
	w.signup("ada@example.com") // the address is free again
	w.call("PUT", "/user", access(s), object{"email": "countess@example.com"}).ok()
	require.Empty(t, box.take(), "nothing to change")
}
