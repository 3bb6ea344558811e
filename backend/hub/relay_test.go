package hub

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestAssignmentsAreRelayed(t *testing.T) {
	t.Parallel()
	w := start(t)
	a, b := w.join("a"), w.join("b")
	pod := aPod("p", nodeA, 1, core.PodScheduled)
	w.upsert(with(pod, func(p *core.Pod) { p.Status, p.NodeID, p.Incarnation = core.PodPending, uuid.Nil, 0 }), pod)
	got := next[wire.PodAssign](a, wire.TypePodAssign)
	assert.Equal(t, wire.AssignmentOf(pod, hello), got)

	w.upsert(with(pod, func(p *core.Pod) { p.Revision = 7 }), // nothing that matters
		with(pod, func(p *core.Pod) { p.Status = core.PodStarting }), with(pod, func(p *core.Pod) { p.Status = core.PodRunning }))
	a.settled()

	stopping := with(pod, func(p *core.Pod) { p.Status, p.Desired = core.PodRunning, core.DesiredStopped })
	w.upsert(stopping, stopping)
	assert.Equal(t, wire.PodStop{PodID: pod.ID, Incarnation: 1, Reason: core.ReasonStoppedByUser, GracePeriodMS: 10_000}, next[wire.PodStop](a, wire.TypePodStop))
	a.settled() // said once

	cut := 500 * time.Millisecond
	leaving := aPod("leaves", nodeA, 1, core.PodScheduled)
	w.upsert(leaving)
	a.next(wire.TypePodAssign)
	asked := with(leaving, func(p *core.Pod) { p.Eviction = core.ReasonDrained })
	w.upsert(asked, with(asked, func(p *core.Pod) { p.Status = core.PodStopping }))
	assert.Equal(t, wire.PodStop{PodID: leaving.ID, Incarnation: 1, Reason: core.ReasonDrained, GracePeriodMS: 10_000}, next[wire.PodStop](a, wire.TypePodStop))
	a.settled() // said once
	w.upsert(with(asked, func(p *core.Pod) { p.Status, p.EvictionGrace = core.PodStopping, &cut }))
	assert.EqualValues(t, 500, next[wire.PodStop](a, wire.TypePodStop).GracePeriodMS, "less time than before")
	w.feed(core.PodDeleted{ID: leaving.ID})
	a.next(wire.TypePodStop)

	moved := with(pod, func(p *core.Pod) { p.NodeID, p.Incarnation = nodeB, 2 })
	w.upsert(moved)
	assert.Equal(t, core.ReasonStale, next[wire.PodStop](a, wire.TypePodStop).Reason)
	assert.EqualValues(t, 2, next[wire.PodAssign](b, wire.TypePodAssign).Incarnation)

	again := with(moved, func(p *core.Pod) { p.Incarnation = 3 })
	w.upsert(again)
	assert.EqualValues(t, 2, next[wire.PodStop](b, wire.TypePodStop).Incarnation)
	assert.EqualValues(t, 3, next[wire.PodAssign](b, wire.TypePodAssign).Incarnation)

	w.feed(core.PodDeleted{ID: pod.ID})
	stop := next[wire.PodStop](b, wire.TypePodStop)
	assert.Equal(t, core.ReasonDeleted, stop.Reason)
	assert.EqualValues(t, 3, stop.Incarnation)
	w.upsert(aPod("elsewhere", uuid.New(), 1, core.PodScheduled)) // a node of another server
	a.settled()
	b.settled()
}

// A pod that is stopped before its agent took it is stopped, not assigned.
func TestAPodThatIsNotWantedAnyMore(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	w.upsert(with(aPod("p", nodeA, 1, core.PodScheduled), func(p *core.Pod) { p.Desired = core.DesiredStopped }))
	assert.Equal(t, core.ReasonStoppedByUser, next[wire.PodStop](a, wire.TypePodStop).Reason)
	a.settled()
}

// A snapshot after the feed was away brings what changed meanwhile, and nothing that the agent has heard.
func TestASnapshotIsRelayedAsWhatChanged(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	known, lost, news := aPod("known", nodeA, 1, core.PodScheduled), aPod("lost", nodeA, 1, core.PodScheduled), aPod("new", nodeA, 1, core.PodScheduled)
	w.upsert(known, lost)
	a.next(wire.TypePodAssign)
	a.next(wire.TypePodAssign)
	w.hub.Observe(w.state.Apply(core.Changes{Snapshot: true, Events: []core.Event{core.PackUpserted{Pack: hello}, core.PodUpserted{Pod: known},
		core.PodUpserted{Pod: with(news, func(p *core.Pod) { p.Revision = 1 })}}}))
	heard := map[wire.Type]uuid.UUID{}
	for range 2 { // in no order
		env := <-a.frames
		var about struct{ PodID uuid.UUID }
		require.NoError(t, json.Unmarshal(env.Payload, &about))
		heard[env.Type] = about.PodID
	}
	assert.Equal(t, map[wire.Type]uuid.UUID{wire.TypePodStop: lost.ID, wire.TypePodAssign: news.ID}, heard)
	a.settled()
}

func TestResume(t *testing.T) {
	t.Parallel()
	w := start(t)
	held, waits, unwanted := aPod("held", nodeA, 3, core.PodRunning), aPod("waits", nodeA, 1, core.PodScheduled), aPod("unwanted", nodeA, 1, core.PodRunning)
	unwanted.Desired = core.DesiredStopped
	leaving := aPod("leaving", nodeA, 1, core.PodRunning)
	leaving.Eviction = core.ReasonPreempted
	early := aPod("early", nodeA, 1, core.PodScheduled) // the feed shows it before the database does
	w.upsert(early, aPod("other node's", nodeB, 1, core.PodScheduled))
	stale := core.HeldPod{PodID: bob, Incarnation: 4, Status: core.PodRunning}
	w.store.register = func(context.Context, core.Registration) (core.Registered, error) {
		return core.Registered{NodeID: nodeA, Access: core.AccessPrivate, Pods: []*core.Pod{held, waits, unwanted, leaving}, Stop: []core.HeldPod{stale}}, nil
	}
	a := w.join("a")
	assert.Equal(t, wire.PodStop{PodID: bob, Incarnation: 4, Reason: core.ReasonStale}, next[wire.PodStop](a, wire.TypePodStop))
	assert.Equal(t, held.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID)
	assert.Equal(t, waits.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID)
	assert.Equal(t, unwanted.ID, next[wire.PodStop](a, wire.TypePodStop).PodID)
	assert.Equal(t, core.ReasonPreempted, next[wire.PodStop](a, wire.TypePodStop).Reason)
	assert.Equal(t, early.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID)
	a.settled()
}

// Between the transaction that registers a node and the moment its connection hears of changes, nothing gets lost: neither a new pod nor a
// stop nor a deletion of one that the transaction still saw.
func TestWhatChangesWhileAnAgentRegisters(t *testing.T) {
	t.Parallel()
	w := start(t)
	stopped, deleted, moved, assigned := aPod("stopped", nodeA, 1, core.PodRunning), aPod("deleted", nodeA, 1, core.PodRunning),
		aPod("moved", nodeA, 1, core.PodRunning), aPod("assigned", nodeA, 1, core.PodScheduled)
	w.upsert(stopped, deleted, moved)
	committed, goOn := make(chan struct{}), make(chan struct{})
	w.store.register = func(context.Context, core.Registration) (core.Registered, error) {
		close(committed)
		<-goOn
		return core.Registered{NodeID: nodeA, Pods: []*core.Pod{stopped, deleted, moved}}, nil
	}
	a := w.dial()
	a.login("ada")
	a.send(wire.TypeNodeRegister, registration("a"))
	<-committed
	w.upsert(with(stopped, func(p *core.Pod) { p.Desired = core.DesiredStopped }))
	w.feed(core.PodDeleted{ID: deleted.ID})
	w.upsert(with(moved, func(p *core.Pod) { p.NodeID, p.Incarnation, p.Status = nodeB, 2, core.PodScheduled }), assigned)
	w.upsert(with(aPod("pending", uuid.Nil, 0, core.PodPending), func(*core.Pod) {}))
	close(goOn)
	a.next(wire.TypeNodeRegistered)
	for _, pod := range []*core.Pod{stopped, deleted, moved} {
		assert.Equal(t, pod.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID, "as the database said")
	}
	assert.Equal(t, assigned.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID, "as the picture says")
	stops := map[uuid.UUID]string{}
	for range 3 {
		stop := next[wire.PodStop](a, wire.TypePodStop)
		stops[stop.PodID] = stop.Reason
	}
	assert.Equal(t, map[uuid.UUID]string{stopped.ID: core.ReasonStoppedByUser, deleted.ID: core.ReasonDeleted, moved.ID: core.ReasonStale}, stops)
	assert.Equal(t, assigned.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID, "said twice, which does no harm")
	a.settled()
	w.upsert(aPod("later", nodeA, 1, core.PodScheduled))
	a.next(wire.TypePodAssign)
	assert.Empty(t, w.hub.registering)
}

// Registering while the feed races: every pod that is on the node in the end has been assigned, whenever it came.
func TestRegisteringDuringAStorm(t *testing.T) {
	t.Parallel()
	const pods = 2000
	w := start(t)
	going := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range pods {
			w.upsert(aPod(strings.Repeat("x", i%7)+uuid.NewString(), nodeA, 1, core.PodScheduled))
			if i == pods/4 {
				close(going)
			}
		}
	}()
	<-going
	a := w.join("a")
	<-done
	assigned := map[uuid.UUID]bool{}
	for len(assigned) < pods {
		assigned[next[wire.PodAssign](a, wire.TypePodAssign).PodID] = true
	}
	a.conn.Close()
	<-a.served
}

// A pod that fits no frame would end the connection of every agent that it is given to. It fails instead, and says why.
func TestAnAssignmentThatFitsNoFrame(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	huge := aPod("huge", nodeA, 1, core.PodScheduled)
	huge.Metadata = json.RawMessage(`{"x":"` + strings.Repeat("x", wire.MaxFrame) + `"}`)
	odd := aPod("odd", nodeA, 1, core.PodScheduled)
	odd.Args = json.RawMessage(`[1,`)
	w.upsert(huge, odd, aPod("good", nodeA, 1, core.PodScheduled))
	assert.Equal(t, "good", next[wire.PodAssign](a, wire.TypePodAssign).Name)
	eventually(t, func() bool { return len(w.store.reported()) == 2 })
	for i, pod := range []*core.Pod{huge, odd} {
		r := w.store.reported()[i]
		assert.Equal(t, core.StatusReport{NodeID: nodeA, PodID: pod.ID, Incarnation: 1, Status: core.PodFailed, Reason: core.ReasonUnassignable, Message: r.Message}, r)
		assert.NotEmpty(t, r.Message)
	}
	a.settled()
}

// A picture that is not there yet lacks the pack; when it comes, the pod is relayed.
func TestAPackThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	pod := with(aPod("p", nodeA, 1, core.PodScheduled), func(p *core.Pod) { p.PackID = uuid.New() })
	w.upsert(pod)
	a.settled()
	w.hub.Observe(w.state.Apply(core.Changes{Snapshot: true, Events: []core.Event{core.PackUpserted{Pack: &core.Pack{ID: pod.PackID, Name: "late"}},
		core.PodUpserted{Pod: with(pod, func(p *core.Pod) { p.Revision = 1; p.Incarnation = 2 })}}}))
	a.next(wire.TypePodStop)
	assert.Equal(t, "late", next[wire.PodAssign](a, wire.TypePodAssign).Pack.Name)
}

// Nobody waits for an agent that does not read: its queue runs over, it is closed, and the others hear on.
func TestASlowAgent(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.QueueLength = 16; c.WriteTimeout = time.Second })
	slow := w.dialDeaf()
	reply := make([]byte, 4096)
	read := func() { _ = slow.conn.SetReadDeadline(time.Now().Add(patience)); _, _ = slow.conn.Read(reply) }
	slow.send(wire.TypeAuthenticate, map[string]any{"token": "ada", "protocol": 1})
	read()
	slow.send(wire.TypeNodeRegister, registration("a"))
	read()
	other := w.join("b")
	begin := time.Now()
	for range 100 {
		w.upsert(aPod(uuid.NewString(), nodeA, 1, core.PodScheduled))
	}
	assert.Less(t, time.Since(begin), 5*time.Second, "the feed does not wait")
	w.upsert(aPod("for b", nodeB, 1, core.PodScheduled))
	other.next(wire.TypePodAssign)
	assert.Equal(t, nodeA, (<-w.store.gone).node)
	<-slow.served
	assert.Contains(t, w.logs.String(), "code=4413")
}

// One that was slow for a moment reads why it was closed.
func TestASlowAgentIsTold(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.QueueLength = 4; c.CloseTimeout = patience })
	a := w.dialDeaf()
	go func() {
		a.send(wire.TypeAuthenticate, map[string]any{"token": "ada", "protocol": 1})
		for range 20 { // answered, and the answers not read
			a.json(`{"type":"pod:explode","payload":{},"timestamp":"2026-11-24T08:34:00Z"}`)
		}
	}()
	<-w.onlySession().closing
	go a.listen()
	code, before := a.end()
	assert.Equal(t, wire.CloseSlow, code)
	assert.Less(t, len(before), 20)
}
