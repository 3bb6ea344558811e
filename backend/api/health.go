package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// healthy is what /health answers.
type healthy struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// health says that the process is alive, and nothing about what it depends on.
func (s *Server) health(c *fiber.Ctx) error {
	return ok(c, healthy{"ok", s.cfg.Info.Version})
}

// ready says whether this server can do its work. A failure carries the same data as a success.
func (s *Server) ready(c *fiber.Ctx) error {
	isReady, checks := s.cfg.Ready(c.UserContext())
	if isReady && !s.sockets.closed() {
		return ok(c, checks)
	}
	c.Set(fiber.HeaderRetryAfter, retryAfter)
	return c.Status(fiber.StatusServiceUnavailable).JSON(struct {
		wire.Failure
		Data any `json:"data"`
	}{
		Failure: wire.Failure{Error: wire.Problem{Code: core.CodeUnavailable, Message: "not ready", CorrelationID: correlationID(c)}},
		Data:    checks,
	})
}
