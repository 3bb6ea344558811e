package api

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var agentPaths = []string{"/agent", "/agent/page.css", "/agent/page.js", "/agent/coordinator.js", "/agent/browser.mjs"}

func agentFiles() fstest.MapFS {
	files := fstest.MapFS{}
	for _, name := range []string{"index.html", "page.css", "page.js", "coordinator.js", "browser.mjs"} {
		files[name] = &fstest.MapFile{Data: []byte("this is " + name)}
	}
	return files
}

func TestAgentPage(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.AgentPage = agentFiles(); c.Info.SupabaseURL = "https://abcd.supabase.co/" })
	for path, want := range map[string]struct{ body, kind, policy string }{
		"/agent":                {"this is index.html", "text/html; charset=utf-8", "connect-src 'self' https://abcd.supabase.co;"},
		"/agent/page.css":       {"this is page.css", "text/css; charset=utf-8", "default-src 'none'; frame-ancestors 'none'"},
		"/agent/page.js":        {"this is page.js", "text/javascript; charset=utf-8", "default-src 'none'; frame-ancestors 'none'"},
		"/agent/coordinator.js": {"this is coordinator.js", "text/javascript; charset=utf-8", "worker-src data:;"},
		"/agent/browser.mjs":    {"this is browser.mjs", "text/javascript; charset=utf-8", "default-src 'none'; frame-ancestors 'none'"},
	} {
		a := w.do(http.MethodGet, path, nil, with("Authorization", ""))
		require.Equal(t, http.StatusOK, a.status, path)
		assert.Equal(t, want.body, a.body, path)
		assert.Equal(t, want.kind, a.header.Get("Content-Type"), path)
		policy := a.header.Get("Content-Security-Policy")
		assert.Contains(t, policy, want.policy, path)
		assert.NotContains(t, policy, "unsafe-inline", path)
		assert.NotContains(t, policy, "'unsafe-eval'", path)
		assert.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, path == "/agent/browser.mjs", a.header.Get("Access-Control-Allow-Origin") == "*", path)

		tag := a.header.Get("ETag")
		require.NotEmpty(t, tag, path)
		again := w.do(http.MethodGet, path, nil, with("If-None-Match", "W/"+tag))
		assert.Equal(t, http.StatusNotModified, again.status, path)
		assert.Empty(t, again.body, path)
	}
}

// The page may not do what only its workers need, and the other way round.
func TestAgentPageAndItsWorkersHavePoliciesOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.AgentPage = agentFiles() })
	page := w.do(http.MethodGet, "/agent", nil).header.Get("Content-Security-Policy")
	worker := w.do(http.MethodGet, "/agent/coordinator.js", nil).header.Get("Content-Security-Policy")
	assert.NotContains(t, page, "connect-src *")
	assert.NotContains(t, page, "blob:")
	assert.NotContains(t, directive(worker, "script-src"), "'self'")
	assert.Equal(t, "data:", directive(worker, "worker-src"))
}

func directive(policy, name string) string {
	for part := range strings.SplitSeq(policy, ";") {
		if value, is := strings.CutPrefix(strings.TrimSpace(part), name+" "); is {
			return value
		}
	}
	return ""
}

func TestWithoutAgentPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodGet, "/agent", nil).status)
	_, err := New(Config{})
	require.Error(t, err)
}

func TestAgentPageThatIsNotWhole(t *testing.T) {
	t.Parallel()
	files := agentFiles()
	delete(files, "coordinator.js")
	cfg := start(t).srv.cfg
	cfg.AgentPage = files
	_, err := New(cfg)
	require.ErrorContains(t, err, "coordinator.js")
}
