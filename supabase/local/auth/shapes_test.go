package auth_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const versionHeader = "X-Supabase-Api-Version"

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	weak := object{"email": "a@example.com", "password": "12345"}
	for _, version := range []string{"", "2023-12-31", "nonsense", "2024-1-1"} {
		a := w.call("POST", "/signup", "", weak, versionHeader, version)
		require.Equal(t, 422, a.status)
		require.JSONEq(t, `{"code":422,"error_code":"weak_password","msg":"Password should be at least 6 characters.","weak_password":{"reasons":["length"]}}`, a.text)
		require.Equal(t, "weak_password", a.header.Get("X-Sb-Error-Code"))
		require.Empty(t, a.header.Get(versionHeader))
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		a = w.call("GET", "/user", "", nil, versionHeader, version)
		require.JSONEq(t, `{"code":401,"error_code":"no_authorization","msg":"This endpoint requires a valid Bearer token"}`, a.text)
	}
	for _, version := range []string{"2024-01-01", "2031-07-05"} {
		a := w.call("POST", "/signup", "", weak, versionHeader, version)
		require.Equal(t, 422, a.status)
		require.JSONEq(t, `{"code":"weak_password","message":"Password should be at least 6 characters.","weak_password":{"reasons":["length"]}}`, a.text)
		require.Equal(t, "weak_password", a.header.Get("X-Sb-Error-Code"))
		require.Equal(t, "2024-01-01", a.header.Get(versionHeader))
		a = w.call("GET", "/user", "", nil, versionHeader, version)
		require.JSONEq(t, `{"code":"no_authorization","message":"This endpoint requires a valid Bearer token"}`, a.text)
	}
}

func TestWhatIsNotBuiltSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, route := range [][2]string{
		{"GET", "/authorize"},
		{"GET", "/callback"}, {"POST", "/callback"}, {"POST", "/sso"}, {"GET", "/sso/saml/metadata"}, {"POST", "/sso/saml/acs"},
		{"POST", "/factors"}, {"DELETE", "/factors/x"}, {"POST", "/factors/x/verify"}, {"POST", "/factors/x/challenge"},
		{"GET", "/user/identities/authorize"}, {"DELETE", "/user/identities/x"},
		{"GET", "/user/oauth/grants"}, {"GET", "/oauth/authorize"}, {"POST", "/oauth/token"}, {"POST", "/oauth/clients/register"},
		{"GET", "/oauth/authorizations/x"}, {"POST", "/oauth/authorizations/x/consent"}, {"GET", "/.well-known/openid-configuration"},
		{"GET", "/.well-known/oauth-authorization-server"}, {"GET", "/admin/audit"},
		{"GET", "/admin/users/x/factors"}, {"DELETE", "/admin/users/x/factors/y"}, {"GET", "/admin/sso/providers"},
		{"PUT", "/admin/sso/providers/x"}, {"POST", "/admin/oauth/clients"}, {"GET", "/scim/v2/Users"}, {"POST", "/passkeys/registration/options"},
		{"POST", "/factors/recovery-codes/regenerate"}, {"GET", "/admin/users/x/passkeys"}, {"DELETE", "/admin/users/x/passkeys/y"},
	} {
		a := w.call(route[0], route[1], "", nil)
		a.refused(501, "not_implemented")
		require.Equal(t, route[0]+" "+route[1]+": not in the embedded stack; use supabase start or a hosted project", a.body["msg"])
		require.NotContains(t, a.body, "error_id")
	}
	for _, grant := range []string{"id_token", "web3"} {
		w.call("POST", "/token?grant_type="+grant, "", object{}).refused(501, "not_implemented")
	}
	require.JSONEq(t, `{"code":"not_implemented","message":"POST /factors: not in the embedded stack; use supabase start or a hosted project"}`,
		w.call("POST", "/factors", "", nil, versionHeader, "2024-01-01").text)
	// Nobody has a phone here.
	w.call("POST", "/otp", "", object{"phone": "123"}).refused(501, "not_implemented")
	w.call("POST", "/verify", "", object{"phone": "123", "token": "123456", "type": "sms"}).refused(501, "not_implemented")
	w.call("POST", "/resend", "", object{"phone": "123", "type": "sms"}).refused(501, "not_implemented")
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/nonsense", "/auth/v1/user", "//user", "/user/../user", "/admin", "/signup/x", "/admin/users/x/y"} {
		a := w.call("GET", path, "", nil)
		require.Equal(t, 404, a.status, path)
		require.Equal(t, "404 page not found\n", a.text)
	}
	require.Equal(t, 405, w.call("GET", "/signup", "", nil).status)
	require.Equal(t, 405, w.call("DELETE", "/user", "", nil).status)
	require.Equal(t, 200, w.call("GET", "/health/", "", nil).status, "a trailing slash makes no difference")
}

func TestInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, "GoTrue", w.call("GET", "/health", "", nil).ok()["name"])
	settings := w.call("GET", "/settings", "", nil).ok()
	require.Equal(t, true, settings["mailer_autoconfirm"])
	require.Equal(t, false, settings["disable_signup"])
	require.Equal(t, true, settings["external"].(object)["email"])
	require.Equal(t, false, settings["external"].(object)["github"])
	set := w.call("GET", "/.well-known/jwks.json", "", nil)
	require.Equal(t, "application/json", set.header.Get("Content-Type"))
	require.JSONEq(t, string(w.keys.JWKS()), set.text)
	require.True(t, json.Valid([]byte(set.text)))
}
