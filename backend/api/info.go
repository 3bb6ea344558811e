package api

import "github.com/gofiber/fiber/v2"

// info tells clients, before they log in, which Supabase this server works with. It is public; so is the key in it.
func (s *Server) info(c *fiber.Ctx) error { return ok(c, s.cfg.Info) }
