package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func (w *world) beacon() uuid.UUID {
	w.t.Helper()
	w.push(w.dev, "beacon", beacon)
	pod := w.pod(w.dev, map[string]any{"pack": "beacon", "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(pod.ID)
	return pod.ID
}

// impatient makes the cluster notice lost nodes soon.
func (w *world) impatient() {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), `update cluster_config set value = case key when 'heartbeat.intervalMs' then '300'::jsonb else '2000'::jsonb end
		where key in ('heartbeat.intervalMs', 'heartbeat.timeoutMs')`)
	require.NoError(w.t, err)
}

func TestServerKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	pod := w.beacon()

	w.server.kill()
	// The pod goes on without a server, and another is inserted that nobody can place yet.
	w.eventually("no slot is left", func() bool { return w.slots() == "" })
	var orphan uuid.UUID
	require.NoError(t, w.db.QueryRow(t.Context(), `insert into pods (pack_id, env) select id, $1 from packs where name = 'beacon' returning id`,
		map[string]string{"WITNESS": w.witness.url}).Scan(&orphan))
	w.startServer()
	w.runsOnce(orphan)
	w.runsOnce(pod)
	require.Equal(t, []string{"1"}, w.witness.incarnations(pod), "the pod was never touched")
	require.Equal(t, "1", w.text("select incarnation from pods where id = $1", pod))
	w.eventually("the agent is back", func() bool { return w.text("select status from nodes where name = 'node-a'") == "healthy" })

	w.call(w.dev.token, http.MethodPost, "/api/pods/"+pod.String()+"/stop", nil, http.StatusOK, nil)
	w.becomes(pod, "stopped (stopped_by_user)")
	w.server.stop()
	require.NoError(t, w.server.err, "an orderly stop")
	w.eventually("no slot is left", func() bool { return w.slots() == "" })
}

func TestAgentKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agent := w.startAgent("node-a")
	pod := w.beacon()

	agent.kill()
	w.eventually("the server has noticed", func() bool { return w.text("select status from nodes where name = 'node-a'") == "unknown" })
	w.startAgent("node-a")
	w.runsOnce(pod)
	require.Equal(t, []string{"1", "2"}, w.witness.incarnations(pod))
	require.Equal(t, "agent_restarted", w.text("select reason from pod_history where pod_id = $1 and to_status = 'pending' and event = 'status'", pod))
}

func TestAgentKilledAndNeverBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.impatient()
	first := w.startAgent("node-a")
	pod := w.beacon()
	w.startAgent("node-b")
	first.kill()
	w.eventually("the pod is elsewhere", func() bool {
		return w.text("select n.name from pods p join nodes n on n.id = p.node_id where p.id = $1", pod) == "node-b"
	})
	w.runsOnce(pod)
	require.Equal(t, []string{"1", "2"}, w.witness.incarnations(pod))
	require.Equal(t, "node_lost", w.text("select reason from pod_history where pod_id = $1 and to_status = 'pending' and event = 'status'", pod))
}

func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	pod := w.beacon()

	require.NoError(t, w.stack.Postgres().Kill())
	require.NoError(t, w.stack.Postgres().Ready(t.Context()))
	w.runsOnce(pod)
	require.Equal(t, []string{"1"}, w.witness.incarnations(pod), "the pod was never touched")
	// Scheduling goes on, by the same server and the same agent.
	second := w.pod(w.dev, map[string]any{"pack": "beacon", "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(second.ID)
	w.server.stop()
	require.NoError(t, w.server.err)
	w.eventually("no slot is left", func() bool { return w.slots() == "" })
}

// Two servers run beside one project; the one that decides is killed, and the other takes over.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(freePort(t)) // it waits for the lease
	w.startAgent("node-a")
	pod := w.beacon()
	holder := w.text("select holder from leader_lease")
	w.server.kill()
	w.eventually("another server leads", func() bool { return w.text("select holder from leader_lease where expires_at > now()") != holder })
	w.startServer() // the agent knows this address
	w.runsOnce(pod)
	second := w.pod(w.dev, map[string]any{"pack": "beacon", "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(second.ID)
	require.Equal(t, []string{"1"}, w.witness.incarnations(pod))
}

// An agent that ends in order takes its leave: its pods are placed again at once.
func TestAgentStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.startAgent("node-a")
	pod := w.beacon()
	w.startAgent("node-b")
	began := time.Now()
	first.stop()
	require.NoError(t, first.err, "an orderly stop")
	w.eventually("the pod is elsewhere", func() bool {
		return w.text("select n.name from pods p join nodes n on n.id = p.node_id where p.id = $1", pod) == "node-b"
	})
	w.runsOnce(pod)
	require.Equal(t, []string{"1", "2"}, w.witness.incarnations(pod))
	t.Logf("moved in %s", time.Since(began))
	require.Equal(t, "unhealthy", w.text("select status from nodes where name = 'node-a'"))
}
