package control

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
)

// What is planned is what then happens: the loop's own decision about the same pods is the same, and planning twice changes nothing.
func TestAPlanIsWhatThenHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := cluster.New()
		events := []core.Event{}
		nodes := rapid.IntRange(1, 6).Draw(t, "nodes")
		for n := range nodes {
			events = append(events, namedNode(byte(n+1), "n", int64(rapid.IntRange(50, 300).Draw(t, "cpu"))))
		}
		for n := range rapid.IntRange(0, 6).Draw(t, "running") {
			pod := aPod(byte(n+1), int64(rapid.IntRange(10, 60).Draw(t, "request"))).(core.PodUpserted)
			pod.Pod.Status, pod.Pod.NodeID = core.PodRunning, uuid.UUID{13: 1, 15: byte(rapid.IntRange(1, nodes).Draw(t, "home"))}
			pod.Pod.Priority = int32(rapid.IntRange(0, 2).Draw(t, "priority"))
			events = append(events, pod)
		}
		for n := range rapid.IntRange(0, 3).Draw(t, "waiting") {
			events = append(events, aPod(byte(n+50), int64(rapid.IntRange(10, 400).Draw(t, "request"))))
		}
		state.Apply(snapshot(events...))
		var create []*core.Pod
		for n := range rapid.IntRange(1, 6).Draw(t, "new") {
			pod := aPod(byte(n+100), int64(rapid.IntRange(10, 200).Draw(t, "request"))).(core.PodUpserted).Pod
			pod.Priority = int32(rapid.IntRange(0, 2).Draw(t, "priority"))
			create = append(create, pod)
		}
		counsel := NewCounsel(state, 7)
		out := counsel.Plan(Proposal{Create: create}, time.Unix(0, 0))
		again := counsel.Plan(Proposal{Create: create}, time.Unix(0, 0))
		require.Equal(t, inOrder(out.Placements), inOrder(again.Placements), "planning changes nothing")

		changes := core.Changes{}
		for _, pod := range create {
			changes.Events = append(changes.Events, core.PodUpserted{Pod: pod})
		}
		state.Apply(changes)
		b := newBrain(state, 7)
		defer b.close()
		plan, _ := b.decide(time.Unix(1000, 0), 0)
		placed, evicted := plan.Placements, len(plan.Evictions)
		for plan.Deferred > 0 && len(plan.Placements) > 0 {
			plan, _ = b.decide(time.Unix(1000, 0), 0)
			placed, evicted = append(placed, plan.Placements...), evicted+len(plan.Evictions)
		}
		require.Equal(t, inOrder(placed), inOrder(out.Placements))
		require.Len(t, out.Evictions, evicted)
	})
}

func inOrder(placements []core.Placement) []core.Placement {
	sorted := slices.Clone(placements)
	slices.SortFunc(sorted, func(a, b core.Placement) int { return cmp.Compare(a.PodID.String(), b.PodID.String()) })
	return sorted
}

func TestPlanOfADrain(t *testing.T) {
	t.Parallel()
	state := cluster.New()
	home := uuid.UUID{13: 1, 15: 1}
	daemons := uuid.UUID{12: 1}
	small, large, daemon := aPod(1, 50).(core.PodUpserted), aPod(2, 90).(core.PodUpserted), aPod(3, 10).(core.PodUpserted)
	for _, p := range []core.PodUpserted{small, large, daemon} {
		p.Pod.Status, p.Pod.NodeID = core.PodRunning, home
	}
	daemon.Pod.DeploymentID = daemons
	state.Apply(snapshot(namedNode(1, "one", 200), namedNode(2, "two", 100), small, large, daemon,
		core.DeploymentUpserted{Deployment: &core.Deployment{ID: daemons, Mode: core.ModeDaemonSet, PackID: packID}}))
	counsel := NewCounsel(state, 0)
	out := counsel.Plan(Proposal{Drain: []uuid.UUID{home}}, time.Unix(0, 0))
	require.Len(t, out.Leaving, 2, "the daemonset's stays")
	require.Equal(t, []core.Placement{{PodID: podID(1), NodeID: uuid.UUID{13: 1, 15: 2}}}, out.Placements)
	require.Len(t, out.Unschedulable, 1)
	require.Equal(t, podID(2), out.Unschedulable[0].PodID)

	in, err := counsel.Explain(podID(2))
	require.NoError(t, err)
	require.Equal(t, "one", in.Node, "nothing was drained")
}

func TestPlanOfFewerReplicas(t *testing.T) {
	t.Parallel()
	state := cluster.New()
	home, id := uuid.UUID{13: 1, 15: 1}, uuid.UUID{12: 1}
	events := []core.Event{namedNode(1, "one", 100), core.DeploymentUpserted{Deployment: &core.Deployment{ID: id, Mode: core.ModeReplicas, Replicas: 2, PackID: packID, Generation: 1}}, aPod(9, 40)}
	for n := range byte(2) {
		pod := aPod(n+1, 50).(core.PodUpserted)
		pod.Pod.Status, pod.Pod.NodeID, pod.Pod.DeploymentID, pod.Pod.Generation = core.PodRunning, home, id, 1
		events = append(events, pod)
	}
	state.Apply(snapshot(events...))
	counsel := NewCounsel(state, 0)
	require.Empty(t, counsel.Plan(Proposal{}, time.Unix(5000, 0)).Placements, "it is full")
	out := counsel.Plan(Proposal{Scale: map[uuid.UUID]int32{id: 1}}, time.Unix(5000, 0))
	require.Len(t, out.Leaving, 1)
	require.Equal(t, ReasonScaledDown, out.Leaving[0].Reason)
	require.Len(t, out.Placements, 1, "who waits gets the room")
	require.True(t, out.Waiting[out.Placements[0].PodID])
}
