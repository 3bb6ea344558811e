package store

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
)

// However often and however closely together a pod is rolled back, one pod takes its place.
func TestAPodIsRolledBackOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, version := range []string{"1.0.0", "2.0.0"} {
		_, err := w.CreatePack(t.Context(), w.dev, wire.PackCreate{Name: "web", Version: version, RuntimeTag: core.TagNode, BundleSHA256: fixture.SHA,
			BundlePath: w.dev.UserID.String() + "/web/" + version + "/b.js"}, 7)
		require.NoError(t, err)
	}
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{Pack: "web", Version: "2.0.0"})
	require.NoError(t, err)
	results := make([]error, 8)
	var racers sync.WaitGroup
	for i := range results {
		racers.Go(func() { _, results[i] = w.RollBackPod(t.Context(), w.dev, pod.ID, "") })
	}
	racers.Wait()
	done := 0
	for _, err := range results {
		if err == nil {
			done++
			continue
		}
		requireCode(t, core.CodeConflict, err)
	}
	require.Equal(t, 1, done)
	require.Equal(t, 1, fixture.One[int](t, w.pool, "select count(*)::int from public.pods where desired_state = 'running'"))
	_, err = w.RollBackPod(t.Context(), w.dev, pod.ID, "1.0.0")
	requireCode(t, core.CodeConflict, err)
}
