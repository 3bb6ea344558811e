package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// login exchanges a password for a session. The password goes to Supabase Auth and nowhere else.
func (s *Server) login(c *fiber.Ctx) error {
	var in wire.Login
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := checkCredentials(in.Email, in.Password); err != nil {
		return err
	}
	session, err := s.cfg.Auth.SignIn(c.UserContext(), in.Email, in.Password)
	if err != nil {
		return err
	}
	if err := s.knowUser(c, &session); err != nil {
		return err
	}
	return ok(c, session)
}

// register makes an account and, unless its address has to be confirmed first, a session.
func (s *Server) register(c *fiber.Ctx) error {
	var in wire.Register
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := checkCredentials(in.Email, in.Password); err != nil {
		return err
	}
	session, err := s.cfg.Auth.SignUp(c.UserContext(), in.Email, in.Password)
	if err != nil {
		return err
	}
	if session.AccessToken != "" {
		if err := s.knowUser(c, &session); err != nil {
			return err
		}
	}
	return c.Status(fiber.StatusCreated).JSON(wire.Success{Success: true, Data: session})
}

// refresh exchanges a refresh token, which is then used up, for a new session.
func (s *Server) refresh(c *fiber.Ctx) error {
	var in wire.Refresh
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := needText("refreshToken", in.RefreshToken, 4096); err != nil {
		return err
	}
	session, err := s.cfg.Auth.Refresh(c.UserContext(), in.RefreshToken)
	if err != nil {
		return err
	}
	if err := s.knowUser(c, &session); err != nil {
		return err
	}
	return ok(c, session)
}

// knowUser puts the user of a new session into it.
func (s *Server) knowUser(c *fiber.Ctx, session *wire.Session) error {
	ctx := c.UserContext()
	// The role is ours to know, not Auth's.
	actor, err := s.cfg.Verifier.Verify(ctx, session.AccessToken)
	if err != nil {
		return core.Errorf(core.CodeInternal, "").WithCause(err) // a session that Auth has just made: ours to fix, e.g. another project's issuer
	}
	actor.CorrelationID = correlationID(c)
	c.Locals(localUser{}, actor.UserID)
	session.User, err = s.cfg.Store.Whoami(ctx, actor)
	return err
}

// logout ends sessions of the caller: this one, all, or all others.
func (s *Server) logout(c *fiber.Ctx, who caller) error {
	scope, err := queryOneOf(c, "scope", "local", "global", "others")
	if err != nil {
		return err
	}
	if scope == "" {
		scope = "local"
	}
	if err := s.cfg.Auth.SignOut(c.UserContext(), who.token, scope); err != nil {
		return err
	}
	return ok(c, nil)
}

func (s *Server) whoami(c *fiber.Ctx, who caller) error {
	user, err := s.cfg.Store.Whoami(c.UserContext(), who.Actor)
	if err != nil {
		return err
	}
	return ok(c, user)
}

func checkCredentials(email, password string) error {
	return first(needText("email", email, 320), needText("password", password, 1024))
}

func needText(field, value string, most int) error {
	if value == "" {
		return core.Invalid(field, "is needed")
	}
	return checkText(field, value, most)
}
