package api

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// statuses is the one table from codes to HTTP statuses.
var statuses = map[core.Code]int{
	core.CodeValidation:      fiber.StatusBadRequest,
	core.CodeUnauthenticated: fiber.StatusUnauthorized,
	core.CodeForbidden:       fiber.StatusForbidden,
	core.CodeNotFound:        fiber.StatusNotFound,
	core.CodeConflict:        fiber.StatusConflict,
	core.CodeQuota:           fiber.StatusForbidden,
	core.CodeKeyReused:       fiber.StatusUnprocessableEntity,
	core.CodeTooLarge:        fiber.StatusRequestEntityTooLarge,
	core.CodeUnsupported:     fiber.StatusUnsupportedMediaType,
	core.CodeMethod:          fiber.StatusMethodNotAllowed,
	core.CodeRateLimited:     fiber.StatusTooManyRequests,
	core.CodeUnavailable:     fiber.StatusServiceUnavailable,
	core.CodeInternal:        fiber.StatusInternalServerError,
}

// retryAfter is what clients are told to wait for, in seconds.
const retryAfter = "2"

// publicError is the public face of err and its status. What has none is an internal error: its text stays inside.
func publicError(err error) (*core.Error, int) {
	var public *core.Error
	if !errors.As(err, &public) {
		var framework *fiber.Error
		switch {
		case errors.As(err, &framework):
			public = frameworkError(framework)
		case errors.Is(err, context.DeadlineExceeded):
			public = core.Errorf(core.CodeUnavailable, "it took too long")
		default:
			public = core.Errorf(core.CodeInternal, "")
		}
	}
	status, known := statuses[public.Code]
	if !known || public.Code == core.CodeInternal {
		generic := core.Errorf(core.CodeInternal, "something went wrong on our side").WithHint("Tell an operator the correlationId.")
		return generic, fiber.StatusInternalServerError
	}
	return public, status
}

// frameworkError speaks for Fiber and fasthttp, whose own texts quote the request.
func frameworkError(err *fiber.Error) *core.Error {
	switch err.Code {
	case fiber.StatusNotFound:
		return core.Errorf(core.CodeNotFound, "there is no such route")
	case fiber.StatusMethodNotAllowed:
		return core.Errorf(core.CodeMethod, "this route does not take that method").WithHint("The Allow header names those that it takes.")
	case fiber.StatusRequestEntityTooLarge:
		return core.Errorf(core.CodeTooLarge, "the body is larger than %d bytes", maxBody)
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return core.Errorf(core.CodeTooLarge, "the headers are larger than %d bytes", maxHeaders)
	case fiber.StatusRequestTimeout:
		return core.Errorf(core.CodeValidation, "the request did not arrive in time")
	case fiber.StatusUpgradeRequired:
		return core.Errorf(core.CodeValidation, "not a WebSocket handshake")
	case fiber.StatusBadRequest:
		return core.Errorf(core.CodeValidation, "not a valid HTTP request")
	}
	return core.Errorf(core.CodeInternal, "")
}

// fail answers with an error.
func (s *Server) fail(c *fiber.Ctx, err error) (*core.Error, error) {
	public, status := publicError(err)
	switch public.Code {
	case core.CodeUnauthenticated:
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="stark"`)
	case core.CodeUnavailable, core.CodeRateLimited:
		if c.GetRespHeader(fiber.HeaderRetryAfter) == "" {
			c.Set(fiber.HeaderRetryAfter, retryAfter)
		}
	}
	return public, c.Status(status).JSON(wire.Failure{Error: wire.Problem{
		Code: public.Code, Message: public.Message, Field: public.Field, Hint: public.Hint, CorrelationID: correlationID(c),
	}})
}
