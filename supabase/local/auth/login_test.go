package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signup("ada@example.com")
	service := w.keys.ServiceRoleKey()
	w.call("POST", "/admin/users", service, credentials("new@example.com")).ok()
	w.call("POST", "/admin/users", service, object{"email": "banned@example.com", "password": password, "email_confirm": true, "ban_duration": "1h"}).ok()
	w.call("POST", "/admin/users", service, object{"email": "none@example.com", "email_confirm": true}).ok()
	with := func(email, password string) object { return object{"email": email, "password": password} }
	for name, c := range map[string]struct {
		query string
		body  any
		code  string
	}{
		"no grant":             {"", credentials("ada@example.com"), "invalid_credentials"},
		"unknown grant":        {"?grant_type=magic", credentials("ada@example.com"), "invalid_credentials"},
		"no JSON":              {"?grant_type=password", "nonsense", "bad_json"},
		"nobody":               {"?grant_type=password", object{"password": password}, "validation_failed"},
		"address and phone":    {"?grant_type=password", object{"email": "ada@example.com", "phone": "1", "password": password}, "validation_failed"},
		"wrong password":       {"?grant_type=password", with("ada@example.com", "wrong horse"), "invalid_credentials"},
		"no password":          {"?grant_type=password", with("ada@example.com", ""), "invalid_credentials"},
		"unknown":              {"?grant_type=password", credentials("bob@example.com"), "invalid_credentials"},
		"no address":           {"?grant_type=password", credentials("' or true --"), "invalid_credentials"},
		"a pattern":            {"?grant_type=password", credentials("%@example.com"), "invalid_credentials"},
		"long password":        {"?grant_type=password", with("ada@example.com", password+strings.Repeat("x", 100)), "invalid_credentials"},
		"not confirmed":        {"?grant_type=password", credentials("new@example.com"), "email_not_confirmed"},
		"not confirmed, but":   {"?grant_type=password", with("new@example.com", "wrong"), "invalid_credentials"},
		"banned":               {"?grant_type=password", credentials("banned@example.com"), "user_banned"},
		"banned, but":          {"?grant_type=password", with("banned@example.com", "wrong"), "invalid_credentials"},
		"without a password":   {"?grant_type=password", with("none@example.com", ""), "invalid_credentials"},
		"refresh for nothing":  {"?grant_type=refresh_token", object{}, "validation_failed"},
		"refresh for nonsense": {"?grant_type=refresh_token", object{"refresh_token": "nonsense"}, "refresh_token_not_found"},
	} {
		t.Run(name, func(t *testing.T) { w.call("POST", "/token"+c.query, "", c.body).refused(400, c.code) })
	}
	w.call("POST", "/token?grant_type=password", "", object{"phone": "1", "password": password}).refused(422, "phone_provider_disabled")
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions`), "only that of the signup")
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.signup("ada@example.com")
	w.advance(time.Minute)
	s := w.call("POST", "/token?grant_type=password", "", credentials("Ada@example.com"), "User-Agent", "abacus", "X-Forwarded-For", "203.0.113.9, 10.0.0.1").ok()
	require.Equal(t, userID(first), userID(s))
	require.NotEqual(t, first["refresh_token"], s["refresh_token"])
	require.Greater(t, s["user"].(object)["last_sign_in_at"], first["user"].(object)["last_sign_in_at"])
	require.Equal(t, 2, w.count(`select count(*) from auth.sessions`))
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions where user_agent = 'abacus' and ip = '203.0.113.9'`))
	for _, session := range []object{first, s} {
		require.Equal(t, "ada@example.com", w.call("GET", "/user", access(session), nil).ok()["email"])
	}
}

func TestLoginNamesAWeakPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), object{"email": "a@example.com", "password": "1234", "email_confirm": true}).ok()
	s := w.call("POST", "/token?grant_type=password", "", object{"email": "a@example.com", "password": "1234"}).ok()
	require.Equal(t, []any{"length"}, s["weak_password"].(object)["reasons"])
	require.NotContains(t, w.signup("b@example.com"), "weak_password")
}

func TestBanEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	path := "/admin/users/" + userID(s).String()
	w.call("PUT", path, w.keys.ServiceRoleKey(), object{"ban_duration": "1h"}).ok()
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "user_banned")
	w.refresh(s["refresh_token"]).refused(400, "user_banned")
	w.advance(time.Hour + time.Second)
	w.login("ada@example.com")
	w.refresh(s["refresh_token"]).ok()
	w.call("PUT", path, w.keys.ServiceRoleKey(), object{"ban_duration": "1000h"}).ok()
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "user_banned")
	require.NotContains(t, w.call("PUT", path, w.keys.ServiceRoleKey(), object{"ban_duration": "none"}).ok(), "banned_until")
	w.login("ada@example.com")
}

// A login of somebody unknown must not be told by its speed. Counting hashes would need a hook into bcrypt; the ratio of times is enough.
func TestUnknownUserCostsAHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *auth.Config) { c.BcryptCost = 10 })
	start := time.Now()
	w.call("POST", "/token?grant_type=password", "", credentials("nobody@example.com")).refused(400, "invalid_credentials")
	require.Greater(t, time.Since(start), 10*time.Millisecond)
}

func TestUserInsertedWithSQLLogsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("seed@example.com")
	id := uuid.New()
	w.asAuthAdmin(t, `insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at)
		select $1, aud, role, 'sql@example.com', encrypted_password, now() from auth.users where id = $2`, id, userID(s))
	got := w.login("sql@example.com")["user"].(object)
	require.Equal(t, id.String(), got["id"])
	require.Equal(t, object{}, got["user_metadata"])
	require.Equal(t, []any{}, got["identities"])
}

func TestAccessTokenHook(t *testing.T) {
	t.Parallel()
	refuse := false
	w := newWorld(t, func(c *auth.Config) {
		c.AccessTokenHook = func(_ context.Context, id uuid.UUID, method string, claims jwt.MapClaims) (jwt.MapClaims, error) {
			if refuse {
				return nil, errors.New("not today")
			}
			claims["hooked"] = method + " " + id.String()
			return claims, nil
		}
	})
	s := w.signup("ada@example.com")
	claims, err := w.keys.Parse(access(s))
	require.NoError(t, err)
	require.Equal(t, "password "+userID(s).String(), claims["hooked"])
	claims, err = w.keys.Parse(access(w.refresh(s["refresh_token"]).ok()))
	require.NoError(t, err)
	require.Equal(t, "token_refresh "+userID(s).String(), claims["hooked"])
	refuse = true
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(500, "unexpected_failure")
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions`))
}
