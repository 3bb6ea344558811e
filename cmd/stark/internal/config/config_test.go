package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/config"
)

func store(t *testing.T) config.Store {
	t.Helper()
	return config.Store{Path: filepath.Join(t.TempDir(), "stark", "config.json")}
}

func TestMissingFileIsNotLoggedIn(t *testing.T) {
	t.Parallel()
	f, err := store(t).Load()
	require.NoError(t, err)
	_, err = f.Current()
	require.ErrorIs(t, err, config.ErrNoContext)
}

func TestBrokenFileNamesItself(t *testing.T) {
	t.Parallel()
	s := store(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(s.Path), 0o700))
	require.NoError(t, os.WriteFile(s.Path, []byte("{"), 0o600))
	_, err := s.Load()
	require.ErrorContains(t, err, s.Path)
	require.Error(t, s.Update(func(*config.File) error { return nil }), "a file that cannot be read must not be overwritten")
}

func TestSavedFileIsPrivateAndComesBack(t *testing.T) {
	t.Parallel()
	s := store(t)
	want := config.Context{
		Server: "http://127.0.0.1:7827", SupabaseURL: "http://127.0.0.1:54321", AnonKey: "anon", Email: "dev@stark.local",
		AccessToken: "access", RefreshToken: "refresh", ExpiresAt: time.Date(2026, 11, 24, 8, 34, 0, 0, time.UTC),
	}
	require.NoError(t, s.Update(func(f *config.File) error {
		f.Set(config.DefaultContext, want)
		f.CurrentContext = config.DefaultContext
		return nil
	}))

	info, err := os.Stat(s.Path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	dir, err := os.Stat(filepath.Dir(s.Path))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), dir.Mode().Perm())

	f, err := s.Load()
	require.NoError(t, err)
	got, err := f.Current()
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, config.DefaultContext, f.CurrentContext)
}

func TestLooseModeIsTightenedOnSave(t *testing.T) {
	t.Parallel()
	s := store(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(s.Path), 0o700))
	require.NoError(t, os.WriteFile(s.Path, []byte("{}"), 0o644))
	require.NoError(t, s.Save(&config.File{}))
	info, err := os.Stat(s.Path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestFailedChangeSavesNothingAndLeavesNoRubbish(t *testing.T) {
	t.Parallel()
	s := store(t)
	require.NoError(t, s.Save(&config.File{CurrentContext: "before"}))
	boom := errors.New("boom")
	require.ErrorIs(t, s.Update(func(f *config.File) error { f.CurrentContext = "after"; return boom }), boom)

	f, err := s.Load()
	require.NoError(t, err)
	require.Equal(t, "before", f.CurrentContext)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(s.Path), ".config-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFailedReplaceLeavesNoRubbish(t *testing.T) {
	t.Parallel()
	s := store(t)
	require.NoError(t, os.MkdirAll(filepath.Join(s.Path, "in-the-way"), 0o700))
	require.Error(t, s.Save(&config.File{}))
	left, err := filepath.Glob(filepath.Join(filepath.Dir(s.Path), ".config-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestUpdatesDoNotLoseEachOther(t *testing.T) {
	t.Parallel()
	s := store(t)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.Update(func(f *config.File) error {
				if f.Contexts == nil {
					f.Contexts = map[string]config.Context{}
				}
				f.Contexts[fmt.Sprint(i)] = config.Context{}
				return nil
			})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	f, err := s.Load()
	require.NoError(t, err)
	require.Len(t, f.Contexts, len(errs))
}

func TestRemoveForgetsTheLogin(t *testing.T) {
	t.Parallel()
	f := &config.File{}
	f.Set(config.DefaultContext, config.Context{AccessToken: "secret"})
	f.CurrentContext = config.DefaultContext
	f.Remove(config.DefaultContext)
	_, err := f.Current()
	require.ErrorIs(t, err, config.ErrNoContext)
	require.Empty(t, f.Contexts)
}

func TestContextsAreNamed(t *testing.T) {
	t.Parallel()
	f := &config.File{}
	require.Equal(t, "default", f.NameFor("http://a:1"))
	f.Set("default", config.Context{Server: "http://a:1"})
	f.CurrentContext = "default"
	require.Equal(t, "default", f.NameFor("http://a:1"), "a server keeps its name")
	require.Equal(t, "b:2", f.NameFor("http://b:2"))
	f.Set("b:2", config.Context{Server: "https://b:2"})
	require.Equal(t, "b:2-2", f.NameFor("http://b:2"), "http and https are two servers")
	f.Set("a", config.Context{Server: "http://a:1"})
	require.Equal(t, "default", f.At("http://a:1"), "the one in use comes first")
	f.CurrentContext = "b:2"
	require.Equal(t, "a", f.At("http://a:1"))
	require.Empty(t, f.At("http://c"))
	require.Equal(t, []string{"a", "b:2", "default"}, f.Names())
	f.Remove("a")
	require.Equal(t, "b:2", f.CurrentContext, "only the one in use stops being it")
}

func TestDefaultPath(t *testing.T) {
	t.Parallel()
	path, err := config.DefaultPath("/elsewhere/c.json")
	require.NoError(t, err)
	require.Equal(t, "/elsewhere/c.json", path)
}
