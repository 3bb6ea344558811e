package agent_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/functions/agent"
)

// What the binary carries is what the sources say.
func TestScriptIsBuiltFromTheSources(t *testing.T) {
	t.Parallel()
	built, err := agent.Build(".")
	require.NoError(t, err)
	if !bytes.Equal(built, agent.Script) {
		t.Fatalf("dist/agent.mjs is not what the sources make (%d bytes, not %d): run `go generate ./functions/agent` and commit it",
			len(agent.Script), len(built))
	}
}

func TestBuildDoesNotDependOnWhereItRuns(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "another place")
	require.NoError(t, os.CopyFS(filepath.Join(elsewhere, "core"), os.DirFS("core")))
	require.NoError(t, os.CopyFS(filepath.Join(elsewhere, "node"), os.DirFS("node")))
	require.NoError(t, os.CopyFS(filepath.Join(elsewhere, "node_modules", "ws"), os.DirFS(filepath.Join("node_modules", "ws"))))
	built, err := agent.Build(elsewhere)
	require.NoError(t, err)
	require.True(t, bytes.Equal(built, agent.Script), "another directory gives other bytes")
	here, err := os.Getwd()
	require.NoError(t, err)
	require.NotContains(t, string(built), here)
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
	require.Contains(t, string(agent.Script), "THE SOFTWARE IS PROVIDED \"AS IS\"")
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
