package storage

import (
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// purposeUpload marks a token that is good for writing an object, once or over what is there.
	purposeUpload = "upload"
	// uploadTTL is how long such a token is good for; two hours on hosted projects.
	uploadTTL = 2 * time.Hour
)

// signUpload makes a URL with which anyone who has it may upload this one object. Who may upload it may sign it.
func (s *Server) signUpload(w http.ResponseWriter, r *http.Request, c call) error {
	if _, err := findBucket(r.Context(), s.cfg.Pool, c.bucket); err != nil {
		return err
	}
	upsert := strings.EqualFold(r.Header.Get("x-upsert"), "true")
	if err := s.mayWrite(r.Context(), c, "storage.object.sign_upload_url", c.newObject(nil), incoming{}, upsert); err != nil {
		return err
	}
	now := s.cfg.Now()
	claims := jwt.MapClaims{
		"url": signedPath(c), "upsert": upsert, "purpose": purposeUpload, "iat": now.Unix(), "exp": now.Add(uploadTTL).Unix(),
	}
	if owner := c.caller.ownerID(); owner != nil {
		claims["owner"] = *owner
	}
	token, err := s.cfg.Keys.Sign(claims)
	if err != nil {
		return err
	}
	url := "/object/upload/sign/" + strings.ReplaceAll(signedPath(c), "?", "%3F") + "?token=" + token
	return writeJSON(w, map[string]string{"url": url, "token": token})
}

// uploadSigned takes an upload from whoever has a token for just this object. The bucket's limits hold; policies were asked when it was
// signed. Whoever signed it is the owner.
func (s *Server) uploadSigned(w http.ResponseWriter, r *http.Request, c call) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return errSchema("querystring must have required property 'token'")
	}
	upsert, err := s.actForSigner(r, token, &c)
	if err != nil {
		return err
	}
	return s.store(w, r, c, upsert, "storage.object.upload_signed")
}

// actForSigner makes c a call of the server's own, for whoever signed the token.
func (s *Server) actForSigner(r *http.Request, token string, c *call) (upsert bool, err error) {
	claims, _, err := s.verify(token, purposeUpload, *c)
	if err != nil {
		return false, err
	}
	owner, _ := claims["owner"].(string)
	upsert, _ = claims["upsert"].(bool)
	c.caller, err = signedFor(r, owner)
	return upsert, err
}
