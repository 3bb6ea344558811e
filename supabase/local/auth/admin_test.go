package auth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// Who is not the service gets no further than the door, whatever is asked and whether it exists.
func TestAdminRefusesOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	one := "/admin/users/" + userID(s).String()
	for _, route := range [][2]string{
		{"GET", "/admin/users"}, {"POST", "/admin/users"}, {"GET", one}, {"PUT", one}, {"DELETE", one},
		{"GET", "/admin/users/" + uuid.NewString()}, {"GET", "/admin/users/nonsense"},
	} {
		body := object{"email": "eve@example.com", "role": "service_role"}
		w.call(route[0], route[1], "", body).refused(401, "no_authorization")
		w.call(route[0], route[1], "nonsense", body).refused(403, "bad_jwt")
		w.call(route[0], route[1], w.keys.AnonKey(), body).refused(403, "not_admin")
		w.call(route[0], route[1], access(s), body).refused(403, "not_admin")
	}
	require.Equal(t, 1, w.count(`select count(*) from auth.users where role = 'authenticated'`))
}

func TestAdminCreateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := userID(w.signup("ada@example.com"))
	for name, c := range map[string]struct {
		body   any
		status int
		code   string
	}{
		"no JSON":           {"nonsense", 400, "bad_json"},
		"nobody":            {object{}, 400, "validation_failed"},
		"no address":        {object{"email": "nonsense"}, 400, "validation_failed"},
		"a taken address":   {object{"email": "ADA@example.com"}, 422, "email_exists"},
		"a taken id":        {object{"email": "a@example.com", "id": ada}, 422, "user_already_exists"},
		"an id that is nil": {object{"email": "a@example.com", "id": uuid.Nil}, 400, "validation_failed"},
		"an id no uuid":     {object{"email": "a@example.com", "id": "x"}, 400, "validation_failed"},
		"a long password":   {object{"email": "a@example.com", "password": strings.Repeat("x", 73)}, 400, "validation_failed"},
		"a broken hash":     {object{"email": "a@example.com", "password_hash": "x"}, 400, "validation_failed"},
		"another's hash":    {object{"email": "a@example.com", "password_hash": "$argon2id$v=19$"}, 501, "not_implemented"},
		"password and hash": {object{"email": "a@example.com", "password": "x", "password_hash": "x"}, 400, "validation_failed"},
		"a broken ban":      {object{"email": "a@example.com", "ban_duration": "forever"}, 400, "validation_failed"},
		"a phone":           {object{"phone": "123"}, 501, "not_implemented"},
	} {
		t.Run(name, func(t *testing.T) {
			w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), c.body).refused(c.status, c.code)
		})
	}
	require.Equal(t, 1, w.count(`select count(*) from auth.users`))
}

func TestAdminCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.New()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), 4)
	require.NoError(t, err)
	u := w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), object{
		"id": id, "email": "Ada@example.com", "password_hash": string(hash), "email_confirm": true, "role": "countess",
		"user_metadata": object{"name": "Ada"}, "app_metadata": object{"team": "a"},
	}).ok()
	require.Equal(t, id.String(), u["id"])
	require.Equal(t, "ada@example.com", u["email"])
	require.Equal(t, "countess", u["role"])
	require.Equal(t, object{"name": "Ada", "email_verified": true}, u["user_metadata"])
	require.Equal(t, object{"team": "a", "provider": "email", "providers": []any{"email"}}, u["app_metadata"])
	require.Len(t, u["identities"], 1)
	require.NotContains(t, u, "last_sign_in_at")
	claims, err := w.keys.Parse(access(w.login("ada@example.com")))
	require.NoError(t, err)
	require.Equal(t, "countess", claims["role"])

	pending := w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), object{"email": "bob@example.com"}).ok()
	require.NotContains(t, pending, "email_confirmed_at")
	require.Equal(t, 1, w.count(`select count(*) from auth.users where encrypted_password like '$2a$%' and id = $1`, pending["id"]))
}

func TestAdminGetAndUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := w.keys.ServiceRoleKey()
	s := w.signup("ada@example.com")
	w.signup("bob@example.com")
	one := "/admin/users/" + userID(s).String()
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		w.call(method, "/admin/users/"+uuid.NewString(), service, object{}).refused(404, "user_not_found")
		w.call(method, "/admin/users/nonsense", service, object{}).refused(404, "validation_failed")
	}
	w.call("PUT", one, service, "nonsense").refused(400, "bad_json")
	w.call("PUT", one, service, object{"password": "12345"}).refused(422, "weak_password")
	w.call("PUT", one, service, object{"email": "bob@example.com"}).refused(422, "email_exists")
	w.call("PUT", one, service, object{"ban_duration": "forever"}).refused(400, "validation_failed")
	require.Equal(t, s["user"], any(w.call("GET", one, service, nil).ok()))

	u := w.call("PUT", one, service, object{"user_metadata": object{"a": 1, "b": 2}, "app_metadata": object{"team": "a"}, "role": "countess"}).ok()
	require.Equal(t, "countess", u["role"])
	u = w.call("PUT", one, service, object{"user_metadata": object{"a": nil}, "app_metadata": object{"team": nil}}).ok()
	require.NotContains(t, u["user_metadata"], "a")
	require.Contains(t, u["user_metadata"], "b")
	require.NotContains(t, u["app_metadata"], "team")
	require.Contains(t, u["app_metadata"], "providers")

	u = w.call("PUT", one, service, object{"email": "countess@example.com", "password": "another horse", "ban_duration": "2h"}).ok()
	require.Equal(t, "countess@example.com", u["email"])
	until, err := time.Parse(time.RFC3339Nano, u["banned_until"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, w.now().Add(2*time.Hour), until, time.Minute)
	require.Equal(t, u, w.call("GET", one, service, nil).ok())
	w.call("GET", "/user", access(s), nil).refused(403, "session_not_found")
}

func TestAdminConfirms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), credentials("ada@example.com")).ok()
	w.call("PUT", "/admin/users/"+u["id"].(string), w.keys.ServiceRoleKey(), object{"email_confirm": true}).ok()
	w.login("ada@example.com")
}

func TestAdminDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := w.keys.ServiceRoleKey()
	s := w.signup("ada@example.com")
	one := "/admin/users/" + userID(s).String()
	w.call("DELETE", one, service, "nonsense").refused(400, "bad_json")
	require.Equal(t, "{}", w.call("DELETE", one, service, nil).text)
	w.call("DELETE", one, service, nil).refused(404, "user_not_found")
	w.call("GET", "/user", access(s), nil).refused(403, "user_not_found")
	require.Zero(t, w.count(`select (select count(*) from auth.users) + (select count(*) from auth.identities) + (select count(*) from auth.sessions) + (select count(*) from auth.refresh_tokens)`))
	w.signup("ada@example.com")
}

func TestAdminSoftDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := w.keys.ServiceRoleKey()
	s := w.signup("ada@example.com")
	one := "/admin/users/" + userID(s).String()
	for range 2 {
		w.call("DELETE", one, service, object{"should_soft_delete": true}).ok()
	}
	u := w.call("GET", one, service, nil)
	require.NotEmpty(t, u.ok()["deleted_at"])
	require.NotContains(t, u.text, "ada@example.com")
	w.call("GET", "/user", access(s), nil).refused(403, "session_not_found")
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "invalid_credentials")
	require.NotEqual(t, userID(s), userID(w.signup("ada@example.com")))
}

func TestAdminList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := w.keys.ServiceRoleKey()
	for _, bad := range []string{"page=x", "page=-1", "per_page=0", "per_page=x", "per_page=99999999999999999999"} {
		w.call("GET", "/admin/users?"+bad, service, nil).refused(400, "validation_failed")
	}
	empty := w.call("GET", "/admin/users", service, nil)
	require.Equal(t, object{"users": []any{}, "aud": "authenticated"}, empty.ok())
	require.Equal(t, "0", empty.header.Get("X-Total-Count"))
	for i := range 5 {
		w.call("POST", "/admin/users", service, object{"email": fmt.Sprintf("u%d@example.com", i), "user_metadata": object{"full_name": fmt.Sprintf("No %d%%", i)}}).ok()
		w.advance(time.Second)
	}
	emails := func(query string) (list []string, a answer) {
		a = w.call("GET", "/admin/users"+query, service, nil)
		for _, u := range a.ok()["users"].([]any) {
			list = append(list, strings.TrimSuffix(u.(object)["email"].(string), "@example.com"))
			require.Len(t, u.(object)["identities"], 1)
		}
		return list, a
	}
	list, a := emails("")
	require.Equal(t, []string{"u4", "u3", "u2", "u1", "u0"}, list, "latest first")
	require.Equal(t, "5", a.header.Get("X-Total-Count"))
	require.Equal(t, `</admin/users?page=1>; rel="last"`, a.header.Get("Link"))
	list, a = emails("?page=2&per_page=2")
	require.Equal(t, []string{"u2", "u1"}, list)
	require.Equal(t, `</admin/users?page=3&per_page=2>; rel="next", </admin/users?page=3&per_page=2>; rel="last"`, a.header.Get("Link"))
	list, _ = emails("?page=4&per_page=2")
	require.Empty(t, list)
	list, a = emails("?filter=U3")
	require.Equal(t, []string{"u3"}, list)
	require.Equal(t, "1", a.header.Get("X-Total-Count"))
	list, _ = emails("?filter=no%201")
	require.Equal(t, []string{"u1"}, list)
	list, _ = emails("?filter=_x%25")
	require.Empty(t, list, "a filter is text, no pattern")
}
