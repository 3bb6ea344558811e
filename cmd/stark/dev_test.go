package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// screen is a terminal that several goroutines write to; seen is called with all that is on it after each write.
type screen struct {
	mu   sync.Mutex // guards text
	text strings.Builder
	seen func(text string)
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if s.seen != nil {
		s.seen(s.text.String())
	}
	return len(p), nil
}

func TestPackInit(t *testing.T) {
	t.Parallel()
	s := newFake(t).terminal()
	dir := filepath.Join(t.TempDir(), "My First Pack!")
	require.Contains(t, s.must("pack", "init", dir, "--runtime", "node"), filepath.Join(dir, "src", "index.ts"))
	require.Contains(t, s.err, "next: `stark dev "+dir)
	require.Contains(t, s.must("pack", "bundle", dir), "my-first-pack-0.1.0.js")
	require.Equal(t, exitError, s.run("pack", "init", dir))
	require.Contains(t, s.err, "these files exist already: package.json")
	require.Equal(t, exitUsage, s.run("pack", "init", filepath.Join(dir, "!!!")))
}

func TestDevRunsAgainAfterEachChange(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.script = []core.PodStatus{core.PodPending, core.PodRunning, core.PodStopped}
	f.logs = lines("stdout:tick")
	s := f.loggedIn()
	dir := hello(t)
	index := filepath.Join(dir, "index.js")
	ctx, cancel := context.WithCancelCause(t.Context())
	late := time.AfterFunc(time.Minute, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	var step int
	notes := &screen{seen: func(text string) {
		write := func(source string) {
			if err := os.WriteFile(index, []byte(source), 0o600); err != nil {
				t.Error(err)
			}
		}
		switch {
		case step == 0 && strings.Contains(text, "runs hello@"):
			step++
			write("export default () => {")
		case step == 1 && strings.Contains(text, "Unexpected end of file"):
			step++
			write("export default () => console.log('again')")
		case step == 2 && strings.Count(text, "runs hello@") == 2:
			step++
			cancel(&signalError{signal: 2})
		}
	}}
	out := &screen{}
	require.Equal(t, 130, s.cli(out, notes).run(ctx, []string{"dev", dir, "--env", "A=1", "--", "Ada"}), "%s", &notes.text)
	require.Equal(t, 3, step, "%s", &notes.text)

	require.Len(t, f.packs, 2)
	newer, older := f.packs[0], f.packs[1]
	require.Regexp(t, `^1\.0\.0-dev\.\d+$`, newer.Version)
	require.Greater(t, newer.Version, older.Version)
	require.Equal(t, "private", newer.Visibility)
	require.Empty(t, f.objects, "no bundle is left behind")
	require.Len(t, f.created, 2)
	require.Equal(t, &newer.ID, f.created[1].PackID)
	require.JSONEq(t, `["Ada"]`, string(f.created[1].Args))
	require.Equal(t, map[string]string{"A": "1"}, f.created[0].Env)
	for i, p := range f.pods {
		require.Equal(t, core.DesiredStopped, p.DesiredState, "pod %d", i)
		require.Contains(t, f.calls, "DELETE /api/pods/"+p.ID.String())
		require.Contains(t, f.calls, "DELETE /api/packs/"+f.packs[i].ID.String())
	}
	require.Regexp(t, regexp.MustCompile(`(?m)^tick$`), out.text.String())
}

func TestDevVersions(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1795507200123)
	for version, want := range map[string]string{
		"1.2.3": "1.2.3-dev.1795507200123", "1.2.3-beta.1": "1.2.3-beta.1.dev.1795507200123", "1.2.3+build": "1.2.3-dev.1795507200123",
	} {
		require.Equal(t, want, devVersion(version, at))
	}
}

func TestRefusedUploadIsToldInPlainWords(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.issue()
	s := f.terminal()
	s.env["STARK_TOKEN"] = f.valid
	f.refuseObjects = true
	require.Equal(t, exitError, s.run("pack", "push", hello(t)))
	require.NotContains(t, s.err, "FORBIDDEN", "a code is for programs")
	require.Regexp(t, `(?m)^error: upload the bundle: \S`, s.err)
	require.Contains(t, s.err, "hint: `stark whoami` shows the role you have")
}
