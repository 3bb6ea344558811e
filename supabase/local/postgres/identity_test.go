//go:build unix

package postgres

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRootHandsOver(t *testing.T) {
	t.Parallel()
	id, err := chooseIdentity()
	require.NoError(t, err)
	require.NotZero(t, id.uid)
	require.Equal(t, os.Geteuid() == 0, id.switched)
	if !id.switched {
		return // nothing is handed over
	}
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	_, err = Start(t.Context(), Config{Dir: filepath.Join(closed, "state")})
	require.ErrorIs(t, err, ErrDir)
	require.ErrorContains(t, err, "chmod o+x ")
}
