package storage

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// sign makes a URL that lets anyone who has it read this object for a while. Who may read it may sign it.
func (s *Server) sign(w http.ResponseWriter, r *http.Request, c call) error {
	var in struct {
		ExpiresIn *int64          `json:"expiresIn"` // seconds
		Transform json.RawMessage `json:"transform"`
	}
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	switch {
	case in.ExpiresIn == nil:
		return errSchema("body must have required property 'expiresIn'")
	case *in.ExpiresIn < 1:
		return errSchema("body/expiresIn must be >= 1")
	case len(in.Transform) > 0 && string(in.Transform) != "null" && string(in.Transform) != "{}":
		return errUnimplemented("transforming images")
	}
	if _, err := s.asCaller(c, "storage.object.sign")(r.Context()); err != nil {
		return err
	}
	now := s.cfg.Now()
	token, err := s.cfg.Keys.Sign(jwt.MapClaims{"url": signedPath(c), "iat": now.Unix(), "exp": now.Unix() + *in.ExpiresIn})
	if err != nil {
		return err
	}
	// Not escaped but for what would end the path: the clients escape it themselves.
	path := strings.ReplaceAll(signedPath(c), "?", "%3F")
	return writeJSON(w, map[string]string{"signedURL": "/object/sign/" + path + "?token=" + token})
}

func signedPath(c call) string { return c.bucket + "/" + c.key }

// downloadSigned is for whoever has a token for just this object. It looks at no policy: that was done when it was signed.
func (s *Server) downloadSigned(w http.ResponseWriter, r *http.Request, c call) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return errSchema("querystring must have required property 'token'")
	}
	claims, err := s.cfg.Keys.Parse(token)
	if err != nil {
		return &Error{Status: "400", Code: "InvalidJWT", Message: tokenProblem(err)}
	}
	expires, err := claims.GetExpirationTime()
	if url, _ := claims["url"].(string); err != nil || expires == nil || url != signedPath(c) {
		return errSignature // such as somebody's access token, which is good for no URL
	}
	return s.send(w, r, c, s.asServer(c), expires.Time)
}
