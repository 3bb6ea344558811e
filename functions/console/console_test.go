package console_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/functions/console"
)

// What the binary carries is what the sources say.
func TestDistIsBuiltFromTheSources(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	build := exec.CommandContext(t.Context(), "node", filepath.Join("node_modules", "vite", "bin", "vite.js"), "build", "--outDir", out, "--emptyOutDir", "--logLevel", "error")
	said, err := build.CombinedOutput()
	require.NoError(t, err, "is it installed? `sh tests/setup.sh --tests`: %s", said)
	built, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Len(t, built, 3)
	for _, name := range []string{"index.html", "app.js", "app.css"} {
		carried, err := fs.ReadFile(console.Page, name)
		require.NoError(t, err)
		made, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		assert.True(t, string(carried) == string(made), "dist/%s is not what the sources make: run `go generate ./functions/console` and commit it", name)
	}
}

// The licences of what is inside go where it goes.
func TestScriptCarriesTheLicences(t *testing.T) {
	t.Parallel()
	script, err := fs.ReadFile(console.Page, "app.js")
	require.NoError(t, err)
	for _, holder := range []string{"Yuxi (Evan) You", "Supabase", "Microsoft Corporation"} {
		require.Contains(t, string(script), holder)
	}
}
