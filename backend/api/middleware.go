package api

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/stark-o/stark/backend/core"
)

const headerCorrelation = "X-Correlation-ID"

// Keys of log records.
const (
	keyMethod      = "method"
	keyPath        = "path"
	keyStatus      = "status"
	keyDuration    = "duration"
	keyCorrelation = "correlation_id"
	keyUser        = "user_id"
	keyCode        = "code"
	keyError       = "err"
	keyRemote      = "remote"
)

// What a request carries through its handlers.
type (
	localCorrelation struct{}
	localUser        struct{}
)

var correlationPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// prepare gives a response what every response has. It is safe to call twice.
func (s *Server) prepare(c *fiber.Ctx) {
	id := correlationID(c)
	if id == "" {
		id = c.Get(headerCorrelation)
		if !correlationPattern.MatchString(id) {
			id = uuid.NewString()
		}
		c.Locals(localCorrelation{}, id)
	}
	c.Set(headerCorrelation, id)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderCacheControl, "no-store")
	s.allowOrigin(c)
}

func correlationID(c *fiber.Ctx) string {
	id, _ := c.Locals(localCorrelation{}).(string)
	return id
}

// observe surrounds every request: headers, deadline, panics, the answer to errors, and one line in the log.
func (s *Server) observe(c *fiber.Ctx) error {
	start := time.Now()
	s.prepare(c)
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.RequestTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	err := s.guarded(c)
	var public *core.Error
	var written error
	if err != nil {
		public, written = s.fail(c, err)
	}
	s.record(c, start, public, err)
	return written
}

// guarded runs the rest of the chain; a panic becomes an error.
func (s *Server) guarded(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.Next()
}

// record writes the request's one line. Neither query nor headers are in it: they may hold what nobody should read.
func (s *Server) record(c *fiber.Ctx, start time.Time, public *core.Error, cause error) {
	status := c.Response().StatusCode()
	if s.cfg.Answered != nil {
		s.cfg.Answered(routeOf(c), methodOf(c), status, time.Since(start))
	}
	attrs := []slog.Attr{
		slog.String(keyMethod, c.Method()), slog.String(keyPath, c.Path()), slog.Int(keyStatus, status),
		slog.Duration(keyDuration, time.Since(start)), slog.String(keyCorrelation, correlationID(c)),
	}
	if id, known := c.Locals(localUser{}).(uuid.UUID); known {
		attrs = append(attrs, slog.String(keyUser, id.String()))
	}
	level := slog.LevelInfo
	if public != nil {
		attrs = append(attrs, slog.String(keyCode, string(public.Code)), slog.String(keyError, cause.Error()))
		if status >= 500 {
			level = slog.LevelError
		}
	}
	s.cfg.Log.LogAttrs(s.ctx, level, "request", attrs...)
}

// routeOf is the pattern that took the request: /api/pods/:id. What reached no route, which middleware at "/" answered, has none.
func routeOf(c *fiber.Ctx) string {
	route := c.Route()
	if route == nil || (route.Path == "/" && c.Path() != "/") {
		return "none"
	}
	if len(route.Path) > 1 {
		return strings.TrimSuffix(route.Path, "/")
	}
	return route.Path
}

// methodOf is the method, if it is one that we know: who asks may send any word.
func methodOf(c *fiber.Ctx) string {
	if slices.Contains(fiber.DefaultMethods, c.Method()) {
		return c.Method()
	}
	return "other"
}

// refuseConnection answers what never reached a route: bodies over the limit, and requests that are not HTTP.
func (s *Server) refuseConnection(c *fiber.Ctx, err error) error {
	s.prepare(c)
	linger(c.Context().Conn())
	c.Context().SetConnectionClose()
	public, written := s.fail(c, err)
	s.record(c, time.Now(), public, err)
	return written
}

// refuseUnknownMethods answers methods that Fiber does not know; its own answer would be bare text.
func (s *Server) refuseUnknownMethods(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
			next(ctx)
			return
		}
		c := s.app.AcquireCtx(ctx)
		defer s.app.ReleaseCtx(c)
		c.Set(fiber.HeaderAllow, "GET, HEAD, POST, DELETE, OPTIONS")
		if err := s.refuseConnection(c, fiber.ErrMethodNotAllowed); err != nil {
			_ = c.SendStatus(fiber.StatusInternalServerError) // the envelope could not be written; there is nothing better to say
		}
	}
}

// allowOrigin tells browsers whether a page of another origin may read the answer. Tokens travel in a header and never in cookies, so "*" gives
// away no more than any other client could have.
func (s *Server) allowOrigin(c *fiber.Ctx) {
	c.Vary(fiber.HeaderOrigin)
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" || !s.listed(origin) {
		return
	}
	c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	c.Set(fiber.HeaderAccessControlExposeHeaders, headerCorrelation+", "+fiber.HeaderRetryAfter+", "+fiber.HeaderETag+", "+headerReplayed+", RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset")
}

func (s *Server) listed(origin string) bool {
	return s.origins["*"] || s.origins[strings.ToLower(origin)]
}

// cors answers preflights.
func (s *Server) cors(c *fiber.Ctx) error {
	if c.Method() != fiber.MethodOptions || c.Get(fiber.HeaderAccessControlRequestMethod) == "" {
		return c.Next()
	}
	if s.listed(c.Get(fiber.HeaderOrigin)) {
		c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST, PUT, PATCH, DELETE")
		c.Set(fiber.HeaderAccessControlAllowHeaders, strings.Join([]string{fiber.HeaderAuthorization, fiber.HeaderContentType, headerLastEvent, headerCorrelation,
			fiber.HeaderIfMatch, fiber.HeaderIfNoneMatch, headerIdempotency}, ", "))
		c.Set(fiber.HeaderAccessControlMaxAge, "600")
	}
	return c.SendStatus(fiber.StatusNoContent)
}
