package control

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
)

// What was refused is tried again when something changes that can matter, not only when its pause is over; and never twice within a second.
func TestWhatMakesRoomWakesWhatWasRefused(t *testing.T) {
	t.Parallel()
	pod := func(status core.PodStatus) *core.Pod { return &core.Pod{Status: status} }
	ended := []cluster.PodChange{{Old: pod(core.PodRunning), New: pod(core.PodStopped)}}
	for what, c := range map[string]struct {
		delta cluster.Delta
		want  bool
	}{
		"a pod ended":          {cluster.Delta{Pods: ended}, true},
		"a pod is gone":        {cluster.Delta{Pods: []cluster.PodChange{{Old: pod(core.PodRunning)}}}, true},
		"a pod runs":           {cluster.Delta{Pods: []cluster.PodChange{{Old: pod(core.PodStarting), New: pod(core.PodRunning)}}}, false},
		"an ended pod is gone": {cluster.Delta{Pods: []cluster.PodChange{{Old: pod(core.PodFailed)}}}, false},
		"a namespace changed":  {cluster.Delta{Namespaces: true}, true},
		"nothing":              {cluster.Delta{}, false},
	} {
		var t1 touched
		require.Equal(t, c.want, t1.add(c.delta, true), what)
		require.Equal(t, c.want, t1.take().room, what)
		require.False(t, t1.add(c.delta, false), "nobody waits for room: %s", what)
	}

	id, at := uuid.New(), time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	r := &rollouts{look: map[uuid.UUID]struct{}{}, refused: map[uuid.UUID]refusal{id: {tried: at, retry: at.Add(time.Minute)}}}
	r.mark(deploymentNews{room: true})
	require.Contains(t, r.look, id)
	require.Equal(t, at.Add(firstRefusal), r.refused[id].retry)
}
