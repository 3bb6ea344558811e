package hub

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestConfiguration(t *testing.T) {
	t.Parallel()
	_, err := New(Config{ServerID: "s"})
	require.Error(t, err)
	h, err := New(Config{ServerID: "s", Verifier: &fakeStore{}, Store: &fakeStore{}, Cluster: cluster.New(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	assert.Equal(t, 10*time.Second, h.cfg.AuthTimeout)
	assert.Equal(t, 16384, h.cfg.QueueLength)
}

// The newer connection of a node wins; the older one's end says nothing about the node.
func TestASecondConnectionOfANode(t *testing.T) {
	t.Parallel()
	w := start(t)
	old := w.join("a")
	newer := w.join("a")
	code, _ := old.end()
	assert.Equal(t, wire.CloseSuperseded, code)
	<-old.served
	assert.Empty(t, w.store.gone)
	w.upsert(aPod("p", nodeA, 1, core.PodScheduled))
	newer.next(wire.TypePodAssign)
	assert.Equal(t, 1, w.hub.Connected())
	require.NoError(t, newer.conn.Close())
	assert.Equal(t, gone{node: nodeA, session: w.store.regs[1].SessionID}, <-w.store.gone)
}

// A connection that an agent has given up, and whose registration hangs in the database, must not replace the one that the agent made after it:
// an agent that is told of another with its name ends.
func TestAnOlderRegistrationDoesNotOvertake(t *testing.T) {
	t.Parallel()
	w := start(t)
	reached, goOn := make(chan struct{}), make(chan struct{})
	w.store.register = func(context.Context, core.Registration) (core.Registered, error) {
		w.store.set(func(f *fakeStore) { f.register = nil })
		close(reached)
		<-goOn
		return core.Registered{NodeID: nodeA}, nil
	}
	old := w.dial()
	old.login("ada")
	old.send(wire.TypeNodeRegister, registration("a"))
	<-reached
	newer := w.dial()
	newer.login("ada")
	newer.send(wire.TypeNodeRegister, registration("a"))
	other := w.join("b") // another name does not wait
	assert.Empty(t, newer.frames)
	close(goOn)
	newer.next(wire.TypeNodeRegistered)
	code, _ := old.end()
	assert.Equal(t, wire.CloseSuperseded, code)
	newer.settled()
	other.settled()
}

func TestWaitingForANameEnds(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.StoreTimeout = 20 * time.Millisecond })
	release, err := w.hub.claimName(t.Context(), "a")
	require.NoError(t, err)
	defer release()
	a := w.dial()
	a.login("ada")
	a.send(wire.TypeNodeRegister, registration("a"))
	a.refused(t, wire.CloseRestart, "SERVICE_UNAVAILABLE")
}

// Across servers the lease in the database decides.
func TestALeaseThatWasTakenOver(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.RenewInterval = 5 * time.Millisecond })
	lost, kept := w.join("a"), w.join("b")
	lost.settled()
	renewed := make(chan core.LeaseRenewal, 1000)
	failures := 2
	w.store.set(func(f *fakeStore) {
		f.renew = func(renewals []core.LeaseRenewal) (map[uuid.UUID]bool, error) {
			if failures--; failures >= 0 {
				return nil, core.Errorf(core.CodeUnavailable, "the database does not answer")
			}
			held := map[uuid.UUID]bool{}
			for _, r := range renewals {
				held[r.SessionID] = r.NodeID != nodeA
				renewed <- r
			}
			return held, nil
		}
	})
	kept.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 3, "usage": map[string]any{"cpuMillis": 250, "memoryBytes": 1 << 20}})
	kept.next(wire.TypeHeartbeatAck)
	for r := range renewed { // though the first attempts failed and nothing was said since
		if r.NodeID == nodeB && r.Usage != nil { // one from before the beat has none
			assert.JSONEq(t, `{"pods":3,"cpuMillis":250,"memoryBytes":1048576}`, string(r.Usage))
			break
		}
	}
	lost.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 0})
	code, _ := lost.end()
	assert.Equal(t, wire.CloseSuperseded, code)
	<-w.store.gone // the database refuses it: the lease is another's
	kept.settled()
}

// Who says nothing gets no lease renewed.
func TestOnlyTheHeardAreRenewed(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.RenewInterval = time.Hour })
	a := w.join("a")
	a.settled()
	assert.Len(t, w.hub.heard(), 1)
	assert.Empty(t, w.hub.heard())
	w.hub.renew(t.Context()) // nobody to renew
	a.settled()
	assert.Len(t, w.hub.heard(), 1)
}

// Agents go by what an acknowledgement promises: nothing is promised while leases cannot be written.
func TestABeatExtendsTheLeaseOnlyWhileLeasesAreWritten(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.RenewInterval = time.Hour })
	a := w.join("a")
	beat := func() int64 {
		a.send(wire.TypeNodeHeartbeat, wire.NodeHeartbeat{})
		return next[wire.NodeHeartbeatAck](a, wire.TypeHeartbeatAck).LeaseMS
	}
	assert.Equal(t, int64(30_000), beat())
	w.store.set(func(f *fakeStore) {
		f.renew = func([]core.LeaseRenewal) (map[uuid.UUID]bool, error) { return nil, errors.New("no database") }
	})
	w.hub.renew(t.Context())
	assert.Zero(t, beat())
	w.store.set(func(f *fakeStore) { f.renew = nil })
	w.hub.renew(t.Context())
	assert.Equal(t, int64(30_000), beat())
}

func TestGoodbye(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	a.send(wire.TypeNodeDisconnect, wire.NodeDisconnect{Reason: "maintenance"})
	code, _ := a.end()
	assert.Equal(t, wire.CloseGoodbye, code)
	assert.True(t, (<-w.store.gone).goodbye)
}

// What an agent reported before it said goodbye is committed before its pods are placed anew.
func TestGoodbyeComesAfterTheReports(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	pod := aPod("p", nodeA, 1, core.PodRunning)
	reached, goOn := make(chan struct{}), make(chan struct{})
	w.store.set(func(f *fakeStore) {
		f.report = func(r []core.StatusReport) ([]string, error) {
			close(reached)
			<-goOn
			return make([]string, len(r)), nil
		}
	})
	a.report(pod, core.PodStopped)
	a.send(wire.TypeNodeDisconnect, wire.NodeDisconnect{})
	<-reached
	assert.Empty(t, w.store.gone)
	close(goOn)
	assert.True(t, next[wire.PodStatusAck](a, wire.TypePodStatusAck).Accepted)
	code, _ := a.end()
	assert.Equal(t, wire.CloseGoodbye, code)
	assert.True(t, (<-w.store.gone).goodbye)
	assert.Len(t, w.store.reported(), 1)
}

func TestGoodbyeDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.FlushTimeout = 10 * time.Millisecond })
	a := w.join("a")
	goOn := make(chan struct{})
	defer close(goOn)
	w.store.set(func(f *fakeStore) {
		f.report = func(r []core.StatusReport) ([]string, error) { <-goOn; return make([]string, len(r)), nil }
	})
	a.report(aPod("p", nodeA, 1, core.PodRunning), core.PodStopped)
	a.send(wire.TypeNodeDisconnect, wire.NodeDisconnect{})
	assert.True(t, (<-w.store.gone).goodbye)
	code, _ := a.end()
	assert.Equal(t, wire.CloseGoodbye, code)
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	w := start(t)
	var agents []*agent
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		agents = append(agents, w.join(name))
	}
	stranger := w.dial()
	w.onlyCounts(13)
	require.NoError(t, w.hub.Shutdown(t.Context()))
	for _, a := range append(agents, stranger) {
		code, _ := a.end()
		assert.Equal(t, wire.CloseRestart, code)
	}
	assert.Empty(t, w.store.gone, "they will be back")
	late := w.dial()
	code, _ := late.end()
	assert.Equal(t, wire.CloseRestart, code)
	require.NoError(t, w.hub.Shutdown(t.Context()), "a second time changes nothing")
}

func (w *world) onlyCounts(n int) {
	eventually(w.t, func() bool { w.hub.mu.Lock(); defer w.hub.mu.Unlock(); return len(w.hub.sessions) == n })
}

// Shutdown returns with its context, whatever an agent does, and cuts it off.
func TestShutdownDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	w := start(t)
	deaf := w.dialDeaf()
	deaf.send(wire.TypeAuthenticate, map[string]any{"token": "ada", "protocol": 1}) // its answer is never read
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("out of patience"))
	require.ErrorContains(t, w.hub.Shutdown(ctx), "out of patience")
	<-deaf.served
}

// An agent that does not answer a close is not waited for.
func TestACloseThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.CloseTimeout = 20 * time.Millisecond })
	a := w.dialDeaf()
	go func() { // reads, and says nothing
		buf := make([]byte, 4096)
		for {
			if _, err := a.conn.Read(buf); err != nil {
				return
			}
		}
	}()
	a.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 0})
	<-a.served
}

// A connection that breaks is noticed by whoever uses it first.
func TestABrokenConnection(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	require.NoError(t, a.conn.Close())
	assert.False(t, (<-w.store.gone).goodbye)
	<-a.served

	ours, theirs := net.Pipe()
	require.NoError(t, ours.Close())
	w.hub.Serve(&pipeConn{Conn: ours}, "closed before it began")
	_ = theirs.Close()
}

// A mistake of ours ends one connection; nothing keeps it, and the process lives.
func TestAPanicEndsOneSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	w.store.set(func(f *fakeStore) { f.whoami = func(core.Actor) (wire.User, error) { panic("the store fell over") } })
	a.send(wire.TypeAuthenticate, map[string]any{"token": "ada", "protocol": 1})
	code, _ := a.end()
	assert.Equal(t, wire.CloseRestart, code)
	<-w.store.gone
	<-a.served
	assert.Contains(t, w.logs.String(), "the store fell over")
	w.store.set(func(f *fakeStore) { f.whoami = nil })
	w.join("a").settled()
	assert.Equal(t, 1, w.hub.Connected())
}

func TestCloseReasonsFitAControlFrame(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.store.register = func(context.Context, core.Registration) (core.Registered, error) {
		return core.Registered{}, core.Errorf(core.CodeForbidden, "%s", "é"+longText)
	}
	a := w.dial()
	a.login("ada")
	a.send(wire.TypeNodeRegister, registration("a"))
	code, _ := a.end()
	assert.Equal(t, wire.CloseForbidden, code)
	assert.LessOrEqual(t, len(a.text), 123)
	assert.Contains(t, a.text, "éé")
	assert.NotContains(t, a.text, "\uFFFD")
}

const longText = "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"
