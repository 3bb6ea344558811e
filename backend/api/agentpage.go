package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// What the page that makes a browser tab a node may do, and nothing more: its own script and style, the agent's worker, this server and Supabase.
const agentPagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; worker-src 'self'; connect-src 'self' %s; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// What the agent's worker may do, and the pods' workers inherit: run bundles that were fetched and verified (blob:, data:), start pods (data:,
// which gives each an origin of its own) and use the network, since packs do. Neither eval nor this origin's scripts.
const agentWorkerPolicy = "default-src 'none'; script-src blob: data: 'wasm-unsafe-eval'; worker-src data:; connect-src *"

const (
	typeHTML   = "text/html; charset=utf-8"
	typeCSS    = "text/css; charset=utf-8"
	typeScript = "text/javascript; charset=utf-8"
)

// agentFile is one file of the page, as it is sent.
type agentFile struct {
	kind   string
	policy string // its Content-Security-Policy; "" leaves the strict one of every answer
	shared bool   // pages of other origins may use it
	body   []byte
	tag    string
}

// agentPageRoutes serves the page at /agent, and the module for other people's pages beside it.
func (s *Server) agentPageRoutes() error {
	if s.cfg.AgentPage == nil {
		return nil
	}
	page := fmt.Sprintf(agentPagePolicy, originOf(s.cfg.Info.SupabaseURL))
	for path, want := range map[string]struct {
		name string
		file agentFile
	}{
		"/agent":                {"index.html", agentFile{kind: typeHTML, policy: page}},
		"/agent/page.css":       {"page.css", agentFile{kind: typeCSS}},
		"/agent/page.js":        {"page.js", agentFile{kind: typeScript}},
		"/agent/coordinator.js": {"coordinator.js", agentFile{kind: typeScript, policy: agentWorkerPolicy}},
		"/agent/browser.mjs":    {"browser.mjs", agentFile{kind: typeScript, shared: true}},
	} {
		body, err := fs.ReadFile(s.cfg.AgentPage, want.name)
		if err != nil {
			return fmt.Errorf("api: the agent's page: %w", err)
		}
		sum := sha256.Sum256(body)
		file := want.file
		file.body, file.tag = body, `"`+hex.EncodeToString(sum[:16])+`"`
		s.app.Get(path, file.send)
	}
	return nil
}

// send answers with the file. Browsers keep it, and ask each time whether it is still the one: a new server has new files under the same names.
func (f agentFile) send(c *fiber.Ctx) error {
	if f.policy != "" {
		c.Set(fiber.HeaderContentSecurityPolicy, f.policy)
	}
	if f.shared {
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderETag, f.tag)
	if strings.TrimPrefix(c.Get(fiber.HeaderIfNoneMatch), "W/") == f.tag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, f.kind)
	return c.Send(f.body)
}

// originOf is scheme://host[:port] of a URL, as a Content-Security-Policy names it; "" if it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
