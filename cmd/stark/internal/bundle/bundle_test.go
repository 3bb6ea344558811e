package bundle_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
)

// folder writes files and reads the manifest of what came about.
func folder(t *testing.T, files map[string]string) bundle.Manifest {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	m, err := bundle.Read(dir)
	require.NoError(t, err)
	return m
}

// run executes a bundle in Node.js and returns what it prints.
func run(t *testing.T, code []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pack.mjs")
	require.NoError(t, os.WriteFile(file, code, 0o600))
	out, err := exec.CommandContext(t.Context(), "node", file).CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func TestBuiltinIsRefusedOutsideNode(t *testing.T) {
	t.Parallel()
	for _, runtime := range []core.RuntimeTag{core.TagUniversal, core.TagBrowser} {
		m := folder(t, map[string]string{
			"package.json":   `{"name":"p","version":"1.0.0","main":"index.js","stark":{"runtime":"` + string(runtime) + `"}}`,
			"index.js":       "import './lib/disk.js';\nimport 'node:net';",
			"lib/disk.js":    "\nconst fs = require('fs/promises'); module.exports = fs;",
			"lib/unused.txt": "",
		})
		_, err := bundle.Build(m, bundle.Options{})
		var builtin *bundle.BuiltinError
		require.ErrorAs(t, err, &builtin, runtime)
		require.ElementsMatch(t, []bundle.BuiltinImport{
			{Import: "fs/promises", Importer: "lib/disk.js", Line: 2},
			{Import: "node:net", Importer: "index.js", Line: 2},
		}, builtin.Imports)
		require.ErrorContains(t, err, `lib/disk.js:2 imports "fs/promises"`)
		require.ErrorContains(t, err, string(runtime))
	}
}

func TestBuiltinAndAnotherErrorAreBothTold(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{"index.js": "import 'fs'; import './missing.js'"})
	_, err := bundle.Build(m, bundle.Options{})
	var builtin *bundle.BuiltinError
	require.ErrorAs(t, err, &builtin)
	require.ErrorContains(t, err, "missing.js")
	require.Equal(t, 1, strings.Count(err.Error(), `"fs"`))
}

func TestGuardedBuiltinIsAllowed(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{"index.js": "let c; try { c = require('crypto') } catch { c = null }; console.log('fine', c)"})
	got, err := bundle.Build(m, bundle.Options{})
	require.NoError(t, err, "isomorphic packages probe like this")
	require.Equal(t, "fine null", run(t, got.Code))
}

func TestPackageNamedLikeABuiltinIsItself(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{
		"index.js":                         "import { on } from 'events'; console.log(on)",
		"node_modules/events/package.json": `{"name":"events","main":"events.js"}`,
		"node_modules/events/events.js":    "exports.on = 'polyfill'",
	})
	got, err := bundle.Build(m, bundle.Options{})
	require.NoError(t, err)
	require.Equal(t, "polyfill", run(t, got.Code))
}

func TestSourceErrorsShowWhere(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"syntax": "let = ;", "import": "import './nowhere.js'", "image": "import './a.png'"} {
		m := folder(t, map[string]string{"index.js": source, "a.png": "PNG"})
		_, err := bundle.Build(m, bundle.Options{})
		var build *bundle.BuildError
		require.ErrorAs(t, err, &build, name)
		require.ErrorContains(t, err, "index.js", name)
	}
}

func TestMissingEntryIsNamed(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"none":  {"package.json": `{}`},
		"stale": {"package.json": `{"main":"dist/index.js"}`},
	} {
		_, err := bundle.Build(folder(t, files), bundle.Options{})
		var manifest *bundle.ManifestError
		require.ErrorAs(t, err, &manifest, name)
		require.NotEmpty(t, manifest.Hint)
	}
}

func TestModulesOfEveryKindBecomeOneESModule(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"esm": {
			"package.json": `{"type":"module","main":"main.js"}`,
			"main.js":      "import { who } from './who.js'; export default 1; console.log('hello', who)", "who.js": "export const who = 'esm'",
		},
		"cjs": {
			"package.json": `{"main":"main.cjs"}`,
			"main.cjs":     "const { who } = require('./who.cjs'); module.exports = 1; console.log('hello', who)", "who.cjs": "exports.who = 'cjs'",
		},
		"ts": {
			"index.ts": "import { who } from './who'; export default 1 as number; console.log('hello', who satisfies string)", "who.ts": "export const who: string = 'ts'",
		},
		"json": {"index.js": "import data from './who.json'; export default 1; console.log('hello', data.who)", "who.json": `{"who":"json"}`},
		"css":  {"index.js": "import sheet from './a.css'; export default 1; console.log('hello', sheet.slice(1, 4))", "a.css": ".css { color: red }"},
		"text": {"index.js": "import who from './who.txt'; export default 1; console.log('hello', who)", "who.txt": "text"},
		"jsx": {
			"index.jsx": "import { h } from './h.js'; /** @jsx h */ export default 1; console.log('hello', <jsx class='x'/>)", "h.js": "export const h = (tag) => tag",
			"package.json": `{"main":"index.jsx"}`,
		},
		"tsx": {
			"index.tsx": "import { h } from './h'; export default 1 as number; console.log('hello', <tsx/>)", "h.ts": "export const h = (tag: string): string => tag",
			"package.json": `{"main":"index.tsx"}`, "tsconfig.json": `{"compilerOptions":{"jsx":"react","jsxFactory":"h"}}`,
		},
		"package": {
			"index.js": "import who from 'dep'; export default 1; console.log('hello', who)", "node_modules/dep/package.json": `{"name":"dep","main":"lib.js"}`,
			"node_modules/dep/lib.js": "module.exports = 'package'",
		},
		"dynamic": {"index.js": "export default 1; const { who } = await import('./who.js'); console.log('hello', who)", "who.js": "export const who = 'dynamic'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := folder(t, files)
			require.Equal(t, core.TagUniversal, m.Runtime)
			got, err := bundle.Build(m, bundle.Options{})
			require.NoError(t, err)
			require.Equal(t, "hello "+name, run(t, got.Code))
			require.Contains(t, string(got.Code), "export ")
			sum := sha256.Sum256(got.Code)
			require.Equal(t, hex.EncodeToString(sum[:]), got.SHA256)
			require.Len(t, got.Inputs, 2)
			require.GreaterOrEqual(t, got.Inputs[0].Bytes, got.Inputs[1].Bytes)
		})
	}
}

func TestNodePackKeepsBuiltins(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"import":  "import { basename } from 'node:path'; console.log(basename('/a/b'))",
		"require": "const { basename } = require('path'); console.log(basename('/a/b'))",
	} {
		m := folder(t, map[string]string{"package.json": `{"main":"index.js","stark":{"runtime":"node"}}`, "index.js": source})
		got, err := bundle.Build(m, bundle.Options{})
		require.NoError(t, err, name)
		require.Equal(t, "b", run(t, got.Code), name)
		require.Equal(t, name == "require", strings.Contains(string(got.Code), "__starkCreateRequire"), name)
	}
}

func TestMissingDefaultExportIsWarnedOf(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"export const x = 1": 1, "console.log(1)": 1, "export default () => 1": 0, "module.exports = () => 1": 0, "export { f as default }; function f() {}": 0,
	} {
		got, err := bundle.Build(folder(t, map[string]string{"index.js": source}), bundle.Options{})
		require.NoError(t, err)
		require.Len(t, got.Warnings, want, source)
	}
}

func TestMinifyAndSourcemap(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{"index.js": "const aLongName = 21;\n\nconsole.log(aLongName * 2)"})
	plain, err := bundle.Build(m, bundle.Options{})
	require.NoError(t, err)
	again, err := bundle.Build(m, bundle.Options{})
	require.NoError(t, err)
	require.Equal(t, plain.SHA256, again.SHA256, "the same source gives the same bundle")
	small, err := bundle.Build(m, bundle.Options{Minify: true})
	require.NoError(t, err)
	require.Less(t, len(small.Code), len(plain.Code))
	mapped, err := bundle.Build(m, bundle.Options{Sourcemap: true})
	require.NoError(t, err)
	require.Contains(t, string(mapped.Code), "//# sourceMappingURL=data:")
	require.Equal(t, "42", run(t, mapped.Code))
}

func TestWatchBundlesAgain(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{"index.js": "import './who.js'; export default 1", "who.js": "console.log('one')"})
	change := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(m.Dir, "who.js"), []byte(text), 0o600))
	}
	done := errors.New("seen all")
	var seen []string
	err := bundle.Watch(t.Context(), m, bundle.Options{}, func(r *bundle.Result, err error) error {
		switch {
		case len(seen) == 0 && err == nil:
			seen = append(seen, run(t, r.Code))
			change("console.log('two'")
		case len(seen) == 1 && err != nil:
			var build *bundle.BuildError
			require.ErrorAs(t, err, &build)
			seen = append(seen, "broken")
			change("console.log('two')")
		case len(seen) == 2 && err == nil:
			seen = append(seen, run(t, r.Code))
			return done
		}
		return nil
	})
	require.ErrorIs(t, err, done)
	require.Equal(t, []string{"one", "broken", "two"}, seen)
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	err := bundle.Watch(ctx, folder(t, map[string]string{"index.js": "export default 1"}), bundle.Options{}, func(*bundle.Result, error) error { cancel(why); return nil })
	require.ErrorIs(t, err, why)
	var manifest *bundle.ManifestError
	require.ErrorAs(t, bundle.Watch(t.Context(), folder(t, nil), bundle.Options{}, nil), &manifest)
}

func TestSummaryIsBiggestFirst(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{"index.js": "import './big.js'; console.log(1)", "big.js": "console.log('" + strings.Repeat("x", 4096) + "')"})
	got, err := bundle.Build(m, bundle.Options{})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, got.Summary(&b, "dist/p.js"))
	require.Regexp(t, `(?s)^dist/p.js .*sha256:[0-9a-f]{12}\n  ├ big\.js .*%\n  └ index\.js .*%\n$`, b.String())
}

func TestManifest(t *testing.T) {
	t.Parallel()
	m := folder(t, map[string]string{
		"package.json": `{"name":"@acme/hello","version":"1.2.3","description":"d","main":"a.js","module":"b.js","stark":{"name":"hello","runtime":"browser"}}`,
	})
	require.Equal(t, bundle.Manifest{Dir: m.Dir, Name: "hello", Version: "1.2.3", Description: "d", Runtime: core.TagBrowser, Entry: "b.js"}, m)
	require.NoError(t, m.Check())
}

func TestManifestRefusals(t *testing.T) {
	t.Parallel()
	good := bundle.Manifest{Name: "hello", Version: "1.0.0", Runtime: core.TagNode}
	require.NoError(t, good.Check())
	for name, spoil := range map[string]func(*bundle.Manifest){
		"no name": func(m *bundle.Manifest) { m.Name = "" }, "scoped": func(m *bundle.Manifest) { m.Name = "@acme/hello" },
		"no version": func(m *bundle.Manifest) { m.Version = "" }, "v": func(m *bundle.Manifest) { m.Version = "v1.0.0" },
		"short version": func(m *bundle.Manifest) { m.Version = "1.0" }, "runtime": func(m *bundle.Manifest) { m.Runtime = "deno" },
	} {
		m := good
		spoil(&m)
		var e *bundle.ManifestError
		require.ErrorAs(t, m.Check(), &e, name)
	}
	_, err := bundle.Read(filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorContains(t, err, "nowhere")
}

func TestBuiltinList(t *testing.T) {
	t.Parallel()
	for _, yes := range []string{"fs", "fs/promises", "node:fs", "node:sqlite", "assert", "zlib", "_http_agent", "worker_threads"} {
		require.True(t, bundle.IsBuiltin(yes), yes)
	}
	for _, no := range []string{"fs-extra", "./fs", "left-pad", "@scope/fs"} {
		require.False(t, bundle.IsBuiltin(no), no)
	}
	out, err := exec.CommandContext(t.Context(), "node", "-p", "require('node:module').builtinModules.join(' ')").Output()
	require.NoError(t, err)
	for _, name := range strings.Fields(string(out)) {
		require.True(t, bundle.IsBuiltin(name), name)
	}
}
