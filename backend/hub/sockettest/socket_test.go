package sockettest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
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

// The life of a connection, as docs/protocol.md draws it.
func TestLife(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.dial()
	session := a.login(w.project.token(t, w.operator))
	assert.Equal(t, "operator", session.Role)
	assert.Equal(t, w.operator, session.UserID)
	registered := a.register("node-1")
	assert.Equal(t, core.AccessShared, registered.Access)
	a.beats()

	pod := w.place(registered.NodeID)
	assert.Equal(t, pod.ID, next[wire.PodAssign](a, wire.TypePodAssign).PodID)
	for _, status := range []core.PodStatus{core.PodStarting, core.PodRunning} {
		assert.True(t, a.reports(pod, 1, status).Accepted)
		now, _ := w.status(pod)
		assert.EqualValues(t, status, now, "it is committed when it is acknowledged")
	}
	running := *pod
	running.Status = core.PodRunning
	w.hub.Observe(w.state.Apply(core.Changes{Events: []core.Event{core.PodUpserted{Pod: &running}}}))
	a.send(wire.TypePodLogs, wire.PodLogs{PodID: pod.ID, Incarnation: 1, Lines: []wire.LogLine{{At: time.Now(), Stream: "stdout", Text: "hello\x00"}}})
	a.beats()
	var line string
	require.Eventually(t, func() bool {
		return w.db.QueryRow(t.Context(), `select line from public.pod_logs where pod_id = $1`, pod.ID).Scan(&line) == nil
	}, patience, 5*time.Millisecond)
	assert.Equal(t, "hello\uFFFD", line)

	require.NoError(t, a.Close()) // the connection breaks; the agent comes back with its pod
	w.nodeIs(registered.NodeID, "unknown")
	a = w.dial()
	a.login(w.project.token(t, w.operator))
	again := a.register("node-1", wire.HeldPod{PodID: pod.ID, Incarnation: 1, Status: core.PodRunning})
	assert.Equal(t, registered.NodeID, again.NodeID)
	assert.EqualValues(t, 1, next[wire.PodAssign](a, wire.TypePodAssign).Incarnation)
	w.nodeIs(registered.NodeID, "healthy")
	a.login(w.project.token(t, w.operator)) // a fresh token on the same socket

	a.send(wire.TypePodStatus, wire.PodStatus{PodID: pod.ID, Incarnation: 1, Status: core.PodStopped, Reason: "completed", At: time.Now()})
	a.send(wire.TypeNodeDisconnect, wire.NodeDisconnect{Reason: "maintenance"})
	assert.True(t, next[wire.PodStatusAck](a, wire.TypePodStatusAck).Accepted)
	_, _, err := a.ReadMessage()
	assert.True(t, websocket.IsCloseError(err, wire.CloseGoodbye), "%v", err)
	w.nodeIs(registered.NodeID, "unhealthy")
	now, reason := w.status(pod)
	assert.Equal(t, "stopped completed", now+" "+reason, "said before the goodbye, and not run again")
}

func (w *world) nodeIs(node uuid.UUID, status string) {
	w.t.Helper()
	var got string
	require.Eventually(w.t, func() bool {
		return w.db.QueryRow(w.t.Context(), `select status from public.nodes where id = $1`, node).Scan(&got) == nil && got == status
	}, patience, 5*time.Millisecond, "%s is not %s", got, status)
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	w := start(t)
	p := w.project
	good := p.token(t, w.operator)
	parts := strings.Split(good, ".")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(p.key.Public())
	require.NoError(t, err)
	with := func(name string, value any) string {
		claims := p.claims(w.operator)
		claims[name] = value
		return p.sign(t, jwt.SigningMethodES256, p.key, claims)
	}
	another := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + w.operator.String() + `","role":"service_role"}`))
	for name, token := range map[string]string{
		"not a token": "hello", "alg none": p.sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, p.claims(w.operator)),
		"no signature": parts[0] + "." + parts[1] + ".", "another payload": parts[0] + "." + another + "." + parts[2],
		"wrong key": p.sign(t, jwt.SigningMethodES256, stranger, p.claims(w.operator)), "HS256 with the public key": p.sign(t, jwt.SigningMethodHS256, public, p.claims(w.operator)),
		"wrong audience": with("aud", "anon"), "wrong issuer": with("iss", "https://evil.example/auth/v1"), "the service role": with("role", "service_role"),
		"expired": with("exp", time.Now().Add(-time.Hour).Unix()), "not valid yet": with("nbf", time.Now().Add(time.Hour).Unix()),
	} {
		a := w.dial()
		a.send(wire.TypeAuthenticate, map[string]any{"token": token, "protocol": wire.Protocol})
		a.refused(t, "UNAUTHORIZED", wire.CloseUnauthenticated)
		require.NoError(t, a.Close(), name)
	}
	nobody := w.dial() // a genuine token of a user who is not there any more
	nobody.send(wire.TypeAuthenticate, map[string]any{"token": p.token(t, uuid.New()), "protocol": wire.Protocol})
	nobody.refused(t, "FORBIDDEN", wire.CloseForbidden)

	a, _ := w.join("node-1") // and everybody else is served
	a.beats()
}

// Keys that cannot be fetched are not the token's fault: the agent comes back later instead of asking for another token.
func TestKeysThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.project.down.Store(true)
	a := w.dial()
	a.send(wire.TypeAuthenticate, map[string]any{"token": w.project.token(t, w.operator), "protocol": wire.Protocol})
	a.refused(t, "SERVICE_UNAVAILABLE", wire.CloseRestart)
}

// Each of these ends its own connection, with a reason that the client gets to read, and no other.
func TestMalformedFrames(t *testing.T) {
	t.Parallel()
	w := start(t)
	neighbour, _ := w.join("neighbour")
	now := time.Now().UTC().Format(time.RFC3339)
	for name, tc := range map[string]struct {
		kind int
		data []byte
	}{
		"binary":      {websocket.BinaryMessage, []byte(`{"type":"node:heartbeat","payload":{},"timestamp":"` + now + `"}`)},
		"empty":       {websocket.TextMessage, nil},
		"not JSON":    {websocket.TextMessage, []byte("hello")},
		"wrong types": {websocket.TextMessage, []byte(`{"type":1,"payload":"x","timestamp":false}`)},
		"not UTF-8":   {websocket.TextMessage, []byte("{\"type\":\"\xff\xfe\"}")},
		"2 MiB":       {websocket.TextMessage, bytes.Repeat([]byte("x"), 2<<20)},
		"1 MiB and 1": {websocket.TextMessage, bytes.Repeat([]byte("x"), 1<<20+1)},
	} {
		for range 3 {
			a := w.dial()
			require.NoError(t, a.WriteMessage(tc.kind, tc.data), name)
			a.refused(t, "BAD_FRAME", wire.CloseBadFrame)
			a, _ = w.join("clumsy")
			require.NoError(t, a.WriteMessage(tc.kind, tc.data), name)
			a.refused(t, "BAD_FRAME", wire.CloseBadFrame)
		}
		neighbour.beats()
	}
	early := w.dial()
	early.send(wire.TypeNodeRegister, map[string]any{"name": "x"})
	early.refused(t, "UNAUTHORIZED", wire.CloseUnauthenticated)
	twice, _ := w.join("twice")
	twice.send(wire.TypeNodeRegister, map[string]any{"name": "x"})
	twice.refused(t, "BAD_FRAME", wire.CloseBadFrame)
	neighbour.send("pod:explode", struct{}{})
	assert.Equal(t, "UNKNOWN_TYPE", next[wire.ErrorFrame](neighbour, wire.TypeError).Code)
	neighbour.beats()
	ponged := false
	neighbour.SetPongHandler(func(string) error { ponged = true; return nil })
	require.NoError(t, neighbour.WriteMessage(websocket.PingMessage, []byte("?")))
	neighbour.beats()
	assert.True(t, ponged)
}

// An agent speaks of the pods of its own node; what it says of others changes nothing.
func TestStatusOfSomebodyElsesPod(t *testing.T) {
	t.Parallel()
	w := start(t)
	victim, node := w.join("victim")
	pod := w.place(node)
	next[wire.PodAssign](victim, wire.TypePodAssign)
	assert.True(t, victim.reports(pod, 1, core.PodStarting).Accepted)

	mallory := w.dial()
	mallory.login(w.project.token(t, w.other))
	assert.Equal(t, core.AccessPrivate, mallory.register("mallory").Access)
	ack := mallory.reports(pod, 1, core.PodFailed)
	assert.False(t, ack.Accepted)
	assert.Equal(t, core.VerdictStaleIncarnation, ack.Code)
	ack = mallory.reports(&core.Pod{ID: uuid.New()}, 1, core.PodRunning)
	assert.Equal(t, core.VerdictNotFound, ack.Code)
	assert.Equal(t, core.ReasonStale, next[wire.PodStop](mallory, wire.TypePodStop).Reason)
	mallory.send(wire.TypePodLogs, wire.PodLogs{PodID: pod.ID, Incarnation: 1, Lines: []wire.LogLine{{At: time.Now(), Stream: "stdout", Text: "forged"}}})
	mallory.beats()
	now, _ := w.status(pod)
	assert.Equal(t, "starting", now)
	ack = victim.reports(pod, 2, core.PodRunning)
	assert.Equal(t, core.VerdictStaleIncarnation, ack.Code, "nor of another incarnation")
	next[wire.PodStop](victim, wire.TypePodStop)
	assert.True(t, victim.reports(pod, 1, core.PodRunning).Accepted)
	var forged int
	require.NoError(t, w.db.QueryRow(t.Context(), `select count(*) from public.pod_logs`).Scan(&forged))
	assert.Zero(t, forged)

	thief := w.dial() // and nobody takes another's node
	thief.login(w.project.token(t, w.other))
	thief.send(wire.TypeNodeRegister, wire.NodeRegister{Name: "victim", RuntimeType: core.RuntimeNode, BootID: uuid.New(), Resources: wire.NodeResources{CPU: "1", Memory: "1Gi"}})
	thief.refused(t, "FORBIDDEN", wire.CloseForbidden)
	victim.beats()
}

// What Postgres cannot store ends in an answer; other agents' reports do not wait behind it.
func TestReportsThatPostgresCannotStore(t *testing.T) {
	t.Parallel()
	w := start(t)
	a, node := w.join("a")
	b, other := w.join("b")
	bad, good := w.place(node), w.place(other)
	next[wire.PodAssign](a, wire.TypePodAssign)
	next[wire.PodAssign](b, wire.TypePodAssign)
	for _, result := range []string{`"\u0000"`, `"\ud800"`, `1e999999`, `{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`} {
		pod := w.place(node)
		next[wire.PodAssign](a, wire.TypePodAssign)
		a.send(wire.TypePodStatus, map[string]any{"podId": pod.ID, "incarnation": 1, "status": "stopped", "reason": "completed", "message": "m",
			"at": time.Now(), "result": raw(result)})
		assert.True(t, b.reports(good, 1, core.PodStarting).Accepted)
		assert.True(t, next[wire.PodStatusAck](a, wire.TypePodStatusAck).Accepted, "%.20s", result)
		now, reason := w.status(pod)
		assert.Equal(t, "stopped completed", now+" "+reason, "%.20s", result)
	}
	assert.True(t, a.reports(bad, 1, core.PodStarting).Accepted)
}

type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// Shutdown sends every agent away with 1012 and ends in time; an agent that does not read is cut off.
func TestShutdown(t *testing.T) {
	t.Parallel()
	w := start(t)
	var agents []*agent
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		a, _ := w.join(name)
		agents = append(agents, a)
	}
	agents = append(agents, w.dial()) // one that has not said anything yet
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { assert.NoError(t, w.hub.Shutdown(ctx)) })
	wg.Go(func() { assert.NoError(t, w.srv.Shutdown(ctx)) })
	for _, a := range agents {
		_, _, err := a.ReadMessage()
		assert.True(t, websocket.IsCloseError(err, wire.CloseRestart), "%v", err)
	}
	wg.Wait()
	var gone int
	require.NoError(t, w.db.QueryRow(t.Context(), `select count(*) from public.nodes where status <> 'healthy'`).Scan(&gone))
	assert.Zero(t, gone, "they will be back")
}

func TestShutdownCutsOff(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *hub.Config) { c.CloseTimeout = time.Hour }) // and an agent that never answers the close
	w.join("deaf")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("out of patience"))
	require.ErrorContains(t, w.hub.Shutdown(ctx), "out of patience")
	done, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	require.NoError(t, w.hub.Shutdown(done), "the session has ended")
	require.NoError(t, w.srv.Shutdown(done))
}

// The kernel's buffers fill, then ours, then the agent is closed; whoever feeds the hub waits for none of it.
func TestASlowReader(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *hub.Config) { c.QueueLength = 64; c.WriteTimeout = 200 * time.Millisecond })
	_, slow := w.join("slow")
	other, node := w.join("other")
	pack := *w.pack
	pack.ID = uuid.New()
	w.state.Apply(core.Changes{Events: []core.Event{core.PackUpserted{Pack: &pack}}})
	begin := time.Now()
	for range 200 {
		w.hub.Observe(w.state.Apply(core.Changes{Events: []core.Event{core.PodUpserted{Pod: &core.Pod{ID: uuid.New(), PackID: pack.ID, NodeID: slow,
			Incarnation: 1, Status: core.PodScheduled, Desired: core.DesiredRunning, Env: map[string]string{"X": strings.Repeat("x", 200_000)}}}}}))
	}
	assert.Less(t, time.Since(begin), patience/2)
	w.nodeIs(slow, "unknown")
	w.place(node)
	next[wire.PodAssign](other, wire.TypePodAssign)
}
