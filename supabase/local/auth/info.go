package auth

import "net/http"

// Settings is what GET /settings tells anyone. Source: supabase/auth internal/api/settings.go.
type Settings struct {
	External          map[string]bool `json:"external"`
	DisableSignup     bool            `json:"disable_signup"`
	MailerAutoconfirm bool            `json:"mailer_autoconfirm"`
	PhoneAutoconfirm  bool            `json:"phone_autoconfirm"`
	SMSProvider       string          `json:"sms_provider"`
	SAMLEnabled       bool            `json:"saml_enabled"`
	PasskeysEnabled   bool            `json:"passkeys_enabled"`
}

func (s *Server) settings(w http.ResponseWriter, _ *http.Request) error {
	external := map[string]bool{}
	for _, provider := range []string{
		"anonymous_users", "apple", "azure", "bitbucket", "discord", "facebook", "figma", "fly", "github", "gitlab", "google", "kakao",
		"keycloak", "linkedin", "linkedin_oidc", "notion", "phone", "slack", "slack_oidc", "spotify", "twitch", "twitter", "workos", "zoom",
	} {
		external[provider] = false
	}
	external[providerEmail] = true
	return writeJSON(w, http.StatusOK, Settings{External: external, DisableSignup: s.cfg.DisableSignup, MailerAutoconfirm: !s.cfg.ConfirmEmail})
}

// health is GET /health: the process answers. The name is GoTrue's, for tools that look for it; the version says what this is.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{
		"version": "embedded", "name": "GoTrue", "description": "GoTrue is a user registration and authentication API",
	})
}

// jwks is GET /.well-known/jwks.json: the public keys, or none when tokens are signed with a secret.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=600")
	_, _ = w.Write(s.cfg.Keys.JWKS()) // the client may be gone
	return nil
}
