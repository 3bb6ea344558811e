package api

import "fmt"

// What the page that makes a browser tab a node may do, and nothing more: its own script and style, the agent's worker, this server and Supabase.
const agentPagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; worker-src 'self'; connect-src 'self' %s; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// What the agent's worker may do, and the pods' workers inherit: run bundles that were fetched and verified (blob:, data:), start pods (data:,
// which gives each an origin of its own) and use the network, since packs do. Neither eval nor this origin's scripts.
const agentWorkerPolicy = "default-src 'none'; script-src blob: data: 'wasm-unsafe-eval'; worker-src data:; connect-src *"

// agentPageRoutes serves the page at /agent, and the module for other people's pages beside it.
func (s *Server) agentPageRoutes() error {
	if s.cfg.AgentPage == nil {
		return nil
	}
	page := fmt.Sprintf(agentPagePolicy, originOf(s.cfg.Info.SupabaseURL))
	err := s.servePage(s.cfg.AgentPage, map[string]servedFile{
		"/agent":                {"index.html", pageFile{kind: typeHTML, policy: page}},
		"/agent/page.css":       {"page.css", pageFile{kind: typeCSS}},
		"/agent/page.js":        {"page.js", pageFile{kind: typeScript}},
		"/agent/coordinator.js": {"coordinator.js", pageFile{kind: typeScript, policy: agentWorkerPolicy}},
		"/agent/browser.mjs":    {"browser.mjs", pageFile{kind: typeScript, shared: true}},
	})
	if err != nil {
		return fmt.Errorf("api: the agent's page: %w", err)
	}
	return nil
}
