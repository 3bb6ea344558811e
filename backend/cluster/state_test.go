package cluster

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func id(n byte) uuid.UUID { return uuid.UUID{15: n} }

var (
	podA, podB   = id(1), id(2)
	nodeN, nodeM = id(101), id(102)
	packP        = id(201)
)

func pod(n uuid.UUID, change func(*core.Pod)) *core.Pod {
	p := &core.Pod{ID: n, PackID: packP, CPUMillis: 100, MemoryBytes: 10, Desired: core.DesiredRunning, Status: core.PodPending, Revision: 1}
	if change != nil {
		change(p)
	}
	return p
}

func on(node uuid.UUID) func(*core.Pod) {
	return func(p *core.Pod) { p.Status, p.NodeID, p.Incarnation, p.Revision = core.PodScheduled, node, 1, 2 }
}

func up(p *core.Pod) core.Event { return core.PodUpserted{Pod: p} }

func node(n uuid.UUID) core.Event {
	return core.NodeUpserted{Node: &core.Node{ID: n, Status: core.NodeHealthy, CPUMillis: 1000}}
}

func events(list ...core.Event) core.Changes { return core.Changes{Events: list} }

func snapshotOf(list ...core.Event) core.Changes { return core.Changes{Snapshot: true, Events: list} }

func used(s *State, node uuid.UUID) Usage {
	for _, n := range s.Snapshot().Nodes {
		if n.Node.ID == node {
			return n.Used
		}
	}
	return Usage{}
}

func pendingOf(s *State) []uuid.UUID {
	ids := []uuid.UUID{}
	for _, p := range s.Snapshot().Pending {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestAPodTakesAndGivesBackRoom(t *testing.T) {
	t.Parallel()
	s := New()
	require.False(t, s.Synced())
	d := s.Apply(snapshotOf(node(nodeN), core.PackUpserted{Pack: &core.Pack{ID: packP}}))
	require.True(t, d.Snapshot && d.Reschedule && s.Synced())

	d = s.Apply(events(up(pod(podA, nil))))
	require.True(t, d.Reschedule, "a new pending pod")
	require.Equal(t, []uuid.UUID{podA}, pendingOf(s))
	require.Contains(t, s.Snapshot().Packs, packP)

	d = s.Apply(events(up(pod(podA, on(nodeN)))))
	require.False(t, d.Reschedule)
	require.Equal(t, Usage{CPUMillis: 100, MemoryBytes: 10, Pods: 1}, used(s, nodeN))
	require.Empty(t, pendingOf(s))
	require.Equal(t, podA, s.PodsOn(nodeN)[0].ID)

	d = s.Apply(events(up(pod(podA, func(p *core.Pod) { on(nodeN)(p); p.Status, p.Revision = core.PodStopped, 3 }))))
	require.True(t, d.Reschedule, "room")
	require.Equal(t, Usage{}, used(s, nodeN))
	require.Empty(t, s.PodsOn(nodeN))

	d = s.Apply(events(core.PodDeleted{ID: podA}))
	require.False(t, d.Reschedule, "it took no room any more")
	require.Nil(t, d.Pods[0].New)
	require.Nil(t, s.Pod(podA))
	require.Empty(t, s.Apply(events(core.PodDeleted{ID: podA})).Pods, "gone already")
}

func TestDeletingAPodGivesBackItsRoom(t *testing.T) {
	t.Parallel()
	for name, assumed := range map[string]bool{"at home": false, "assumed": true} {
		s := New()
		s.Apply(snapshotOf(node(nodeN), up(pod(podA, nil))))
		if assumed {
			s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
		} else {
			s.Apply(events(up(pod(podA, on(nodeN)))))
		}
		require.EqualValues(t, 1, used(s, nodeN).Pods, name)
		require.True(t, s.Apply(events(core.PodDeleted{ID: podA})).Reschedule, name)
		require.Equal(t, Usage{}, used(s, nodeN), name)
		s.Forget([]uuid.UUID{podA}) // the decision failed, too late to matter
		require.Equal(t, Usage{}, used(s, nodeN), name)
		require.Empty(t, pendingOf(s), name)
	}
}

func TestAssumedRoomIsTaken(t *testing.T) {
	t.Parallel()
	s := New()
	s.Apply(snapshotOf(node(nodeN), node(nodeM), up(pod(podA, nil)), up(pod(podB, nil))))
	placements := []core.Placement{{PodID: podA, NodeID: nodeN}, {PodID: id(9), NodeID: nodeN}}
	require.Equal(t, placements[:1], s.Assume(placements), "unknown pods are left out")
	require.Empty(t, s.Assume(placements), "and those that are assumed already")
	require.EqualValues(t, 1, used(s, nodeN).Pods)
	require.Equal(t, []uuid.UUID{podB}, pendingOf(s))
	require.Empty(t, s.PodsOn(nodeN), "not confirmed")

	// An update from before the decision changes nothing about it.
	d := s.Apply(events(up(pod(podA, func(p *core.Pod) { p.Labels, p.Revision = map[string]string{"a": "b"}, 2 }))))
	require.False(t, d.Reschedule)
	require.EqualValues(t, 1, used(s, nodeN).Pods)

	s.Forget([]uuid.UUID{podA, podB})
	require.Equal(t, Usage{}, used(s, nodeN))
	require.ElementsMatch(t, []uuid.UUID{podA, podB}, pendingOf(s))

	// The database may have decided otherwise in the meantime: the echo counts.
	s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
	s.Apply(events(up(pod(podA, on(nodeM)))))
	require.Equal(t, Usage{}, used(s, nodeN))
	require.EqualValues(t, 1, used(s, nodeM).Pods)
	s.Forget([]uuid.UUID{podA})
	require.EqualValues(t, 1, used(s, nodeM).Pods, "confirmed decisions stay")
}

func TestAPodThatLostItsHomeWaitsAgain(t *testing.T) {
	t.Parallel()
	s := New()
	s.Apply(snapshotOf(node(nodeN), up(pod(podA, nil))))
	s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
	evicted := pod(podA, func(p *core.Pod) { p.Incarnation, p.Restarts, p.Revision = 1, 1, 3 })
	d := s.Apply(events(up(pod(podA, on(nodeN))), up(evicted)))
	require.True(t, d.Reschedule)
	require.Equal(t, []uuid.UUID{podA}, pendingOf(s))
	require.Equal(t, Usage{}, used(s, nodeN))
}

// A listing can fall between a decision and its commit. Its room must not be given away a second time.
func TestASnapshotKeepsWhatItDoesNotConfirm(t *testing.T) {
	t.Parallel()
	s := New()
	before := []core.Event{node(nodeN), up(pod(podA, nil))}
	s.Apply(snapshotOf(before...))
	s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
	s.Apply(snapshotOf(before...)) // taken before the commit
	require.EqualValues(t, 1, used(s, nodeN).Pods)
	require.Empty(t, pendingOf(s))
	s.Apply(events(up(pod(podA, on(nodeN)))))
	require.EqualValues(t, 1, used(s, nodeN).Pods)

	s.Apply(snapshotOf(before...))
	s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
	s.Apply(snapshotOf(node(nodeN), up(pod(podA, on(nodeM))))) // taken after it
	require.Equal(t, Usage{}, used(s, nodeN))

	// Or after it was committed and undone again; nothing else would ever end the assumption.
	s.Apply(snapshotOf(before...))
	s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
	s.Apply(snapshotOf(node(nodeN), up(pod(podA, func(p *core.Pod) { p.Incarnation, p.Revision = 1, 3 }))))
	require.Equal(t, []uuid.UUID{podA}, pendingOf(s))
	require.Equal(t, Usage{}, used(s, nodeN))

	// Or without the pod.
	s.Assume([]core.Placement{{PodID: podA, NodeID: nodeN}})
	s.Apply(snapshotOf(node(nodeN)))
	require.Equal(t, Usage{}, used(s, nodeN))
	s.Forget([]uuid.UUID{podA})
	require.Empty(t, pendingOf(s))
}

func TestASnapshotIsADifference(t *testing.T) {
	t.Parallel()
	s := New()
	s.Apply(snapshotOf(node(nodeN), node(nodeM), up(pod(podA, nil)), up(pod(podB, nil)), up(pod(id(3), nil))))
	d := s.Apply(snapshotOf(node(nodeN), up(pod(podA, nil)), up(pod(podB, on(nodeN))), up(pod(id(4), nil))))
	require.True(t, d.Snapshot)
	changes := map[uuid.UUID][2]bool{}
	for _, c := range d.Pods {
		switch {
		case c.New == nil:
			changes[c.Old.ID] = [2]bool{true, false}
		case c.Old == nil:
			changes[c.New.ID] = [2]bool{false, true}
		default:
			changes[c.New.ID] = [2]bool{true, true}
		}
	}
	require.Equal(t, map[uuid.UUID][2]bool{podB: {true, true}, id(3): {true, false}, id(4): {false, true}}, changes)
	nodes := map[uuid.UUID]bool{}
	for _, c := range d.Nodes {
		if c.New != nil {
			nodes[c.New.ID] = true
		} else {
			nodes[c.Old.ID] = false
		}
	}
	require.Equal(t, map[uuid.UUID]bool{nodeN: true, nodeM: false}, nodes)
}

func TestLargeValuesStayWhenTheyAreLeftOut(t *testing.T) {
	t.Parallel()
	s := New()
	full := pod(podA, func(p *core.Pod) {
		p.Env, p.Labels, p.NodeSelector = map[string]string{"A": "1"}, map[string]string{"l": "1"}, map[string]string{"s": "1"}
		p.Args, p.Metadata, p.Affinity, p.Reason = []byte(`[1]`), []byte(`{"m":1}`), []byte(`{"a":1}`), "why"
		p.Tolerations = []core.Toleration{{Key: "t"}}
	})
	s.Apply(snapshotOf(
		up(full),
		core.NodeUpserted{Node: &core.Node{ID: nodeN, Labels: map[string]string{"a": "b"}, Taints: []core.Taint{{Key: "k"}}, RuntimeVersion: "v"}},
		core.PackUpserted{Pack: &core.Pack{ID: packP, BundlePath: "a/b"}},
		core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(50), Labels: map[string]string{"n": "1"}}},
		core.ConfigUpserted{Key: "big", Value: []byte("12")},
	))
	all := core.PodEnv | core.PodArgs | core.PodMetadata | core.PodNodeSelector | core.PodTolerations | core.PodAffinity | core.PodLabels | core.PodReason
	s.Apply(events(
		core.PodUpserted{Pod: pod(podA, on(nodeN)), Missing: all},
		core.NodeUpserted{Node: &core.Node{ID: nodeN, Unschedulable: true}, Missing: core.NodeLabels | core.NodeTaints | core.NodeRuntimeVersion},
		core.PackUpserted{Pack: &core.Pack{ID: packP, Public: true}, PathUnchanged: true},
		core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(50), Name: "n"}, LabelsUnchanged: true},
		core.ConfigUpserted{Key: "big", Unchanged: true},
	))
	want := *full
	on(nodeN)(&want)
	require.Equal(t, &want, s.Pod(podA))
	require.Equal(t, &core.Node{ID: nodeN, Unschedulable: true, Labels: map[string]string{"a": "b"}, Taints: []core.Taint{{Key: "k"}}, RuntimeVersion: "v"}, s.Node(nodeN))
	require.Equal(t, &core.Pack{ID: packP, Public: true, BundlePath: "a/b"}, s.Pack(packP))
	require.Equal(t, &core.Namespace{ID: id(50), Name: "n", Labels: map[string]string{"n": "1"}}, s.namespaces[id(50)])
	require.EqualValues(t, 12, s.ConfigInt("big", 0))
}

func TestNodesAndTheRest(t *testing.T) {
	t.Parallel()
	s := New()
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	d := s.Apply(core.Changes{CommitTime: at, Position: 7, Events: []core.Event{node(nodeN)}})
	require.Equal(t, at, d.CommitTime)
	require.True(t, d.Reschedule)
	require.Len(t, s.Nodes(), 1)
	require.EqualValues(t, 7, s.Position())

	// Pods can be seen on a node that is not known, and their room counts when it appears.
	s.Apply(events(up(pod(podA, on(nodeM)))))
	s.Apply(events(node(nodeM)))
	require.EqualValues(t, 1, used(s, nodeM).Pods)

	d = s.Apply(events(core.NodeDeleted{ID: nodeN}))
	require.Equal(t, nodeN, d.Nodes[0].Old.ID)
	require.True(t, d.Reschedule, "what is said of pending pods changes")
	require.False(t, s.Apply(events(core.NodeDeleted{ID: nodeN})).Reschedule)

	s.Apply(events(core.PackUpserted{Pack: &core.Pack{ID: packP}}, core.PackDeleted{ID: packP},
		core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(50)}}, core.NamespaceDeleted{ID: id(50)},
		core.PriorityClassUpserted{}, core.PriorityClassDeleted{},
		core.ConfigUpserted{Key: "n", Value: []byte("5")}, core.ConfigUpserted{Key: "text", Value: []byte(`"5"`)}))
	require.Nil(t, s.Pack(packP))
	require.EqualValues(t, 5, s.ConfigInt("n", 1))
	require.EqualValues(t, 1, s.ConfigInt("text", 1))
	s.Apply(events(core.ConfigDeleted{Key: "n"}))
	require.EqualValues(t, 1, s.ConfigInt("n", 1))

	// A pod that is to stop needs no place.
	s.Apply(events(up(pod(podB, func(p *core.Pod) { p.Desired = core.DesiredStopped }))))
	require.Empty(t, pendingOf(s))
	nodes, pods, _ := s.Counts()
	require.Equal(t, []int{1, 2}, []int{nodes, pods})
}

func TestPosition(t *testing.T) {
	t.Parallel()
	s := New()
	s.Apply(core.Changes{Position: 10})
	s.Apply(core.Changes{Position: 5, Events: []core.Event{node(nodeN)}})
	require.EqualValues(t, 10, s.Position(), "it never goes back")
	s.Apply(core.Changes{Snapshot: true, Position: 3})
	require.EqualValues(t, 3, s.Position(), "but with a new picture, which may be of another database")
}
