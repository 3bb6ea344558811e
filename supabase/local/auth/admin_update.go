package auth

import "net/http"

// adminUpdate is PUT /admin/users/{id}. Metadata is merged, a member that is null is deleted. A new password ends all sessions.
func (s *Server) adminUpdate(w http.ResponseWriter, r *http.Request) error {
	u, err := s.adminTarget(r.Context(), r)
	if err != nil {
		return err
	}
	p, err := s.adminBody(r)
	if err != nil {
		return err
	}
	ch := &change{userID: u.ID, role: p.Role, confirm: p.EmailConfirm, userMetadata: p.UserMetadata, appMetadata: p.AppMetadata}
	if ch.email, err = s.newEmail(r.Context(), u, p.Email, u.Aud); err != nil {
		return err
	}
	if p.Password != nil {
		if err := s.checkPassword(*p.Password); err != nil {
			return err
		}
	}
	if ch.hash, err = s.givenHash(p); err != nil {
		return err
	}
	if ch.ban, err = p.BanDuration.decide(); err != nil {
		return err
	}
	return s.applyChange(w, r, ch)
}
