package client

import (
	"fmt"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Error is a bad answer of the server. errors.Is matches it by code with the sentinels below.
type Error struct {
	Status int    // HTTP
	Op     string // method and path
	wire.Problem
}

// Sentinels to match with errors.Is.
var (
	ErrUnauthorized = &Error{Problem: wire.Problem{Code: core.CodeUnauthenticated}}
	ErrForbidden    = &Error{Problem: wire.Problem{Code: core.CodeForbidden}}
	ErrNotFound     = &Error{Problem: wire.Problem{Code: core.CodeNotFound}}
	ErrConflict     = &Error{Problem: wire.Problem{Code: core.CodeConflict}}
	ErrUnavailable  = &Error{Problem: wire.Problem{Code: core.CodeUnavailable}}
	ErrRateLimited  = &Error{Problem: wire.Problem{Code: core.CodeRateLimited}}
)

// Error is the server's message, with the input field it is about.
func (e *Error) Error() string {
	message := e.Message
	if message == "" {
		message = fmt.Sprintf("%s: HTTP %d (%s)", e.Op, e.Status, e.Code)
	}
	if e.Field != "" {
		return e.Field + ": " + message
	}
	return message
}

// Is matches by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Op == "" && t.Code == e.Code
}

// UnreachableError says that no whole answer came.
type UnreachableError struct {
	Server string
	Cause  error
}

// Error names the server and the cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach the Stark server at %s: %v", e.Server, e.Cause)
}

// Unwrap gives the transport's error.
func (e *UnreachableError) Unwrap() error { return e.Cause }

// ForeignError says that something answered which does not speak Stark's API.
type ForeignError struct {
	Server string
	Op     string
	Status int // HTTP
}

// Error names the server and what was asked.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s does not answer like a Stark server (%s: HTTP %d)", e.Server, e.Op, e.Status)
}
