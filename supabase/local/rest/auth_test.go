package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/gateway"
	"github.com/stark-o/stark/supabase/local/keys"
)

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := keys.Generate()
	require.NoError(t, err)
	stranger, err := keys.New(other, keys.Config{Issuer: "http://127.0.0.1/auth/v1"})
	require.NoError(t, err)
	forged, err := stranger.Sign(jwt.MapClaims{"role": "service_role", "exp": time.Now().Add(time.Hour).Unix()})
	require.NoError(t, err)
	early := w.sign(jwt.MapClaims{"role": "authenticated", "exp": time.Now().Add(2 * time.Hour).Unix(), "nbf": time.Now().Add(time.Hour).Unix()})
	endless := w.sign(jwt.MapClaims{"role": "authenticated"})
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"role": "service_role", "exp": time.Now().Add(time.Hour).Unix()}).
		SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	parts := strings.Split(w.anon.token, ".")
	swapped := parts[0] + "." + strings.Split(w.service.token, ".")[1] + "." + parts[2]
	for name, tc := range map[string]struct{ token, code, message string }{
		"expired":                  {w.login("authenticated", aliceID, -time.Minute), "PGRST303", "JWT expired"},
		"not yet":                  {early, "PGRST303", "JWT not yet valid"},
		"without an end":           {endless, "PGRST303", "The JWT 'exp' claim must be a number"},
		"somebody else's key":      {forged, "PGRST301", "No suitable key or wrong key type"},
		"another token's payload":  {swapped, "PGRST301", "No suitable key or wrong key type"},
		"not signed":               {unsigned, "PGRST301", "No suitable key or wrong key type"},
		"two parts":                {"a.b", "PGRST301", "Expected 3 parts in JWT; got 2"},
		"no JSON":                  {"a.b.c", "PGRST301", "JWT couldn't be decoded"},
		"nothing":                  {" ", "PGRST301", "Empty JWT is sent in Authorization header"},
		"a key of the newer shape": {"sb_secret_x", "PGRST301", "Expected 3 parts in JWT; got 1"},
	} {
		a := w.do(actor{name, tc.token}, "GET", "/clients", "")
		p := w.refused(a, http.StatusUnauthorized, tc.code)
		require.Equal(t, tc.message, p.Message, name)
		require.Contains(t, a.header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`, name)
		w.refused(w.do(actor{name, tc.token}, "POST", "/clients", `{"id":9,"name":"x"}`), http.StatusUnauthorized, tc.code)
	}
	require.Equal(t, "0", w.text("select count(*) from clients where id = 9"))
}

// A token may name any role, and be signed: what authenticator is not a member of stays out of reach.
func TestRolesOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, role := range []string{"postgres", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin"} {
		a := w.do(actor{role, w.login(role, aliceID, time.Hour)}, "GET", "/clients", "")
		w.refused(a, http.StatusForbidden, "42501")
	}
	w.refused(w.do(actor{"no name", w.login("", aliceID, time.Hour)}, "GET", "/clients", ""), http.StatusUnauthorized, "22023")
	w.refused(w.do(actor{"nobody", w.login("nobody_like_that", aliceID, time.Hour)}, "GET", "/clients", ""), http.StatusUnauthorized, "22023")
	for _, role := range []string{"none", "authenticator"} { // the session's own role, which may read nothing
		a := w.do(actor{role, w.login(role, aliceID, time.Hour)}, "GET", "/clients", "")
		w.refused(a, http.StatusForbidden, "42501")
	}
}

func TestWhoIsAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type self struct{ Role, UID, Method, Path, Probe string }
	ask := func(who actor, method, path string) (s self) {
		a := w.do(who, method, path, "", "X-Probe", "p")
		require.Equal(t, 200, a.status, a.body)
		require.NoError(t, json.Unmarshal([]byte(a.body), &s))
		return s
	}
	require.Equal(t, self{"anon", "", "GET", "/rpc/whoami", "p"}, ask(w.nobody, "GET", "/rpc/whoami"))
	require.Equal(t, self{"anon", "", "GET", "/rpc/whoami", "p"}, ask(w.anon, "GET", "/rpc/whoami"))
	require.Equal(t, self{"authenticated", aliceID, "POST", "/rpc/whoami", "p"}, ask(w.alice, "POST", "/rpc/whoami"))
	require.Equal(t, self{"service_role", "", "GET", "/rpc/whoami", "p"}, ask(w.service, "GET", "/rpc/whoami"))
	require.Equal(t, "anon", ask(actor{"no role", w.sign(jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()})}, "GET", "/rpc/whoami").Role)
	require.Equal(t, self{"anon", "", "GET", "/rpc/whoami", "p"}, ask(w.nobody, "GET", "/rpc/whoami"), "nothing of an earlier caller is left in the pool")

	w.refused(w.do(w.nobody, "GET", "/forbidden", ""), http.StatusUnauthorized, "42501")
	w.refused(w.do(w.anon, "GET", "/forbidden", ""), http.StatusUnauthorized, "42501")
	w.refused(w.do(w.alice, "GET", "/forbidden", ""), http.StatusForbidden, "42501")
	require.Equal(t, "[]", w.do(w.service, "GET", "/forbidden", "").body)
}

func TestRowLevelSecurity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for who, want := range map[actor]string{
		w.nobody:  `[]`,
		w.anon:    `[]`,
		w.alice:   `[{"id":1,"note":"hers"}]`,
		w.bob:     `[{"id":2,"note":"his"}]`,
		w.service: `[{"id":1,"note":"hers"},{"id":2,"note":"his"}]`,
	} {
		a := w.do(who, "GET", "/secrets?select=id,note&order=id", "", "Prefer", "count=exact")
		require.JSONEq(t, want, a.body, who.name)
	}
	row := func(id, owner string) string { return `{"id":` + id + `,"owner":"` + owner + `"}` }
	w.refused(w.do(w.anon, "POST", "/secrets", row("3", aliceID)), http.StatusUnauthorized, "42501")
	w.refused(w.do(w.bob, "POST", "/secrets", row("3", aliceID)), http.StatusForbidden, "42501")
	w.refused(w.do(w.bob, "PATCH", "/secrets?id=eq.2", `{"owner":"`+aliceID+`"}`), http.StatusForbidden, "42501")
	require.Equal(t, "[]", w.do(w.bob, "PATCH", "/secrets?id=eq.1", `{"note":"mine"}`, "Prefer", full).body)
	require.Equal(t, "[]", w.do(w.bob, "DELETE", "/secrets?id=eq.1", "", "Prefer", full).body)
	w.refused(w.do(w.bob, "POST", "/secrets", `{"id":1,"note":"mine"}`, "Prefer", "resolution=merge-duplicates"), http.StatusForbidden, "42501")
	require.Equal(t, "hers", w.text("select note from secrets where id = 1"))

	a := w.do(w.alice, "POST", "/secrets?select=owner", `{"id":3}`, "Prefer", full)
	require.JSONEq(t, `[{"owner":"`+aliceID+`"}]`, a.body, "a default sees the caller's claims")
	require.Equal(t, http.StatusNoContent, w.do(w.alice, "PATCH", "/secrets?id=eq.3", `{"note":"x"}`).status)
	require.Equal(t, http.StatusNoContent, w.do(w.alice, "DELETE", "/secrets?id=eq.3", "").status)
}

// A role's own settings hold for the requests that run under it.
func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, `"3s"`, w.do(w.anon, "GET", "/rpc/limits", "").body)
	require.Equal(t, `"8s"`, w.do(w.alice, "GET", "/rpc/limits", "").body)
	w.refused(w.do(w.anon, "POST", "/rpc/stuck", ""), http.StatusInternalServerError, "57014")
}

// Behind the gateway a key is enough; the newer keys are no tokens, and become those of their role there.
func TestKeysAtTheGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	front := httptest.NewServer(gateway.New(gateway.Config{Keys: w.keys, REST: w.handler}))
	t.Cleanup(front.Close)
	w.url = front.URL + "/rest/v1"
	role := func(who actor, header ...string) string {
		a := w.do(who, "GET", "/rpc/whoami", "", header...)
		require.Equal(t, 200, a.status, a.body)
		var self struct{ Role string }
		require.NoError(t, json.Unmarshal([]byte(a.body), &self))
		return self.Role
	}
	require.Equal(t, http.StatusUnauthorized, w.do(w.nobody, "GET", "/clients", "").status, "without a key")
	require.Equal(t, http.StatusUnauthorized, w.do(w.nobody, "GET", "/clients", "", "apikey", "sb_secret_guess").status)
	require.Equal(t, http.StatusOK, w.do(w.nobody, "GET", "/clients?id=eq.1&apikey="+w.keys.PublishableKey(), "").status, "in the query")
	require.Equal(t, "anon", role(w.nobody, "apikey", w.keys.AnonKey()))
	require.Equal(t, "anon", role(w.nobody, "apikey", w.keys.PublishableKey()))
	require.Equal(t, "service_role", role(w.nobody, "apikey", w.keys.SecretKey()))
	require.Equal(t, "service_role", role(w.service, "apikey", w.keys.ServiceRoleKey()))
	require.Equal(t, "authenticated", role(w.alice, "apikey", w.keys.PublishableKey()))
	require.Equal(t, "authenticated", role(w.alice, "apikey", w.keys.SecretKey()), "a person's token says more than a key")
}

func TestSchemaChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refused(w.get("/later"), 404, "PGRST205")
	_, err := w.db.Exec(t.Context(), `create table later (id int primary key, client_id int references clients (id)); insert into later values (1, 2)`)
	require.NoError(t, err)
	w.eventually("the table is there", func() bool { return w.get("/later").status == 200 })
	require.JSONEq(t, `[{"id":1,"clients":{"name":"Apple"}}]`, w.get("/later?select=id,clients(name)").body)

	// While the server knows the old name, the database refuses it, and no request makes the server look again: the notification does.
	_, err = w.db.Exec(t.Context(), `alter table later rename column id to number`)
	require.NoError(t, err)
	w.eventually("the old name is not there", func() bool {
		return strings.Contains(w.send("PATCH", "/later?number=eq.1", `{"id":2}`).body, "PGRST204")
	})
	require.Equal(t, http.StatusNoContent, w.send("PATCH", "/later?number=eq.1", `{"number":2}`).status)
	_, err = w.db.Exec(t.Context(), `drop table later`)
	require.NoError(t, err)
	w.eventually("the table is gone", func() bool { return strings.Contains(w.get("/later").body, "PGRST205") })
}

// The server outlives its connections, the listener's too.
func TestConnectionsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.root.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'authenticator'`)
	require.NoError(t, err)
	w.eventually("it answers again", func() bool {
		a := w.get("/clients")
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, a.status, a.body)
		return a.status == http.StatusOK
	})
	_, err = w.db.Exec(t.Context(), `alter table clients rename column name to title`)
	require.NoError(t, err)
	w.eventually("it listens again", func() bool {
		return strings.Contains(w.send("PATCH", "/clients?id=eq.1", `{"name":"x"}`).body, "PGRST204")
	})
}
