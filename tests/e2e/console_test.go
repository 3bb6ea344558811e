package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A person walks through the console (tests/js/console-walk.mjs): from the login to a pack of theirs that runs in that same browser. Nothing
// fails on the way, and axe-core finds nothing to say about any page. CONSOLE_SCREENSHOTS names a folder that keeps the pictures.
func TestConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pictures := os.Getenv("CONSOLE_SCREENSHOTS")
	if pictures == "" {
		pictures = t.TempDir()
	}
	axe, err := filepath.Abs(filepath.Join("..", "..", "functions", "console", "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err)
	walk := exec.CommandContext(t.Context(), "node", "console-walk.mjs", w.url(), pictures, axe)
	walk.Dir = filepath.Join("..", "js")
	walk.Env = append(os.Environ(), "STARK_EMAIL="+w.admin.email, "STARK_PASSWORD="+accountPassword)
	var complaints bytes.Buffer
	walk.Stderr = &complaints
	said, err := walk.Output()
	require.NoError(t, err, "%s", complaints.String())
	var found struct{ Violations, Said, Failed []string }
	require.NoError(t, json.Unmarshal(said, &found))
	assert.Empty(t, found.Said, "errors and warnings in the browser's console")
	assert.Empty(t, found.Failed, "requests that failed")
	assert.Empty(t, found.Violations, "what axe-core found")
}
