package api

import (
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func consoleFiles() fstest.MapFS {
	return fstest.MapFS{"index.html": {Data: []byte("page")}, "app.js": {Data: []byte("script")}, "app.css": {Data: []byte("style")}}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.Console = consoleFiles(); c.Info.SupabaseURL = "https://abcd.supabase.co/" })
	for path, want := range map[string]string{"/console": "page", "/console/app.js": "script", "/console/app.css": "style"} {
		a := w.do(http.MethodGet, path, nil, with("Authorization", ""))
		require.Equal(t, http.StatusOK, a.status, path)
		assert.Equal(t, want, a.body, path)
	}
	policy := w.do(http.MethodGet, "/console", nil).header.Get("Content-Security-Policy")
	assert.Equal(t, "'self' https://abcd.supabase.co", directive(policy, "connect-src"))
	assert.Equal(t, "'self'", directive(policy, "script-src"))
	assert.Equal(t, "'self'", directive(policy, "style-src"))
}

func TestWithoutConsole(t *testing.T) {
	t.Parallel()
	w := start(t)
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodGet, "/console", nil).status)
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodGet, "/", nil).status)
}

func TestConsoleThatIsNotWhole(t *testing.T) {
	t.Parallel()
	files := consoleFiles()
	delete(files, "app.css")
	cfg := start(t).srv.cfg
	cfg.Console = files
	_, err := New(cfg)
	require.ErrorContains(t, err, "app.css")
}
