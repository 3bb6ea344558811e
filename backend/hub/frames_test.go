package hub

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestAuthenticateInTime(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.AuthTimeout = 20 * time.Millisecond })
	code, before := w.dial().end()
	assert.Equal(t, wire.CloseUnauthenticated, code)
	assert.Empty(t, before)
}

func TestAuthenticateRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		frame string
		close int
		code  string
	}{
		"a bad token":           {`{"token":"eve","protocol":1}`, wire.CloseUnauthenticated, "UNAUTHORIZED"},
		"no token":              {`{"protocol":1}`, wire.CloseBadFrame, "BAD_FRAME"},
		"another protocol":      {`{"token":"ada","protocol":2}`, wire.CloseProtocol, "PROTOCOL_UNSUPPORTED"},
		"no protocol":           {`{"token":"ada"}`, wire.CloseProtocol, "PROTOCOL_UNSUPPORTED"},
		"a token that is none":  {`{"token":7,"protocol":1}`, wire.CloseBadFrame, "BAD_FRAME"},
		"keys cannot be got":    {`{"token":"down","protocol":1}`, wire.CloseRestart, "SERVICE_UNAVAILABLE"},
		"a user who is gone":    {`{"token":"ada","protocol":1}`, wire.CloseForbidden, "NOT_FOUND"},
		"the database is down":  {`{"token":"ada","protocol":1}`, wire.CloseRestart, "SERVICE_UNAVAILABLE"},
		"the database is odd":   {`{"token":"ada","protocol":1}`, wire.CloseRestart, "INTERNAL_ERROR"},
		"the database is tardy": {`{"token":"ada","protocol":1}`, wire.CloseRestart, "SERVICE_UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			says := map[string]error{
				"a user who is gone": core.Errorf(core.CodeNotFound, "not found"), "the database is down": core.Errorf(core.CodeUnavailable, "the database does not answer"),
				"the database is odd": errors.New("relation secret_table is missing"), "the database is tardy": context.DeadlineExceeded,
			}[name]
			w.store.whoami = func(core.Actor) (wire.User, error) { return wire.User{}, says }
			a := w.dial()
			a.json(`{"type":"auth:authenticate","timestamp":"2026-11-24T08:34:00Z","payload":` + tc.frame + `}`)
			a.refused(t, tc.close, tc.code)
			assert.NotContains(t, a.text, "secret_table")
		})
	}
}

func TestNothingIsDoneForStrangers(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, kind := range []wire.Type{wire.TypeNodeRegister, wire.TypeNodeHeartbeat, wire.TypeNodeDisconnect, wire.TypePodStatus, wire.TypePodLogs, "pod:explode", wire.TypeError} {
		a := w.dial()
		a.send(kind, registration("a"))
		a.refused(t, wire.CloseUnauthenticated, "UNAUTHORIZED")
	}
	assert.Empty(t, w.store.regs)
}

func TestMessagesThatAreNoFrames(t *testing.T) {
	t.Parallel()
	w := start(t)
	good := string(encode(t, wire.TypeNodeHeartbeat, map[string]any{"pods": 0}))
	for name, message := range map[string]string{
		"binary": good, "empty": "", "not JSON": "hello", "cut off": good[:len(good)-1], "a list": "[]", "null": "null", "no type": `{"payload":{},"timestamp":"2026-11-24T08:34:00Z"}`,
		"type is a number": `{"type":7,"payload":{},"timestamp":"2026-11-24T08:34:00Z"}`, "no payload": `{"type":"x","timestamp":"2026-11-24T08:34:00Z"}`,
		"payload is a list": `{"type":"x","payload":[],"timestamp":"2026-11-24T08:34:00Z"}`, "payload is null": `{"type":"x","payload":null,"timestamp":"2026-11-24T08:34:00Z"}`,
		"no timestamp": `{"type":"x","payload":{}}`, "timestamp is odd": `{"type":"x","payload":{},"timestamp":"yesterday"}`, "not UTF-8": `{"type":"x` + "\xff" + `"}`,
		"too large": good + strings.Repeat(" ", 2<<20), "very deep": `{"type":"x","payload":` + strings.Repeat(`{"a":`, 20_000),
	} {
		for _, stage := range []string{"at once", "registered"} {
			t.Run(name+" "+stage, func(t *testing.T) {
				t.Parallel()
				var a *agent
				if stage == "registered" {
					a = w.join("a" + uuid.NewString()[:8])
				} else {
					a = w.dial()
				}
				kind := textMessage
				if name == "binary" {
					kind = 2
				}
				a.raw(kind, []byte(message))
				a.refused(t, wire.CloseBadFrame, "BAD_FRAME")
				assert.NotContains(t, a.text, "hello", "the input is not quoted")
			})
		}
	}
}

// A payload that makes no sense is answered; the connection, and with it every other pod, goes on.
func TestPayloadsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	for _, bad := range []string{
		`"pod:status","payload":{}`, `"pod:status","payload":{"podId":"x"}`, `"pod:status","payload":{"podId":7}`,
		`"pod:status","payload":{"podId":"` + bob.String() + `","incarnation":1,"status":"pending","at":"2026-11-24T08:34:00Z"}`,
		`"pod:status","payload":{"podId":"` + bob.String() + `","incarnation":0,"status":"running","at":"2026-11-24T08:34:00Z"}`,
		`"pod:status","payload":{"podId":"` + bob.String() + `","incarnation":99999999999999999999,"status":"running","at":"2026-11-24T08:34:00Z"}`,
		`"pod:logs","payload":{"lines":{}}`, `"pod:logs","payload":{"podId":"` + bob.String() + `","incarnation":1,"lines":[{"stream":"stdin"}]}`,
		`"node:heartbeat","payload":{"pods":"many"}`, `"node:heartbeat","payload":{"pods":-1}`, `"error","payload":{"code":7}`,
	} {
		a.json(`{"type":` + bad + `,"timestamp":"2026-11-24T08:34:00Z","correlationId":"c1"}`)
		env := a.next(wire.TypeError)
		assert.Contains(t, string(env.Payload), "BAD_FRAME", bad)
		assert.Equal(t, "c1", env.CorrelationID)
	}
	a.json(`{"type":"pod:explode","payload":{},"timestamp":"2026-11-24T08:34:00Z"}`)
	assert.Equal(t, "UNKNOWN_TYPE", next[wire.ErrorFrame](a, wire.TypeError).Code)
	a.json(`{"type":"error","payload":{"code":"BAD_FRAME","message":"what?"},"timestamp":"2026-11-24T08:34:00Z"}`)
	a.settled()
	assert.Contains(t, w.logs.String(), "what?")
	assert.Empty(t, w.store.reported())
}

func TestRegistering(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.dial()
	a.login("ada")
	a.json(`{"type":"node:register","timestamp":"2026-11-24T08:34:00Z","correlationId":"r1","payload":{"name":"a","runtimeType":"browser","runtimeVersion":"144",
		"agentVersion":"0.1.0","bootId":"` + bob.String() + `","labels":{"zone":"x"},"resources":{"cpu":"4","memory":"8Gi","pods":5},
		"pods":[{"podId":"` + ada.String() + `","incarnation":3,"status":"running"}],"somethingNew":1}}`)
	env := a.next(wire.TypeNodeRegistered)
	assert.Equal(t, "r1", env.CorrelationID)
	assert.JSONEq(t, `{"nodeId":"`+nodeA.String()+`","name":"a","access":"shared","heartbeatIntervalMs":10000,"leaseMs":30000,
		"supabase":{"url":"http://supabase.example","anonKey":"anon"}}`, string(env.Payload))
	reg := w.store.regs[0]
	assert.Equal(t, "s1", reg.ServerID)
	assert.Equal(t, bob, reg.BootID)
	assert.Equal(t, core.RuntimeBrowser, reg.Runtime)
	assert.Equal(t, map[string]string{"zone": "x"}, reg.Labels)
	assert.Equal(t, []core.HeldPod{{PodID: ada, Incarnation: 3, Status: core.PodRunning}}, reg.Held)
	eventually(t, func() bool { return w.hub.Connected() == 1 })

	a.send(wire.TypeNodeRegister, registration("b"))
	a.refused(t, wire.CloseBadFrame, "BAD_FRAME")
	assert.Equal(t, gone{node: nodeA, session: reg.SessionID}, <-w.store.gone)
	eventually(t, func() bool { return w.hub.Connected() == 0 })
}

func TestRegisterRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		says  error
		close int
		code  string
	}{
		"not one's own node": {core.Errorf(core.CodeForbidden, "you may not register a node named a"), wire.CloseForbidden, "FORBIDDEN"},
		"another runtime":    {core.Errorf(core.CodeConflict, "node a is a browser node"), wire.CloseForbidden, "CONFLICT"},
		"a bad quantity":     {core.Invalid("cpu", "not a quantity"), wire.CloseForbidden, "VALIDATION_ERROR"},
		"database down":      {core.Errorf(core.CodeUnavailable, "the database does not answer"), wire.CloseRestart, "SERVICE_UNAVAILABLE"},
		"something else":     {errors.New("boom"), wire.CloseRestart, "INTERNAL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.store.register = func(context.Context, core.Registration) (core.Registered, error) { return core.Registered{}, tc.says }
			a := w.dial()
			a.login("ada")
			a.send(wire.TypeNodeRegister, registration("a"))
			a.refused(t, tc.close, tc.code)
			<-a.served
			assert.Zero(t, w.hub.Connected())
			assert.Empty(t, w.store.gone, "it never was there")
			assert.Empty(t, w.hub.registering)
			assert.Empty(t, w.hub.names)
		})
	}
	t.Run("payloads", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		for name, change := range map[string]func(*wire.NodeRegister){
			"name":    func(r *wire.NodeRegister) { r.Name = "Not A Name" },
			"runtime": func(r *wire.NodeRegister) { r.RuntimeType = "deno" },
			"boot id": func(r *wire.NodeRegister) { r.BootID = uuid.Nil },
			"held pod": func(r *wire.NodeRegister) {
				r.Pods = []wire.HeldPod{{PodID: ada, Incarnation: 0, Status: core.PodRunning}}
			},
			"held status": func(r *wire.NodeRegister) {
				r.Pods = []wire.HeldPod{{PodID: ada, Incarnation: 1, Status: core.PodPending}}
			},
			"taint": func(r *wire.NodeRegister) { r.Taints = []core.Taint{{Key: "a", Effect: "Explode"}} },
			"capabilities": func(r *wire.NodeRegister) {
				r.Capabilities = json.RawMessage(`[]`)
			},
		} {
			a := w.dial()
			a.login("ada")
			in := registration("a")
			change(&in)
			a.send(wire.TypeNodeRegister, in)
			a.refused(t, wire.CloseBadFrame, "BAD_FRAME")
			assert.Empty(t, w.store.regs, name)
		}
	})
	t.Run("not yet registered", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		a := w.dial()
		a.login("ada")
		a.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 0})
		a.refused(t, wire.CloseBadFrame, "BAD_FRAME")
	})
	t.Run("a database that hangs", func(t *testing.T) {
		t.Parallel()
		w := start(t, func(c *Config) { c.StoreTimeout = 20 * time.Millisecond })
		w.store.register = func(ctx context.Context, _ core.Registration) (core.Registered, error) {
			<-ctx.Done()
			return core.Registered{}, context.Cause(ctx)
		}
		a := w.dial()
		a.login("ada")
		a.send(wire.TypeNodeRegister, registration("a"))
		a.refused(t, wire.CloseRestart, "SERVICE_UNAVAILABLE")
	})
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.dial()
	a.login("ada for 30ms")
	code, _ := a.end()
	assert.Equal(t, wire.CloseUnauthenticated, code)
	assert.Contains(t, a.text, "expired")
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.dial()
	begin := time.Now()
	a.login("ada for 1s")
	a.send(wire.TypeNodeRegister, registration("a"))
	a.next(wire.TypeNodeRegistered)
	a.login("ada")
	for time.Since(begin) < 1200*time.Millisecond { // past the end of the first token
		a.settled()
		<-time.After(20 * time.Millisecond)
	}

	a.send(wire.TypeAuthenticate, map[string]any{"token": "down", "protocol": 1})
	assert.Equal(t, "SERVICE_UNAVAILABLE", next[wire.ErrorFrame](a, wire.TypeError).Code)
	w.store.set(func(f *fakeStore) {
		f.whoami = func(core.Actor) (wire.User, error) { return wire.User{}, errors.New("odd") }
	})
	a.send(wire.TypeAuthenticate, map[string]any{"token": "ada", "protocol": 1})
	assert.Equal(t, "INTERNAL_ERROR", next[wire.ErrorFrame](a, wire.TypeError).Code)
	a.settled() // the old token still counts
	w.store.set(func(f *fakeStore) { f.whoami = nil })

	a.send(wire.TypeAuthenticate, map[string]any{"token": "bob", "protocol": 1})
	a.refused(t, wire.CloseForbidden, "FORBIDDEN")
	a = w.join("a")
	a.send(wire.TypeAuthenticate, map[string]any{"token": "eve", "protocol": 1})
	a.refused(t, wire.CloseUnauthenticated, "UNAUTHORIZED")
}

func TestSilence(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.state.Apply(core.Changes{Events: []core.Event{core.ConfigUpserted{Key: "heartbeat.intervalMs", Value: json.RawMessage("500")},
		core.ConfigUpserted{Key: "heartbeat.timeoutMs", Value: json.RawMessage("-5")}}})
	a := w.join("a")
	begin := time.Now()
	for range 3 {
		a.settled()
	}
	code, _ := a.end()
	assert.Equal(t, wire.CloseNoHeartbeat, code)
	assert.GreaterOrEqual(t, time.Since(begin), time.Second, "whatever is configured, two beats are waited for")
	assert.False(t, (<-w.store.gone).goodbye)
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	pod := aPod("p", nodeA, 2, core.PodScheduled)
	w.upsert(pod)
	a.next(wire.TypePodAssign)
	logs := func(id uuid.UUID, incarnation int64, text string) {
		a.send(wire.TypePodLogs, wire.PodLogs{PodID: id, Incarnation: incarnation, Dropped: 7, Lines: []wire.LogLine{{At: time.Now(), Stream: "stdout", Text: text}}})
	}
	logs(bob, 1, "not mine")
	logs(pod.ID, 3, "not yet mine")
	logs(pod.ID, 2, "with\x00NUL")
	eventually(t, func() bool { return len(w.store.logged()) == 2 })
	lines := w.store.logged()
	assert.Equal(t, "7 lines were dropped by the agent", lines[0].Text)
	assert.Equal(t, "with\uFFFDNUL", lines[1].Text)
	assert.Equal(t, pod.ID, lines[1].PodID)

	w.hub.byNode[nodeA].forgetPod(pod.ID, 1)
	logs(pod.ID, 2, "late")
	eventually(t, func() bool { return len(w.store.logged()) == 4 })
	w.hub.byNode[nodeA].forgetPod(pod.ID, 2)
	logs(pod.ID, 2, "too late")
	a.settled()
	require.Len(t, w.store.logged(), 4)
}
