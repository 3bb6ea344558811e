package storage

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

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
	token, err := s.signPath(signedPath(c), *in.ExpiresIn)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"signedURL": signedURL(signedPath(c), token)})
}

func (s *Server) signPath(path string, expiresIn int64) (string, error) {
	now := s.cfg.Now().Unix()
	return s.cfg.Keys.Sign(jwt.MapClaims{"url": path, "iat": now, "exp": now + expiresIn})
}

// signedURL is not escaped but for what would end the path: the clients escape it themselves.
func signedURL(path, token string) string {
	return "/object/sign/" + strings.ReplaceAll(path, "?", "%3F") + "?token=" + token
}

func signedPath(c call) string { return c.bucket + "/" + c.key }

// downloadSigned is for whoever has a token for just this object. It looks at no policy: that was done when it was signed.
func (s *Server) downloadSigned(w http.ResponseWriter, r *http.Request, c call) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return errSchema("querystring must have required property 'token'")
	}
	_, expires, err := s.verify(token, "", c)
	if err != nil {
		return err
	}
	return s.send(w, r, c, s.asServer(c), expires)
}

// verify checks that a token was signed for this object and this purpose: "" to read it, purposeUpload to write it. Stricter than the
// original, which takes one for the other.
func (s *Server) verify(token, purpose string, c call) (claims jwt.MapClaims, expires time.Time, err error) {
	claims, err = s.cfg.Keys.Parse(token)
	if err != nil {
		return nil, expires, &Error{Status: "400", Code: "InvalidJWT", Message: tokenProblem(err)}
	}
	exp, err := claims.GetExpirationTime()
	url, _ := claims["url"].(string)
	given, _ := claims["purpose"].(string)
	if err != nil || exp == nil || url != signedPath(c) || given != purpose {
		return nil, expires, errSignature // such as somebody's access token, which is good for no URL
	}
	return claims, exp.Time, nil
}
