package supa

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/stark-o/stark/backend/core"
)

// storageProblem is Storage's error body. Its HTTP status is mostly 400; the one that counts is inside.
// Source: supabase/storage src/internal/errors/codes.ts.
type storageProblem struct {
	StatusCode json.RawMessage `json:"statusCode"` // "404", and 404 from its framework
	Error      string          `json:"error"`
	Code       string          `json:"code"` // newer servers
	Message    string          `json:"message"`
}

func (p storageProblem) status(http int) int {
	if status, err := strconv.Atoi(strings.Trim(string(p.StatusCode), `"`)); err == nil {
		return status
	}
	return http
}

func storageError(r *reply) error {
	var p storageProblem
	_ = json.Unmarshal(r.body, &p) // a proxy's page is no JSON: the status then has to do
	status := p.status(r.status)
	cause := fmt.Errorf("storage: status %d (%d), %s: %s", r.status, status, firstOf(p.Code, p.Error, "no code"), p.Message)
	return storageFace(p, status).WithCause(cause)
}

func storageFace(p storageProblem, status int) *core.Error {
	switch {
	case status == http.StatusNotFound:
		return core.Errorf(core.CodeNotFound, "there is no such object that you may read")
	case status == http.StatusConflict:
		return core.Errorf(core.CodeConflict, "there is an object of this name already").WithHint("Bundles are never overwritten: use another name.")
	case status == http.StatusRequestEntityTooLarge:
		return core.Errorf(core.CodeTooLarge, "the object is larger than the bucket allows")
	case status == http.StatusUnsupportedMediaType:
		return core.Errorf(core.CodeUnsupported, "the bucket does not take this type of content")
	case status == http.StatusTooManyRequests:
		return core.Errorf(core.CodeRateLimited, "Storage is asked too much").WithHint("Wait a minute.")
	case status == http.StatusUnauthorized, p.aboutToken(status):
		return core.Errorf(core.CodeUnauthenticated, "Storage does not accept the token").WithHint("Log in again.")
	case status == http.StatusForbidden:
		return core.Errorf(core.CodeForbidden, "you may not do that in this bucket")
	case status >= 500:
		return core.Errorf(core.CodeUnavailable, "Supabase Storage does not answer")
	case p.Code == "InvalidKey", p.Error == "InvalidKey":
		return core.Errorf(core.CodeValidation, "not a name that an object may have")
	}
	return core.Errorf(core.CodeInternal, "Supabase Storage refused this server's request")
}

// aboutToken tells a bad token from a refusal. Storage answers both with AccessDenied; only the text, which is jose's, differs.
func (p storageProblem) aboutToken(status int) bool {
	if p.Code == "InvalidJWT" || p.Error == "InvalidJWT" {
		return true
	}
	if status != http.StatusForbidden && status != http.StatusBadRequest {
		return false
	}
	for _, text := range []string{"claim timestamp check failed", "signature verification failed", "Invalid Compact JWS", "jwt expired", "jwt malformed", "invalid signature"} {
		if strings.Contains(p.Message, text) {
			return true
		}
	}
	return false
}
