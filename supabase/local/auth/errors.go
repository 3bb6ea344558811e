package auth

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stark-o/stark/supabase/local/internal/outage"
)

// Error codes. Source: supabase/auth internal/api/apierrors/errorcode.go; not_implemented is ours.
const (
	codeUnexpected         = "unexpected_failure"
	codeNotImplemented     = "not_implemented"
	codeValidation         = "validation_failed"
	codeBadJSON            = "bad_json"
	codeBadJWT             = "bad_jwt"
	codeNoAuthorization    = "no_authorization"
	codeNotAdmin           = "not_admin"
	codeSignupDisabled     = "signup_disabled"
	codeAnonymousDisabled  = "anonymous_provider_disabled"
	codePhoneDisabled      = "phone_provider_disabled"
	codeWeakPassword       = "weak_password"
	codeSamePassword       = "same_password"
	codeInvalidCredentials = "invalid_credentials"
	codeEmailNotConfirmed  = "email_not_confirmed"
	codeEmailExists        = "email_exists"
	codeUserExists         = "user_already_exists"
	codeUserNotFound       = "user_not_found"
	codeUserBanned         = "user_banned"
	codeSessionNotFound    = "session_not_found"
	codeSessionExpired     = "session_expired"
	codeRefreshNotFound    = "refresh_token_not_found"
	codeRefreshUsed        = "refresh_token_already_used"
	codeOTPExpired         = "otp_expired"
	codeOTPDisabled        = "otp_disabled"
	codeOverMailLimit      = "over_email_send_rate_limit"
	codeReauthNeeded       = "reauthentication_needed"
	codeReauthInvalid      = "reauthentication_not_valid"
	codeFlowNotFound       = "flow_state_not_found"
	codeFlowExpired        = "flow_state_expired"
	codeBadVerifier        = "bad_code_verifier"
	codeHookTimeout        = "hook_timeout"
	codeUnknown            = "unknown"
)

const (
	headerAPIVersion = "X-Supabase-Api-Version"
	headerErrorCode  = "X-Sb-Error-Code"
	apiVersion2024   = "2024-01-01"
)

// Error is a refusal as the client sees it. Its cause stays inside.
type Error struct {
	HTTP    int
	Code    string
	Message string
	Reasons []string // of a weak password
	cause   error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.cause }

func badRequest(code, format string, args ...any) *Error {
	return &Error{HTTP: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

func forbidden(code, format string, args ...any) *Error {
	return &Error{HTTP: http.StatusForbidden, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notFound(code, format string, args ...any) *Error {
	return &Error{HTTP: http.StatusNotFound, Code: code, Message: fmt.Sprintf(format, args...)}
}

func unprocessable(code, format string, args ...any) *Error {
	return &Error{HTTP: http.StatusUnprocessableEntity, Code: code, Message: fmt.Sprintf(format, args...)}
}

func tooMany(code, format string, args ...any) *Error {
	return &Error{HTTP: http.StatusTooManyRequests, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notImplemented(what string) *Error {
	return &Error{HTTP: http.StatusNotImplemented, Code: codeNotImplemented,
		Message: what + ": not in the embedded stack; use supabase start or a hosted project"}
}

// storing gives a failure of the database the public message of the operation. An *Error passes as it is, and text that no Postgres column
// can hold is the client's mistake.
func storing(message string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "22P05" || pg.Code == "22021") { // untranslatable_character, character_not_in_repertoire
		return badRequest(codeValidation, "The request holds a character that cannot be stored")
	}
	return &Error{HTTP: http.StatusInternalServerError, Code: codeUnexpected, Message: message, cause: err}
}

// violates says whether err is a unique violation of that index; other tables' violations, in a user's triggers perhaps, are not.
func violates(err error, index string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == index
}

// weakReasons is the member of the error body that lists what is wrong with a password.
type weakReasons struct {
	Reasons []string `json:"reasons,omitempty"`
}

// initialBody is an error as it always was, and dated20240101 as clients ask for it since. Source: supabase/auth internal/api/errors.go.
type initialBody struct {
	Code      int          `json:"code"`
	ErrorCode string       `json:"error_code"`
	Msg       string       `json:"msg"`
	ErrorID   string       `json:"error_id,omitempty"`
	Weak      *weakReasons `json:"weak_password,omitempty"`
}

type dated20240101 struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Weak    *weakReasons `json:"weak_password,omitempty"`
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{HTTP: http.StatusInternalServerError, Code: codeUnexpected, cause: err,
			Message: "Unexpected failure, please check server logs for more information"}
	}
	if e.HTTP == http.StatusInternalServerError && outage.Is(err) {
		// GoTrue says 500. 503 is what its clients take for worth another try.
		e = &Error{HTTP: http.StatusServiceUnavailable, Code: codeUnexpected, cause: err,
			Message: "The database cannot be reached right now, please try again later"}
	}
	var errorID string
	if e.HTTP >= http.StatusInternalServerError && e.HTTP != http.StatusNotImplemented {
		errorID = uuid.NewString()
		if r.Context().Err() == nil { // a client that went away is no failure of ours
			s.cfg.Log.Error("auth request failed", "method", r.Method, "path", r.URL.Path, "error_id", errorID, "error", err)
		}
	}
	var weak *weakReasons
	if e.Reasons != nil {
		weak = &weakReasons{e.Reasons}
	}
	w.Header().Set(headerErrorCode, e.Code)
	if wants2024(r) {
		w.Header().Set(headerAPIVersion, apiVersion2024)
		_ = writeJSON(w, e.HTTP, dated20240101{e.Code, e.Message, weak}) // the client may be gone
		return
	}
	_ = writeJSON(w, e.HTTP, initialBody{e.HTTP, e.Code, e.Message, errorID, weak})
}

// wants2024 says whether the request asks for the API of 2024-01-01 or a later one. What is no date means the initial API.
func wants2024(r *http.Request) bool {
	asked, err := time.Parse(time.DateOnly, r.Header.Get(headerAPIVersion))
	return err == nil && asked.Format(time.DateOnly) >= apiVersion2024
}
