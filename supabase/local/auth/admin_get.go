package auth

import "net/http"

// adminGet is GET /admin/users/{id}.
func (s *Server) adminGet(w http.ResponseWriter, r *http.Request) error {
	u, err := s.adminTarget(r.Context(), r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, u)
}
