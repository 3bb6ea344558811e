package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
)

// caller is who asks, and the token that said so.
type caller struct {
	core.Actor
	token string
}

// as makes a route for callers who have shown a token. A handler that needs a caller cannot be mounted without it.
func (s *Server) as(handle func(*fiber.Ctx, caller) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		token, err := bearer(c.Get(fiber.HeaderAuthorization))
		if err != nil {
			return err
		}
		actor, err := s.cfg.Verifier.Verify(c.UserContext(), token)
		if err != nil {
			return err
		}
		actor.CorrelationID = correlationID(c)
		c.Locals(localUser{}, actor.UserID)
		if err := spend(c, s.limits.user, actor.UserID, "from this user"); err != nil {
			return err
		}
		return handle(c, caller{Actor: actor, token: token})
	}
}

// bearer reads the token out of an Authorization header: RFC 6750, 2.1.
func bearer(header string) (string, error) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if header == "" || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", core.Errorf(core.CodeUnauthenticated, "a token is needed").WithHint("Log in, and send Authorization: Bearer <access token>.")
	}
	return token, nil
}
