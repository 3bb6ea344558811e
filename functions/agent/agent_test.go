package agent_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/functions/agent"
)

// What the binary carries is what the sources say.
func TestDistIsBuiltFromTheSources(t *testing.T) {
	t.Parallel()
	built, err := agent.Build(".")
	require.NoError(t, err)
	for name, carried := range carriedFiles(t) {
		assert.True(t, bytes.Equal(built[name], carried),
			"dist/%s is not what the sources make (%d bytes, not %d): run `go generate ./functions/agent` and commit it", name, len(carried), len(built[name]))
	}
	assert.Len(t, built, len(carriedFiles(t)))
}

// carriedFiles are the files in the binary.
func carriedFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"agent.mjs": agent.Script}
	for _, name := range []string{"browser.mjs", "coordinator.js", "page.js", "page.css", "index.html"} {
		content, err := fs.ReadFile(agent.Page, name)
		require.NoError(t, err)
		files[name] = content
	}
	return files
}

func TestBuildDoesNotDependOnWhereItRuns(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "another place")
	for _, dir := range []string{"core", "node", "browser", "node_modules/ws", "node_modules/@vue"} {
		require.NoError(t, os.CopyFS(filepath.Join(elsewhere, filepath.FromSlash(dir)), os.DirFS(filepath.FromSlash(dir))))
	}
	built, err := agent.Build(elsewhere)
	require.NoError(t, err)
	here, err := os.Getwd()
	require.NoError(t, err)
	for name, carried := range carriedFiles(t) {
		require.True(t, bytes.Equal(built[name], carried), "another directory gives other bytes of %s", name)
		require.NotContains(t, string(built[name]), here)
	}
}

func TestBuildSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := agent.Build(t.TempDir())
	require.ErrorContains(t, err, "npm ci")
}

// The licence of what is inside goes where it goes.
func TestScriptCarriesTheLicence(t *testing.T) {
	t.Parallel()
	require.Contains(t, string(agent.Script), "Einar Otto Stangvik")
	for _, name := range []string{"agent.mjs", "browser.mjs", "coordinator.js"} {
		require.Contains(t, string(carriedFiles(t)[name]), "Yuxi (Evan) You", name)
		require.Contains(t, string(carriedFiles(t)[name]), "THE SOFTWARE IS PROVIDED", name)
	}
}

// The one file runs by itself, away from its sources, and says what it lacks.
func TestScriptRunsAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "agent.mjs")
	require.NoError(t, os.WriteFile(file, agent.Script, 0o600))
	run := exec.CommandContext(t.Context(), "node", file)
	run.Dir = t.TempDir()
	run.Env = []string{"PATH=" + os.Getenv("PATH")}
	said, err := run.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", said)
	require.Equal(t, 2, exit.ExitCode(), "%s", said)
	require.Equal(t, "stark agent: STARK_SERVER is not set: set it to the URL of the Stark server, e.g. http://127.0.0.1:7827\n", string(said))
}
