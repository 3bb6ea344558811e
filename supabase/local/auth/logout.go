package auth

import (
	"net/http"

	"github.com/jackc/pgx/v5"
)

// logout is POST /logout?scope=global|local|others; global when it is not said.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	scope := r.URL.Query().Get("scope")
	switch scope {
	case "", "global", "local", "others":
	default:
		return badRequest(codeValidation, "Unsupported logout scope %q", scope)
	}
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) error {
		switch {
		case scope == "local" && c.session != nil:
			return deleteSession(r.Context(), tx, *c.session)
		case scope == "others" && c.session != nil:
			return deleteOtherSessions(r.Context(), tx, c.user.ID, *c.session)
		}
		return deleteSessions(r.Context(), tx, c.user.ID)
	})
	if err != nil {
		return storing("Error logging out user", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
