package auth

import (
	"net/http"

	"github.com/jackc/pgx/v5"
)

type adminDeleteRequest struct {
	SoftDelete bool `json:"should_soft_delete"`
}

// adminDelete is DELETE /admin/users/{id}; its body may be empty.
func (s *Server) adminDelete(w http.ResponseWriter, r *http.Request) error {
	u, err := s.adminTarget(r.Context(), r)
	if err != nil {
		return err
	}
	text, err := readBody(r)
	if err != nil {
		return err
	}
	var p adminDeleteRequest
	if len(text) > 0 {
		if err := parseJSON(text, &p); err != nil {
			return err
		}
	}
	err = pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) error {
		switch {
		case !p.SoftDelete:
			return deleteUser(r.Context(), tx, u.ID)
		case u.DeletedAt != nil:
			return nil
		}
		return softDeleteUser(r.Context(), tx, u, s.now())
	})
	if err != nil {
		return storing("Database error deleting user", err)
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}
