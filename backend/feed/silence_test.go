package feed

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/fixture"
)

// A connection can die without a word. The feed asks for a sign of life, and without one it connects anew.
func TestNoticesADatabaseThatWentSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hole := fixture.NewHole(t, w.db.URL)
	w.start(t, func(cfg *Config) { cfg.URL, cfg.StatusInterval = hole.URL, 100*time.Millisecond })
	w.synced(t)
	// It beats, and so does the database, although nothing is written.
	heard := w.feed.Status().HeardAt
	eventually(t, "signs of life", func() bool { return w.feed.Status().HeardAt.After(heard.Add(300 * time.Millisecond)) })
	require.Equal(t, 1, w.listings())

	hole.Swallow(true)
	eventually(t, "noticed", func() bool {
		err := w.feed.Status().Err
		return err != nil && strings.Contains(err.Error(), "the database has been silent")
	})
	require.False(t, w.feed.Status().Synced)
	fixture.Exec(t, w.pool, "insert into public.namespaces (name) values ('meanwhile')")
	hole.Swallow(false)
	w.synced(t)
	require.Equal(t, 2, w.listings())
	w.caughtUp(t)
}
