package session

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ExpiryOf reads when an access token ends, without verifying it: that is the server's business.
func ExpiryOf(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, errors.New("not a JSON web token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, errors.New("not a JSON web token")
	}
	var claims struct {
		Exp float64 `json:"exp"` // seconds since 1970
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return time.Time{}, fmt.Errorf("read the token's claims: %w", err)
	}
	if claims.Exp <= 0 {
		return time.Time{}, errors.New("the token has no expiry")
	}
	return time.Unix(int64(claims.Exp), 0).UTC(), nil
}
