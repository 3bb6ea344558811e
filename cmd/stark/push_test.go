package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestPushedVersionIsTaken(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	dir := hello(t)
	s.must("pack", "push", dir)

	require.Equal(t, exitError, s.run("pack", "push", dir))
	require.Contains(t, s.err, "error: hello@1.0.0 is registered already, with this very bundle\nhint: nothing to do")
	require.Contains(t, s.must("pack", "register", dir, "--skip-existing"), "pack/hello@1.0.0 unchanged")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.js"), []byte("export default () => 2"), 0o600))
	for _, args := range [][]string{{"pack", "push", dir}, {"pack", "push", dir, "--skip-existing"}} {
		require.Equal(t, exitError, s.run(args...))
		require.Contains(t, s.err, "another bundle")
		require.Contains(t, s.err, `hint: raise "version" in package.json or pass --version, e.g. 1.0.1`)
	}
	require.Len(t, f.packs, 1)
	require.Len(t, f.objects, 1, "nothing is uploaded for a version that is taken")
	s.must("pack", "push", dir, "--version", "1.10.0")
	s.must("pack", "push", dir, "--version", "1.9.0")
	require.Regexp(t, `(?s)1\.10\.0.*1\.9\.0.*1\.0\.0`, s.must("pack", "versions", "hello"))
}

func TestPushGoesOnAfterAnUploadThatWasNotRegistered(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	dir := hello(t)
	s.must("pack", "push", dir)
	f.packs = nil // as if the first push had ended after the upload
	s.must("pack", "push", dir)
	require.Len(t, f.packs, 1)
}

func TestPushRefusals(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	typescript := filepath.Join(t.TempDir(), "x.ts")
	empty := filepath.Join(t.TempDir(), "x.js")
	huge := filepath.Join(t.TempDir(), "x.js")
	for _, file := range []string{typescript, empty, huge} {
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
	require.NoError(t, os.Truncate(huge, maxBundle+1))
	named := []string{"--name", "x", "--version", "1.0.0"}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no folder":  {[]string{filepath.Join(t.TempDir(), "nowhere")}, []string{"nowhere"}},
		"no name":    {[]string{pack(t, `{}`, "")}, []string{"has no name", "--name"}},
		"no version": {[]string{pack(t, `{"name":"x"}`, "")}, []string{"has no version", "--version"}},
		"bad name":   {[]string{hello(t), "--name", "Hello World"}, []string{`"Hello World" is not a pack name`}},
		"built-in":   {[]string{pack(t, `{"name":"x","version":"1.0.0"}`, "import 'node:fs'")}, []string{`index.js:1 imports "node:fs"`, "--runtime node"}},
		"syntax":     {[]string{pack(t, `{"name":"x","version":"1.0.0"}`, "let = 1 1")}, []string{"index.js:1"}},
		"typescript": {append([]string{typescript}, named...), []string{"bundle it first"}},
		"empty":      {append([]string{empty}, named...), []string{"is empty"}},
		"huge":       {append([]string{huge}, named...), []string{"may have 50 MiB"}},
	} {
		require.Equal(t, exitError, s.run(append([]string{"pack", "push"}, c.args...)...), name)
		for _, want := range c.want {
			require.Contains(t, s.err, want, name)
		}
	}
	require.Empty(t, f.objects)
	require.Equal(t, exitUsage, s.run("pack", "push", hello(t), "--visibility", "secret"))
}

func TestPushNeedsALogin(t *testing.T) {
	t.Parallel()
	s := newFake(t).terminal()
	require.Equal(t, exitError, s.run("pack", "push", pack(t, "{}", "")))
	require.Contains(t, s.err, "stark login", "before anything is said about the pack")
}

func TestPushFile(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	file := filepath.Join(t.TempDir(), "x.mjs")
	require.NoError(t, os.WriteFile(file, []byte("export default 1"), 0o600))
	s.must("pack", "push", file, "--name", "node", "--version", "1.0.0", "--runtime", "node")
	require.Equal(t, core.TagNode, f.packs[0].RuntimeTag)
	require.Equal(t, "private", f.packs[0].Visibility)
	require.Equal(t, "export default 1", string(f.objects[f.packs[0].BundlePath]), "a file goes up as it is")
}

func TestPackDelete(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.packs = []wire.Pack{{Name: "hello", Version: "1.1.0"}, {Name: "hello", Version: "1.0.0"}}
	require.Equal(t, exitError, s.run("pack", "delete", "hello"))
	require.Contains(t, s.err, "name one of hello@1.1.0, hello@1.0.0")
	require.Equal(t, exitError, s.run("pack", "delete", "hello@3.0.0"))
	require.Contains(t, s.err, "has no version 3.0.0")
	require.Equal(t, exitError, s.run("pack", "delete", "bye"))
	require.Equal(t, "pack/hello@1.0.0 deleted\n", s.must("pack", "delete", "hello:1.0.0"))
}

func TestBundleCommand(t *testing.T) {
	t.Parallel()
	s := newFake(t).terminal() // needs no login
	dir := hello(t)
	out := s.must("pack", "bundle", dir)
	file := filepath.Join(dir, "dist", "hello-1.0.0.js")
	require.FileExists(t, file)
	require.Contains(t, out, file)
	require.Contains(t, out, "index.js")

	nameless := pack(t, "{}", "export default () => 1")
	require.Equal(t, exitError, s.run("pack", "bundle", nameless))
	target := filepath.Join(t.TempDir(), "deep", "x.js")
	s.must("pack", "bundle", nameless, "--out", target, "--minify")
	require.FileExists(t, target)

	s.must("pack", "bundle", pack(t, "{}", "console.log(1)"), "--out", target)
	require.Contains(t, s.err, "warning: index.js has no default export")
	require.Equal(t, exitError, s.run("pack", "bundle", dir, "--runtime", "deno", "--out", target))
	require.Contains(t, strings.ToLower(s.err), "want node, browser or universal")
}
