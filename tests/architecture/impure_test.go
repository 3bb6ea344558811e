package architecture

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The detector itself: a test that can only pass proves nothing.
func TestImpureCodeIsFound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.go")
	require.NoError(t, os.WriteFile(path, []byte(`package x
import (
	clock "time"
	"math/rand/v2"
)
var a = clock.Now
func f() { _ = clock.Since(clock.Time{}); _ = rand.IntN(3); _ = rand.New(rand.NewPCG(1, 2)).IntN(3); _ = clock.Second }
`), 0o600))
	assert.Equal(t, []string{"clock.Now", "clock.Since", "rand.IntN"}, impure(t, path))
}

func TestRooms(t *testing.T) {
	t.Parallel()
	for path, room := range map[string]string{
		"backend/store": "store", "backend/store/internal/db": "store", "backend": "", "cmd/stark": "", "supabase/local": "",
	} {
		assert.Equal(t, room, pack{ImportPath: module + path}.room(), path)
	}
	assert.Empty(t, pack{ImportPath: "github.com/other/backend/core"}.room())
}
