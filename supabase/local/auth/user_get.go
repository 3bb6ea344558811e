package auth

import "net/http"

// userGet is GET /user: the token's user as the database has it now.
func (s *Server) userGet(w http.ResponseWriter, r *http.Request) error {
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c.user)
}
