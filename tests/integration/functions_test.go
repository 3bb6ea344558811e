package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The edge functions by themselves: their types, Deno's lint, and their own tests, which put a project in memory around them. tests/e2e runs them beside the
// embedded stack.
func TestEdgeFunctions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "js")
	deno, err := filepath.Abs(filepath.Join(dir, "node_modules", ".bin", "deno"))
	require.NoError(t, err)
	require.FileExists(t, deno, "install it: sh tests/setup.sh --tests")
	var folders []string
	for _, name := range []string{"_shared", "deploy-hook", "invoke", "notify", "tests"} {
		folders = append(folders, filepath.Join("..", "..", "functions", name))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// What Deno keeps is kept apart, and nothing is fetched.
	env := append(os.Environ(), "DENO_DIR="+t.TempDir(), "DENO_NO_UPDATE_CHECK=1", "NO_COLOR=1")
	for _, args := range [][]string{{"check", "--no-remote"}, {"lint"}, {"fmt", "--check"}, {"test", "--no-check", "--no-remote"}} {
		cmd := exec.CommandContext(ctx, deno, append(append(args, "--config", "deno.json"), folders...)...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "deno %s:\n%s", args[0], out)
	}
}
