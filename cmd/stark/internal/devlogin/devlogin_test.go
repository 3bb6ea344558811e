package devlogin

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoginsAreKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	first, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, "admin", first.Person.Role)
	require.Equal(t, "node", first.Agent.Role)
	require.NotEqual(t, first.Person.Password, first.Agent.Password)
	again, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, first, again)
	info, err := os.Stat(filepath.Join(dir, fileName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "passwords are for their owner only")

	other, err := Load(t.TempDir())
	require.NoError(t, err)
	require.NotEqual(t, first.Person.Password, other.Person.Password, "every stack has its own")
}

func TestDamagedLoginsSaySo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, text := range []string{"", "{", `{"person":{"email":"a","password":""},"agent":{"password":"x"}}`} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600))
		_, err := Load(dir)
		require.ErrorContains(t, err, "delete it")
	}
}
