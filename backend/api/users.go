package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const maxSetupToken = 256

func (s *Server) userRoutes(r fiber.Router) {
	r.Get("/", s.as(s.listUsers))
	r.Get("/:id", s.as(s.getUser))
	r.Patch("/:id", s.as(s.patchUser))
}

// setup makes the caller the first admin, with the token that the server printed.
func (s *Server) setup(c *fiber.Ctx, who caller) error {
	var in wire.Setup
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := needText("token", in.Token, maxSetupToken); err != nil {
		return err
	}
	user, err := s.cfg.Store.SetupAdmin(c.UserContext(), who.Actor, in.Token)
	if err != nil {
		return err
	}
	return ok(c, user)
}

func (s *Server) listUsers(c *fiber.Ctx, who caller) error {
	part, err := querySlice(c)
	if err != nil {
		return err
	}
	users, next, err := s.cfg.Store.ListAccounts(c.UserContext(), who.Actor, part)
	if err != nil {
		return err
	}
	return list(c, users, next)
}

func (s *Server) getUser(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "user")
	if err != nil {
		return err
	}
	user, err := s.cfg.Store.Account(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return ok(c, user)
}

// patchUser changes what is given and leaves the rest.
func (s *Server) patchUser(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "user")
	if err != nil {
		return err
	}
	var in wire.AccountPatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Role == nil && in.DisplayName == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give role or displayName")
	}
	if in.Role != nil {
		if err := needOneOf("role", *in.Role, "admin", "operator", "developer", "viewer", "node"); err != nil {
			return err
		}
	}
	if in.DisplayName != nil {
		if err := checkText("displayName", *in.DisplayName, 200); err != nil {
			return err
		}
	}
	user, err := s.cfg.Store.UpdateAccount(c.UserContext(), who.Actor, id, in)
	if err != nil {
		return err
	}
	return ok(c, user)
}
