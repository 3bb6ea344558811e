//go:build unix

package postgres

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// install makes programs that only know their version.
func install(t *testing.T, root, version string, programs ...string) string {
	t.Helper()
	dir := filepath.Join(root, version, "bin")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range programs {
		text := "#!/bin/sh\necho '" + name + " (PostgreSQL) " + version + "'\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	return dir
}

func TestFindBinaries(t *testing.T) {
	root := t.TempDir()
	install(t, root, "97.1", "initdb", "postgres")
	newest := install(t, root, "98beta2", "initdb", "postgres")
	install(t, root, "99.0", "postgres") // no complete installation
	install(t, root, "14.9", "initdb", "postgres")
	patterns := []string{filepath.Join(root, "*", "bin")}
	t.Setenv("PATH", t.TempDir())

	got, err := findBinaries(t.Context(), patterns, 0)
	require.NoError(t, err)
	require.Equal(t, binaries{dir: newest, major: 98}, got)
	got, err = findBinaries(t.Context(), patterns, 97)
	require.NoError(t, err)
	require.Equal(t, 97, got.major, "a data directory is opened by the version that made it")
	for _, want := range []int{14, 99} { // too old; broken
		_, err = findBinaries(t.Context(), patterns, want)
		require.ErrorIs(t, err, ErrNoBinaries)
	}

	bin := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(newest, "postgres"), filepath.Join(bin, "postgres"))) // as Homebrew links them
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	got, err = findBinaries(t.Context(), nil, 98)
	require.NoError(t, err)
	require.Equal(t, newest, got.dir, "on PATH")
}
