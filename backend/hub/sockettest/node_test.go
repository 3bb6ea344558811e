package sockettest

import (
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/hub"
	"github.com/stark-o/stark/backend/wire"
)

// closes waits for the close, whatever frames come before.
func (a *agent) closes(t *testing.T, code int) {
	t.Helper()
	for {
		if _, _, err := a.ReadMessage(); err != nil {
			require.True(t, websocket.IsCloseError(err, code), "%v instead of %d", err, code)
			return
		}
	}
}

// One node, two connections: the newer one speaks for it, on one server at once and across servers with the next renewal of leases.
func TestTwoConnectionsOfOneNode(t *testing.T) {
	t.Parallel()
	often := func(c *hub.Config) { c.RenewInterval = 100 * time.Millisecond }
	w := start(t, often)
	first, node := w.join("n")
	second, same := w.join("n")
	assert.Equal(t, node, same)
	first.closes(t, wire.CloseSuperseded)

	elsewhere := w.second(often)
	third, same := elsewhere.join("n")
	assert.Equal(t, node, same)
	second.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 0})
	second.closes(t, wire.CloseSuperseded)
	require.Eventually(t, func() bool { return w.hub.Connected() == 0 }, patience, time.Millisecond)
	elsewhere.nodeIs(node, "healthy") // the end of the old ones says nothing about the node
	pod := elsewhere.place(node)
	assert.Equal(t, pod.ID, next[wire.PodAssign](third, wire.TypePodAssign).PodID)
	third.beats()
}

// An agent that comes back without its pods has lost them, and what it holds that is not its own it is told to stop.
func TestAnAgentThatCameBackWithout(t *testing.T) {
	t.Parallel()
	w := start(t)
	a, node := w.join("n")
	lost, waits := w.place(node), w.place(node)
	for range 2 {
		next[wire.PodAssign](a, wire.TypePodAssign)
	}
	assert.True(t, a.reports(lost, 1, core.PodStarting).Accepted)
	assert.True(t, a.reports(lost, 1, core.PodRunning).Accepted)
	require.NoError(t, a.Close())

	a = w.dial()
	a.login(w.project.token(t, w.operator))
	a.register("n", wire.HeldPod{PodID: uuid.UUID{7}, Incarnation: 2, Status: core.PodRunning}, wire.HeldPod{PodID: waits.ID, Incarnation: 1, Status: core.PodStarting})
	assert.Equal(t, wire.PodStop{PodID: uuid.UUID{7}, Incarnation: 2, Reason: core.ReasonStale}, next[wire.PodStop](a, wire.TypePodStop))
	assert.Equal(t, waits.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID)
	now, reason := w.status(lost)
	assert.Equal(t, "pending agent_restarted", now+" "+reason)
	ack := func() wire.PodStatusAck { // assignments that the picture by hand still shows may come before
		for {
			_, data, err := a.ReadMessage()
			require.NoError(t, err)
			env, err := wire.ParseEnvelope(data)
			require.NoError(t, err)
			if env.Type == wire.TypePodStatusAck {
				return decode[wire.PodStatusAck](t, env)
			}
		}
	}
	a.send(wire.TypePodStatus, wire.PodStatus{PodID: lost.ID, Incarnation: 1, Status: core.PodStopped, At: time.Now()})
	assert.Equal(t, core.VerdictStaleIncarnation, ack().Code, "what it says of the lost one comes too late")
}

// A tab that is closed has no time for a goodbye: its browser says 1001, and its pods are placed anew at once.
func TestAPageThatIsClosed(t *testing.T) {
	t.Parallel()
	w := start(t)
	a, node := w.join("tab")
	pod := w.place(node)
	next[wire.PodAssign](a, wire.TypePodAssign)
	assert.True(t, a.reports(pod, 1, core.PodStarting).Accepted)
	message := websocket.FormatCloseMessage(wire.CloseGoingAway, "")
	require.NoError(t, a.WriteControl(websocket.CloseMessage, message, time.Now().Add(patience)))
	w.nodeIs(node, "unhealthy")
	now, reason := w.status(pod)
	assert.Equal(t, "pending node_disconnected", now+" "+reason)
}

// Any other end of a connection may be the network's: the node keeps its pods until its lease has run out.
func TestAConnectionThatBreaks(t *testing.T) {
	t.Parallel()
	w := start(t)
	a, node := w.join("tab")
	pod := w.place(node)
	next[wire.PodAssign](a, wire.TypePodAssign)
	assert.True(t, a.reports(pod, 1, core.PodStarting).Accepted)
	require.NoError(t, a.Close())
	require.Eventually(t, func() bool { return w.hub.Connected() == 0 }, patience, time.Millisecond)
	now, _ := w.status(pod)
	assert.Equal(t, "starting", now)
}

// A process that comes back before its old connection was seen to be dead is no other agent.
func TestTheSameProcessTwice(t *testing.T) {
	t.Parallel()
	w := start(t)
	boot := uuid.New()
	join := func() *agent {
		a := w.dial()
		a.login(w.project.token(t, w.operator))
		a.send(wire.TypeNodeRegister, wire.NodeRegister{Name: "n", RuntimeType: core.RuntimeBrowser, RuntimeVersion: "Chrome 156", BootID: boot,
			Resources: wire.NodeResources{CPU: "4", Memory: "8Gi", Pods: 20}, Pods: []wire.HeldPod{}})
		next[wire.NodeRegistered](a, wire.TypeNodeRegistered)
		return a
	}
	first := join()
	second := join()
	first.closes(t, wire.CloseRestart)
	second.beats()
}

// A token runs out on an open socket; a fresh one on the same socket prolongs the session.
func TestTokensRunOut(t *testing.T) {
	t.Parallel()
	w := start(t)
	short := func() string {
		claims := w.project.claims(w.operator)
		claims["exp"] = time.Now().Add(4 * time.Second).Unix()
		return w.project.sign(t, jwt.SigningMethodES256, w.project.key, claims)
	}
	expires, renewed := w.dial(), w.dial()
	expires.login(short())
	expires.register("expires")
	renewed.login(short())
	renewed.register("renewed")
	renewed.login(w.project.token(t, w.operator))
	expires.closes(t, wire.CloseUnauthenticated)
	renewed.beats()
}
