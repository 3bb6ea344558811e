package api

import (
	"fmt"

	"github.com/gofiber/fiber/v2"
)

// What the console may do, and nothing more: its own script and style, this server and Supabase. No eval: its templates are compiled when it is built.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' %s; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// consoleRoutes serves the console at /console, and leads there from /.
func (s *Server) consoleRoutes() error {
	if s.cfg.Console == nil {
		return nil
	}
	page := fmt.Sprintf(consolePolicy, originOf(s.cfg.Info.SupabaseURL))
	err := s.servePage(s.cfg.Console, map[string]servedFile{
		"/console":         {"index.html", pageFile{kind: typeHTML, policy: page}},
		"/console/app.js":  {"app.js", pageFile{kind: typeScript}},
		"/console/app.css": {"app.css", pageFile{kind: typeCSS}},
	})
	if err != nil {
		return fmt.Errorf("api: the console: %w", err)
	}
	s.app.Get("/", func(c *fiber.Ctx) error { return c.Redirect("/console", fiber.StatusFound) })
	return nil
}
