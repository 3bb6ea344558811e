package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
	"github.com/stark-o/stark/cmd/stark/internal/scaffold"
)

var runtimes = []core.RuntimeTag{core.TagNode, core.TagBrowser, core.TagUniversal}

func TestWhatIsWrittenCanBeBundled(t *testing.T) {
	t.Parallel()
	for _, runtime := range runtimes {
		dir := filepath.Join(t.TempDir(), "new")
		written, err := scaffold.Write(dir, scaffold.Pack{Name: "hello", Runtime: runtime})
		require.NoError(t, err, runtime)
		require.Len(t, written, 5)
		m, err := bundle.Read(dir)
		require.NoError(t, err, runtime)
		require.NoError(t, m.Check())
		require.Equal(t, runtime, m.Runtime)
		require.Equal(t, "hello", m.Name)
		got, err := bundle.Build(m, bundle.Options{})
		require.NoError(t, err, runtime)
		require.Empty(t, got.Warnings, runtime)
		require.Len(t, got.Inputs, 1, "types leave nothing behind")
	}
}

// TestTypesAreTheAgents: what an author is told of the context is what the agent gives, no more and no less.
func TestTypesAreTheAgents(t *testing.T) {
	t.Parallel()
	agent, err := filepath.Abs("../../../../functions/agent")
	require.NoError(t, err)
	for _, runtime := range runtimes {
		dir := t.TempDir()
		_, err := scaffold.Write(dir, scaffold.Pack{Name: "hello", Runtime: runtime})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "src", "same.ts"), []byte(`
import type { PackContext } from "`+filepath.ToSlash(agent)+`/core/pack/contract.js";
import type { Context } from "../stark";
type Given = PackContext<AbortSignal, typeof fetch>;
export const told = (given: Given): Context => given;
export const given = (told: Context): Given => told;
export const nothingElse: [Exclude<keyof Given, keyof Context>, Exclude<keyof Context, keyof Given>] extends [never, never] ? true : false = true;
`), 0o600))
		tsc := exec.CommandContext(t.Context(), "node", filepath.Join(agent, "node_modules/typescript/bin/tsc"), "--typeRoots", filepath.Join(agent, "node_modules/@types"))
		tsc.Dir = dir
		out, err := tsc.CombinedOutput()
		require.NoError(t, err, "%s: %s", runtime, out)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "tsconfig.json")
	require.NoError(t, os.WriteFile(mine, []byte("mine"), 0o600))
	_, err := scaffold.Write(dir, scaffold.Pack{Name: "hello", Runtime: core.TagNode})
	var exists *scaffold.ExistsError
	require.ErrorAs(t, err, &exists)
	require.Equal(t, []string{"tsconfig.json"}, exists.Files)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "all or nothing")
}
