package auth

import "net/http"

// unbuilt lists GoTrue's routes that this stand-in does not have. They answer 501 to any method, so that nobody mistakes them for a typo.
// Source: supabase/auth internal/api/api.go.
var unbuilt = []string{
	"/authorize", "/callback", "/sso", "/sso/saml/metadata", "/sso/saml/acs",
	"/factors", "/factors/{id}", "/factors/{id}/verify", "/factors/{id}/challenge", "/factors/recovery-codes/regenerate",
	"/passkeys", "/passkeys/{rest...}",
	"/user/identities/authorize", "/user/identities/{id}", "/user/oauth/grants",
	"/oauth/authorize", "/oauth/token", "/oauth/userinfo", "/oauth/clients/register",
	"/oauth/authorizations/{id}", "/oauth/authorizations/{id}/consent",
	"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
	"/admin/audit", "/admin/users/{id}/factors", "/admin/users/{id}/factors/{factor}",
	"/admin/users/{id}/passkeys", "/admin/users/{id}/passkeys/{passkey}",
	"/admin/sso/providers", "/admin/sso/providers/{id}", "/admin/oauth/clients", "/admin/oauth/clients/{id}",
	"/admin/oauth/clients/{id}/regenerate_secret", "/admin/custom-providers", "/admin/custom-providers/{id}",
	"/admin/scim-providers", "/admin/scim-providers/{rest...}", "/scim/v2/{rest...}",
}

func (s *Server) notBuilt(_ http.ResponseWriter, r *http.Request) error {
	return notImplemented(r.Method + " " + r.URL.Path)
}
