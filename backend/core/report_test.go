package core

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
)

func TestReconcile(t *testing.T) {
	t.Parallel()
	pod := func(id byte, incarnation int64, status PodStatus) *Pod {
		return &Pod{ID: uuid.UUID{id}, Incarnation: incarnation, Status: status}
	}
	held := func(id byte, incarnation int64) HeldPod {
		return HeldPod{PodID: uuid.UUID{id}, Incarnation: incarnation, Status: PodRunning}
	}
	scheduled, running, starting, stopping := pod(1, 1, PodScheduled), pod(2, 3, PodRunning), pod(3, 1, PodStarting), pod(4, 1, PodStopping)
	for name, tc := range map[string]struct {
		home []*Pod
		held []HeldPod
		run  []*Pod
		stop []HeldPod
		lost []uuid.UUID
	}{
		"nothing":                       {},
		"all as it should be":           {home: []*Pod{running, starting, stopping}, held: []HeldPod{held(2, 3), held(3, 1), held(4, 1)}, run: []*Pod{running, starting, stopping}},
		"a new one":                     {home: []*Pod{scheduled}, run: []*Pod{scheduled}},
		"a new one that it has already": {home: []*Pod{scheduled}, held: []HeldPod{held(1, 1)}, run: []*Pod{scheduled}},
		"lost ones":                     {home: []*Pod{running, starting, stopping}, lost: []uuid.UUID{running.ID, starting.ID, stopping.ID}},
		"not its own":                   {held: []HeldPod{held(9, 1)}, stop: []HeldPod{held(9, 1)}},
		"an older incarnation":          {home: []*Pod{running}, held: []HeldPod{held(2, 2)}, stop: []HeldPod{held(2, 2)}, lost: []uuid.UUID{running.ID}},
		"placed here again":             {home: []*Pod{pod(1, 2, PodScheduled)}, held: []HeldPod{held(1, 1)}, run: []*Pod{pod(1, 2, PodScheduled)}, stop: []HeldPod{held(1, 1)}},
		"two incarnations of one":       {home: []*Pod{running}, held: []HeldPod{held(2, 3), held(2, 2)}, run: []*Pod{running}, stop: []HeldPod{held(2, 2)}},
		"one said twice":                {home: []*Pod{running}, held: []HeldPod{held(2, 3), held(2, 3)}, run: []*Pod{running}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r Registered
			assert.Equal(t, tc.lost, r.Reconcile(tc.home, tc.held))
			assert.Equal(t, tc.run, r.Pods)
			assert.Equal(t, tc.stop, r.Stop)
		})
	}
}
