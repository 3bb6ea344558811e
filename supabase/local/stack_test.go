package local_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local"
)

func TestSmoke(t *testing.T) {
	t0 := time.Now()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	for i := 0; i < 2; i++ {
		t0 = time.Now()
		s, err := local.Start(t.Context(), local.Config{Dir: dir, Progress: func(m string) { t.Log(time.Since(t0), m) }})
		require.NoError(t, err)
		t.Log(time.Since(t0), s.URL())
		for range 2 {
			id, err := s.EnsureUser(t.Context(), "a@example.com", "secret-1", "admin")
			require.NoError(t, err)
			t.Log(time.Since(t0), id)
		}
		require.NoError(t, s.Stop(context.Background()))
		t.Log(time.Since(t0))
	}
}
