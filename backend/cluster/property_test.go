package cluster

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

// machine plays a database, its stream, and a scheduler whose decisions are on their way, against a State.
type machine struct {
	state    *State
	pods     map[uuid.UUID]*core.Pod  // what the database holds
	nodes    map[uuid.UUID]*core.Node // what the database holds
	stream   []core.Event             // committed, not yet seen
	inFlight map[uuid.UUID]uuid.UUID  // assumed; neither committed nor refused yet
	unsure   []uuid.UUID              // committed as missed; Forget is still to come
	next     byte

	watch  *Watch
	mirror map[uuid.UUID]PodPlace // what a follower of the watch holds
	seen   map[uuid.UUID]*core.Node
}

func newMachine() *machine {
	m := &machine{state: New(), pods: map[uuid.UUID]*core.Pod{}, nodes: map[uuid.UUID]*core.Node{}, inFlight: map[uuid.UUID]uuid.UUID{}}
	m.state.Apply(core.Changes{Snapshot: true})
	m.watch, m.mirror, m.seen = m.state.Watch(), map[uuid.UUID]PodPlace{}, map[uuid.UUID]*core.Node{}
	return m
}

// Look is a follower of the watch that looks now and then. It holds what the picture holds, whatever it did not see happen.
func (m *machine) Look(t *rapid.T) {
	news := m.watch.Take()
	for _, id := range news.GonePods {
		delete(m.mirror, id)
	}
	for _, p := range news.Pods {
		m.mirror[p.Pod.ID] = p
	}
	for _, id := range news.GoneNodes {
		delete(m.seen, id)
	}
	for _, n := range news.Nodes {
		m.seen[n.ID] = n
	}
	require.Equal(t, m.state.nodes, m.seen)
	require.Len(t, m.mirror, len(m.state.pods))
	for id, pod := range m.state.pods {
		require.Same(t, pod, m.mirror[id].Pod)
		_, waits := m.state.pending[id]
		require.Equal(t, waits, m.mirror[id].Waiting)
		require.Equal(t, m.state.homes[id], m.mirror[id].Home)
	}
	again := m.watch.Take()
	require.Empty(t, again.Pods)
	require.Empty(t, again.Nodes)
}

func pick[V any](t *rapid.T, from map[uuid.UUID]V, label string) (uuid.UUID, bool) {
	if len(from) == 0 {
		return uuid.Nil, false
	}
	keys := slices.SortedFunc(maps.Keys(from), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return rapid.SampledFrom(keys).Draw(t, label), true
}

// commit changes a pod in the database and puts that on the stream.
func (m *machine) commit(id uuid.UUID, change func(*core.Pod)) {
	p := *m.pods[id]
	change(&p)
	p.Revision++
	m.pods[id] = &p
	m.stream = append(m.stream, core.PodUpserted{Pod: &p})
}

func (m *machine) InsertPod(t *rapid.T) {
	m.next++
	p := pod(id(m.next), func(p *core.Pod) {
		p.CPUMillis, p.MemoryBytes = rapid.Int64Range(0, 500).Draw(t, "cpu"), rapid.Int64Range(0, 500).Draw(t, "memory")
	})
	m.pods[p.ID] = p
	m.stream = append(m.stream, core.PodUpserted{Pod: p})
}

func (m *machine) WriteNode(t *rapid.T) {
	n := &core.Node{ID: id(200 + rapid.ByteRange(0, 3).Draw(t, "node")), Status: core.NodeHealthy}
	m.nodes[n.ID] = n
	m.stream = append(m.stream, core.NodeUpserted{Node: n})
}

func (m *machine) DeleteNode(t *rapid.T) {
	n, ok := pick(t, m.nodes, "node")
	for _, p := range m.pods {
		if !ok || p.NodeID == n && p.Status.Active() {
			return
		}
	}
	delete(m.nodes, n)
	m.stream = append(m.stream, core.NodeDeleted{ID: n})
}

// ChangePod is whatever the database does to a pod beside assigning it.
func (m *machine) ChangePod(t *rapid.T) {
	target, ok := pick(t, m.pods, "pod")
	if !ok {
		return
	}
	p := m.pods[target]
	switch to := rapid.SampledFrom([]string{"label", "progress", "requeue", "end", "delete"}).Draw(t, "change"); {
	case to == "label":
		m.commit(target, func(*core.Pod) {})
	case to == "progress" && p.Status == core.PodScheduled:
		m.commit(target, func(p *core.Pod) { p.Status = core.PodRunning })
	case to == "requeue" && p.Status.Active():
		m.commit(target, func(p *core.Pod) { p.Status, p.NodeID, p.Restarts = core.PodPending, uuid.Nil, p.Restarts+1 })
	case to == "end" && !p.Status.Final():
		m.commit(target, func(p *core.Pod) { p.Status = core.PodStopped })
	case to == "delete":
		delete(m.pods, target)
		m.stream = append(m.stream, core.PodDeleted{ID: target})
	}
}

// Decide assumes placements for some of what the picture shows as pending; some of it is wrong by now.
func (m *machine) Decide(t *rapid.T) {
	var placements []core.Placement
	pending := m.state.Snapshot().Pending
	slices.SortFunc(pending, func(a, b *core.Pod) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for _, p := range pending {
		if rapid.Bool().Draw(t, "place") {
			placements = append(placements, core.Placement{PodID: p.ID, NodeID: id(200 + rapid.ByteRange(0, 3).Draw(t, "home"))})
		}
	}
	for _, p := range m.state.Assume(placements) {
		m.inFlight[p.PodID] = p.NodeID
		if place, known := m.mirror[p.PodID]; known { // who assumes knows
			place.Home, place.Waiting = p.NodeID, false
			m.mirror[p.PodID] = place
		}
	}
}

// Write is what the database does with a decision: take it, if the pod still waits there, or refuse it.
func (m *machine) Write(t *rapid.T) {
	target, ok := pick(t, m.inFlight, "decision")
	if !ok {
		return
	}
	home := m.inFlight[target]
	delete(m.inFlight, target)
	p := m.pods[target]
	if p == nil || p.Status != core.PodPending || m.nodes[home] == nil || rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
		m.unsure = append(m.unsure, target)
		return
	}
	m.commit(target, func(p *core.Pod) { p.Status, p.NodeID, p.Incarnation = core.PodScheduled, home, p.Incarnation+1 })
}

// Forget tells the state what was not taken.
func (m *machine) Forget(*rapid.T) { m.state.Forget(m.unsure); m.unsure = nil }

func (m *machine) Deliver(t *rapid.T) {
	n := rapid.IntRange(0, len(m.stream)).Draw(t, "events")
	m.state.Apply(core.Changes{Events: m.stream[:n]})
	m.stream = m.stream[n:]
}

// Relist is a new connection: what was on the stream is in the listing.
func (m *machine) Relist(*rapid.T) {
	m.state.Apply(m.listing())
	m.stream = nil
}

func (m *machine) listing() core.Changes {
	var all []core.Event
	for _, n := range m.nodes {
		all = append(all, core.NodeUpserted{Node: n})
	}
	for _, p := range m.pods {
		all = append(all, core.PodUpserted{Pod: p})
	}
	return core.Changes{Snapshot: true, Events: all}
}

// Check holds after every step.
func (m *machine) Check(t *rapid.T) {
	s := m.state
	usage := map[uuid.UUID]Usage{}
	for id, p := range s.pods {
		home := uuid.Nil
		a, assumed := s.assumed[id]
		switch {
		case p.Status.Active():
			require.False(t, assumed, "confirmed, so not assumed")
			home = p.NodeID
		case assumed:
			require.Equal(t, core.PodPending, p.Status)
			home = a.node
		}
		_, waits := s.pending[id]
		require.Equal(t, p.Status == core.PodPending && !assumed, waits)
		require.Equal(t, home, s.homes[id])
		if home != uuid.Nil {
			u := usage[home]
			usage[home] = Usage{u.CPUMillis + p.CPUMillis, u.MemoryBytes + p.MemoryBytes, u.Pods + 1}
			require.Contains(t, s.onNode[home], id)
		}
	}
	require.Equal(t, usage, s.usage, "usage is the sum over the homes")
	for id := range s.assumed {
		require.Contains(t, s.pods, id)
		_, flying := m.inFlight[id]
		require.True(t, flying || slices.Contains(m.unsure, id) || m.pods[id] == nil || m.pods[id].Incarnation > s.assumed[id].incarnation,
			"every assumption is in flight, about to be forgotten, or about to be answered by the stream")
	}
	// Room that a committed decision takes, or one in flight may take, is never shown as free.
	for id, p := range m.pods {
		if p.Status.Active() && s.pods[id] != nil && s.pods[id].Incarnation < p.Incarnation {
			require.True(t, s.homes[id] == p.NodeID || p.Incarnation > s.pods[id].Incarnation+1, "pod %s", id)
		}
	}
}

// settle ends everything that is on its way.
func (m *machine) settle(t *rapid.T) {
	for len(m.inFlight) > 0 {
		m.Write(t)
	}
	m.Forget(t)
	m.state.Apply(core.Changes{Events: m.stream})
	m.stream = nil
}

func TestRoomNeverLeaks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine()
		t.Repeat(map[string]func(*rapid.T){
			"InsertPod": m.InsertPod, "WriteNode": m.WriteNode, "DeleteNode": m.DeleteNode, "ChangePod": m.ChangePod, "Decide": m.Decide,
			"Write": m.Write, "Forget": m.Forget, "Deliver": m.Deliver, "Relist": m.Relist, "Look": m.Look, "": m.Check,
		})
		m.settle(t)
		m.Check(t)
		m.Look(t)
		require.Empty(t, m.state.assumed)
		fresh := New()
		fresh.Apply(m.listing())
		require.Equal(t, fresh.pods, m.state.pods)
		require.Equal(t, fresh.nodes, m.state.nodes)
		require.Equal(t, fresh.usage, m.state.usage)
		require.Equal(t, fresh.onNode, m.state.onNode)
		require.Equal(t, fresh.homes, m.state.homes)
		require.Equal(t, fresh.pending, m.state.pending)
	})
}
