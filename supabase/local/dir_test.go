//go:build linux

package local_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local"
	"github.com/stark-o/stark/supabase/local/postgres"
)

func TestDefaultDir(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	dir, err := local.DefaultDir(env("STARK_HOME", "/somewhere", "HOME", "/home/me"))
	require.NoError(t, err)
	require.Equal(t, "/somewhere", dir)
	if os.Geteuid() == 0 {
		dir, err = local.DefaultDir(env("HOME", "/root"))
		require.NoError(t, err)
		require.Equal(t, "/var/lib/stark", dir, "Postgres's user may not enter root's home")
		return
	}
	dir, err = local.DefaultDir(env("HOME", "/home/me", "XDG_STATE_HOME", "/state"))
	require.NoError(t, err)
	require.Equal(t, "/state/stark", dir)
	dir, err = local.DefaultDir(env("HOME", "/home/me", "XDG_STATE_HOME", "relative"))
	require.NoError(t, err)
	require.Equal(t, "/home/me/.local/state/stark", dir)
	_, err = local.DefaultDir(env())
	require.ErrorIs(t, err, postgres.ErrDir)
}
