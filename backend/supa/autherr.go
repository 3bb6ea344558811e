package supa

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/stark-o/stark/backend/core"
)

// problem is what Auth says went wrong.
type problem struct {
	code    string // as in supabase/auth internal/api/apierrors/errorcode.go; "" from older servers
	message string
}

// authProblem reads the shapes in which Auth has said so: {code: 400, error_code, msg}, since 2024-01-01 {code: "…", message}, and
// OAuth's {error, error_description}. The header names the code in any case.
func authProblem(r *reply) problem {
	var body struct {
		Code        json.RawMessage `json:"code"` // a number once, a string now
		ErrorCode   string          `json:"error_code"`
		Msg         string          `json:"msg"`
		Message     string          `json:"message"`
		Error       string          `json:"error"`
		Description string          `json:"error_description"`
	}
	_ = json.Unmarshal(r.body, &body) // a proxy's page is no JSON: the status then has to do
	var code string
	_ = json.Unmarshal(body.Code, &code)
	return problem{
		code:    firstOf(r.header.Get("X-Sb-Error-Code"), body.ErrorCode, code, body.Error),
		message: firstOf(body.Msg, body.Message, body.Description),
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// authError gives an answer of Auth a public face. withToken says that the request carried a user's token, so that a 401 is about it
// and not about our key.
func authError(r *reply, withToken bool) error {
	p := authProblem(r)
	cause := fmt.Errorf("auth: status %d, %s: %s", r.status, firstOf(p.code, "no code"), p.message)
	return authFace(p, r.status, withToken).WithCause(cause)
}

func authFace(p problem, status int, withToken bool) *core.Error {
	switch p.code {
	case "invalid_credentials", "invalid_grant":
		return core.Errorf(core.CodeUnauthenticated, "wrong email address or password")
	case "email_not_confirmed", "phone_not_confirmed", "provider_email_needs_verification":
		return core.Errorf(core.CodeUnauthenticated, "the email address is not confirmed yet").WithHint("Follow the link in the mail.")
	case "refresh_token_not_found", "refresh_token_already_used", "session_not_found", "session_expired", "user_not_found":
		return core.Errorf(core.CodeUnauthenticated, "the session is over").WithHint("Log in again.")
	case "bad_jwt", "no_authorization":
		return core.Errorf(core.CodeUnauthenticated, "the token is not valid").WithHint("Log in again.")
	case "user_banned":
		return core.Errorf(core.CodeForbidden, "this account is banned")
	case "signup_disabled", "email_provider_disabled", "provider_disabled":
		return core.Errorf(core.CodeForbidden, "this project does not allow that").WithHint("Ask an admin for an account.")
	case "user_already_exists", "email_exists":
		return core.Errorf(core.CodeConflict, "there is an account with this email address already").WithHint("Log in.")
	case "weak_password":
		return core.Invalid("password", "too weak: %s", firstOf(p.message, "choose a longer one"))
	case "email_address_invalid", "email_address_not_authorized":
		return core.Invalid("email", "not an address that this project accepts")
	case "over_request_rate_limit", "over_email_send_rate_limit":
		return core.Errorf(core.CodeRateLimited, "too many attempts").WithHint("Wait a minute.")
	case "validation_failed", "bad_json":
		return core.Errorf(core.CodeValidation, "%s", firstOf(p.message, "not a valid request"))
	case "request_timeout":
		return core.Errorf(core.CodeUnavailable, "Supabase Auth does not answer")
	}
	switch {
	case status == http.StatusTooManyRequests:
		return core.Errorf(core.CodeRateLimited, "too many attempts").WithHint("Wait a minute.")
	case status >= 500:
		return core.Errorf(core.CodeUnavailable, "Supabase Auth does not answer")
	case status == http.StatusUnauthorized && withToken:
		return core.Errorf(core.CodeUnauthenticated, "the token is not valid").WithHint("Log in again.")
	}
	// Ours to fix, not the user's: a wrong key, a wrong URL, an Auth that speaks another dialect.
	return core.Errorf(core.CodeInternal, "Supabase Auth refused this server's request")
}
