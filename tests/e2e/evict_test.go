package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pod of higher priority takes the room of another, whose server is killed before it is done. That one stops, waits, and comes back when there is room.
func TestPreemption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("small", "STARK_NODE_CPU=100m")
	w.push(w.dev, "beacon", beacon)
	env := map[string]string{"WITNESS": w.witness.url}
	low := w.pod(w.dev, map[string]any{"pack": "beacon", "name": "low", "env": env, "priorityClass": "low-priority"})
	w.runsOnce(low.ID)

	high := w.pod(w.dev, map[string]any{"pack": "beacon", "name": "high", "env": env, "priorityClass": "high-priority"})
	w.eventually("it is asked to leave", func() bool {
		return w.text("select count(*) from pod_history where pod_id = $1 and event = 'eviction_requested'", low.ID) == "1"
	})
	w.server.kill()
	w.startServer()
	w.runsOnce(high.ID)
	w.becomes(low.ID, "pending (preempted)")

	w.call(w.dev.token, http.MethodPost, "/api/pods/"+high.ID.String()+"/stop", nil, http.StatusOK, nil)
	w.runsOnce(low.ID)
	require.Equal(t, "2", w.text("select incarnation from pods where id = $1", low.ID))
	require.Equal(t, "1", w.text("select count(*) from pod_history where event = 'eviction_requested'"))
}

// A node is drained while its server is killed: its pods run elsewhere, each once, and it is on record that it is empty.
func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("one")
	a := w.beacon()
	b := w.pod(w.dev, map[string]any{"pack": "beacon", "env": map[string]string{"WITNESS": w.witness.url}}).ID
	w.runsOnce(b)
	w.call(w.admin.token, http.MethodPost, "/api/nodes/one/drain", map[string]any{"timeoutSeconds": 600}, http.StatusOK, nil)
	w.eventually("they are asked to leave", func() bool {
		return w.text("select count(*) from pod_history where event = 'eviction_requested' and reason = 'drained'") == "2"
	})
	w.server.kill()
	w.startServer()
	w.startAgent("two")
	w.runsOnce(a)
	w.runsOnce(b)
	require.Equal(t, "2", w.text("select count(*) from pods p join nodes n on n.id = p.node_id where n.name = 'two' and p.incarnation = 2"))
	w.eventually("it is drained", func() bool { return w.text("select drained_at is not null from nodes where name = 'one'") == "true" })
}
