package auth

import "net/http"

// token is POST /token: one handler a grant type.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	switch grant := r.URL.Query().Get("grant_type"); grant {
	case "password":
		return s.tokenPassword(w, r)
	case "refresh_token":
		return s.tokenRefresh(w, r)
	case "pkce":
		return s.tokenPKCE(w, r)
	case "id_token", "web3":
		return notImplemented("grant type " + grant)
	default:
		return badRequest(codeInvalidCredentials, "unsupported_grant_type")
	}
}

// writeSession answers with a session, which no cache may keep (RFC 6749, 5.1).
func writeSession(w http.ResponseWriter, session *Session) error {
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusOK, session)
}
