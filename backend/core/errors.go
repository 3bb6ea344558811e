package core

import (
	"errors"
	"fmt"
)

// Code is a stable, machine-readable name of what went wrong. It crosses the REST and WebSocket boundaries as it is.
type Code string

// The codes. backend/api maps each to an HTTP status in one table.
const (
	CodeValidation      Code = "VALIDATION_ERROR"
	CodeUnauthenticated Code = "UNAUTHORIZED"
	CodeForbidden       Code = "FORBIDDEN"
	CodeNotFound        Code = "NOT_FOUND"
	CodeConflict        Code = "CONFLICT"
	CodeQuota           Code = "QUOTA_EXCEEDED"
	CodeKeyReused       Code = "IDEMPOTENCY_KEY_REUSED"
	CodeTooLarge        Code = "PAYLOAD_TOO_LARGE"
	CodeUnsupported     Code = "UNSUPPORTED_MEDIA_TYPE"
	CodeMethod          Code = "METHOD_NOT_ALLOWED"
	CodeRateLimited     Code = "RATE_LIMITED"
	CodeUnavailable     Code = "SERVICE_UNAVAILABLE"
	CodeInternal        Code = "INTERNAL_ERROR"
)

// Error is an error with a public face. Message, Field and Hint may be shown to the caller; the wrapped cause may not.
type Error struct {
	Code    Code
	Message string
	Field   string // the offending input field, "" when there is none
	Hint    string // what to do next, "" when there is nothing to say
	cause   error
}

// Errorf makes an Error of this code; %w in the format becomes its private cause and appears in Error(), so use
// it for logs and NewError for public messages.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Invalid is a validation error of one input field.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeValidation, Field: field, Message: fmt.Sprintf(format, args...)}
}

// InField puts the field that an error is about under another: "name" in "pods[3]" is "pods[3].name". What is no Error stays as it is.
func InField(field string, err error) error {
	var public *Error
	if !errors.As(err, &public) {
		return err
	}
	named := *public
	named.Field = field
	if public.Field != "" {
		named.Field += "." + public.Field
	}
	return (&named).WithCause(err)
}

// WithHint returns a copy that tells what to do next.
func (e *Error) WithHint(hint string) *Error { c := *e; c.Hint = hint; return &c }

// WithCause returns a copy that wraps a private cause: it is logged, never shown.
func (e *Error) WithCause(err error) *Error { c := *e; c.cause = err; return &c }

// Error is for logs: it includes the private cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Is matches by code, so errors.Is(err, core.ErrNotFound) holds for every Error with that code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Message == ""
}

// Sentinels to match with errors.Is.
var (
	ErrInvalid         = &Error{Code: CodeValidation}
	ErrUnauthenticated = &Error{Code: CodeUnauthenticated}
	ErrForbidden       = &Error{Code: CodeForbidden}
	ErrNotFound        = &Error{Code: CodeNotFound}
	ErrConflict        = &Error{Code: CodeConflict}
	ErrQuota           = &Error{Code: CodeQuota}
	ErrUnavailable     = &Error{Code: CodeUnavailable}
)

// CodeOf is the code of the first Error in the chain, or CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
