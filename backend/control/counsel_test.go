package control

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

func namedNode(n byte, name string, cpu int64) core.NodeUpserted {
	node := aNode(n, cpu).(core.NodeUpserted)
	node.Node.Name = name
	return node
}

func TestCounselExplains(t *testing.T) {
	t.Parallel()
	state := cluster.New()
	cordoned := namedNode(3, "cordoned", 1000)
	cordoned.Node.Unschedulable = true
	state.Apply(snapshot(namedNode(1, "small", 100), namedNode(2, "big", 1000), cordoned, aPod(1, 500), aPod(2, 5000)))
	counsel := NewCounsel(state, 0)

	in, err := counsel.Explain(podID(1))
	require.NoError(t, err)
	require.Equal(t, "big", in.Node)
	require.Nil(t, in.Why)
	takers, filters := in.Refusers()
	require.Equal(t, 1, takers)
	require.Equal(t, map[sched.Filter]int{sched.FilterCPU: 1, sched.FilterCordon: 1}, filters)
	require.Equal(t, "big", in.Verdicts[0].Node)
	require.NotEmpty(t, in.Verdicts[0].Scores)

	in, err = counsel.Explain(podID(2))
	require.NoError(t, err)
	require.Empty(t, in.Node)
	require.Equal(t, map[sched.Filter]int{sched.FilterCPU: 2, sched.FilterCordon: 1}, in.Why.Filters)

	// Nothing was decided by asking, and what has changed since the last question counts.
	state.Apply(core.Changes{Events: []core.Event{namedNode(4, "huge", 9000)}})
	in, err = counsel.Explain(podID(2))
	require.NoError(t, err)
	require.Equal(t, "huge", in.Node)

	// A pod that has its place is seen as of now, without itself.
	placed := *state.Pod(podID(1))
	placed.Status, placed.NodeID, placed.Revision = core.PodRunning, uuid.UUID{13: 1, 15: 2}, 2
	state.Apply(core.Changes{Events: []core.Event{core.PodUpserted{Pod: &placed}}})
	in, err = counsel.Explain(podID(1))
	require.NoError(t, err)
	takers, _ = in.Refusers()
	require.Equal(t, 2, takers, "big has room for it when it does not count itself, and huge has")

	_, err = counsel.Explain(podID(99))
	require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
	ended := placed
	ended.Status, ended.Revision = core.PodStopped, 3
	state.Apply(core.Changes{Events: []core.Event{core.PodUpserted{Pod: &ended}}})
	_, err = counsel.Explain(podID(1))
	require.Equal(t, core.CodeConflict, core.CodeOf(err))
}

// Who would have to go is told, and nobody is made to go.
func TestCounselSaysWhoWouldBePreempted(t *testing.T) {
	t.Parallel()
	state := cluster.New()
	low, high := aPod(1, 80).(core.PodUpserted), aPod(2, 80).(core.PodUpserted)
	low.Pod.Status, low.Pod.NodeID = core.PodRunning, uuid.UUID{13: 1, 15: 1}
	high.Pod.Priority = 10
	state.Apply(snapshot(namedNode(1, "only", 100), low, high))
	counsel := NewCounsel(state, 0)
	for range 2 {
		in, err := counsel.Explain(podID(2))
		require.NoError(t, err)
		require.Len(t, in.Evictions, 1)
		require.Equal(t, podID(1), in.Evictions[0].PodID)
		require.True(t, in.Why.Has(sched.FilterWaiting), in.Why.Text)
	}
}

// A group is explained as a group.
func TestCounselExplainsAGroup(t *testing.T) {
	t.Parallel()
	state := cluster.New()
	first, second := aPod(1, 10).(core.PodUpserted), aPod(2, 10).(core.PodUpserted)
	first.Pod.Group, first.Pod.GroupSize = "both", 2
	second.Pod.Group, second.Pod.GroupSize = "both", 2
	state.Apply(snapshot(namedNode(1, "only", 100), first))
	counsel := NewCounsel(state, 0)
	in, err := counsel.Explain(podID(1))
	require.NoError(t, err)
	require.True(t, in.Why.Has(sched.FilterGang))
	state.Apply(core.Changes{Events: []core.Event{second}})
	in, err = counsel.Explain(podID(1))
	require.NoError(t, err)
	require.Nil(t, in.Why)
	require.Equal(t, "only", in.Node)
}

func TestCounselIsAskedByMany(t *testing.T) {
	t.Parallel()
	state := cluster.New()
	state.Apply(snapshot(namedNode(1, "only", 100), aPod(1, 10)))
	counsel := NewCounsel(state, 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range byte(20) {
				state.Apply(core.Changes{Events: []core.Event{aPod(n+2, 10)}})
				_, err := counsel.Explain(podID(1))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
