package store

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
)

func registration(name string, held ...core.HeldPod) core.Registration {
	return core.Registration{Name: name, Runtime: core.RuntimeNode, RuntimeVersion: "v22", AgentVersion: "1", BootID: uuid.New(), SessionID: uuid.New(),
		ServerID: "server", Labels: map[string]string{"zone": "a"}, Taints: []core.Taint{{Key: "gpu", Effect: core.EffectNoSchedule}},
		CPU: "2", Memory: "1Gi", MaxPods: 7, Held: held}
}

func (w *world) register(t *testing.T, actor core.Actor, reg core.Registration) core.Registered {
	t.Helper()
	out, err := w.RegisterNode(t.Context(), actor, reg)
	require.NoError(t, err)
	return out
}

// Refusals first: who may not register a node, or not this one.
func TestRegisterNodeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, w.dev, registration("taken"))
	other, viewer := fixture.User(t, w.pool, "developer"), fixture.User(t, w.pool, "viewer")
	nodeAccount := fixture.User(t, w.pool, "node")
	browser := registration("taken")
	browser.Runtime = core.RuntimeBrowser
	badQuantity := registration("new")
	badQuantity.CPU = "lots"
	badLabels := registration("new")
	badLabels.Labels = map[string]string{"a": "\x00"}
	for name, c := range map[string]struct {
		actor core.Actor
		reg   core.Registration
		code  core.Code
	}{
		"viewer":                   {viewer, registration("new"), core.CodeForbidden},
		"nobody":                   {fixture.Actor(uuid.New(), "x"), registration("new"), core.CodeForbidden},
		"another developer's node": {other, registration("taken"), core.CodeForbidden},
		"as a node account":        {nodeAccount, registration("taken"), core.CodeForbidden},
		"another runtime":          {w.dev, browser, core.CodeConflict},
		"no quantity":              {w.dev, badQuantity, core.CodeValidation},
		"labels that are no text":  {w.dev, badLabels, core.CodeValidation},
	} {
		_, err := w.RegisterNode(t.Context(), c.actor, c.reg)
		requireCode(t, c.code, err)
		if c.code == core.CodeForbidden {
			var public *core.Error
			require.ErrorAs(t, err, &public)
			require.NotContains(t, public.Message, "row-level", name)
		}
	}
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(*) from public.nodes"))
}

func TestRegisterNodeByRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for role, access := range map[string]core.Access{
		"developer": core.AccessPrivate, "operator": core.AccessShared, "admin": core.AccessShared, "node": core.AccessShared,
	} {
		actor := fixture.User(t, w.pool, role)
		out := w.register(t, actor, registration("node-of-"+role))
		require.Equal(t, access, out.Access, role)
		require.Equal(t, actor.UserID, fixture.One[uuid.UUID](t, w.pool, "select owner_id from public.nodes where id = $1", out.NodeID))
		require.Equal(t, "healthy:connected", w.nodeStatus(t, out.NodeID))
	}
}

func TestRegisterNodeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.register(t, w.dev, registration("n1"))
	fixture.Exec(t, w.pool, "update public.nodes set labels = labels || '{\"mine\": \"1\"}', taints = '[]', unschedulable = true where id = $1", first.NodeID)
	again := registration("n1")
	again.Labels, again.CPU, again.Capabilities = map[string]string{"zone": "b"}, "4", json.RawMessage(`{"gpu": 1}`)
	second := w.register(t, w.dev, again)
	require.Equal(t, first.NodeID, second.NodeID)
	node, err := w.Node(t.Context(), w.dev, "n1")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"zone": "b", "mine": "1"}, node.Labels, "merged")
	require.Empty(t, node.Taints, "they count only at first")
	require.True(t, node.Unschedulable)
	require.Equal(t, "4", node.Resources.CPU)
	require.JSONEq(t, `{"gpu": 1}`, string(node.Capabilities))
	require.Equal(t, again.SessionID, fixture.One[uuid.UUID](t, w.pool, "select session_id from public.node_leases where node_id = $1", first.NodeID))
}

// What an agent holds and what the database has at home there are brought together.
func TestRegisterNodeReconciles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := fixture.User(t, w.pool, "operator")
	node := w.register(t, operator, registration("n1")).NodeID
	elsewhere := fixture.Node(t, w.pool, operator, "n2", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 7)
	held, scheduled, lost, lostAndStopped, older, moved, ended := pods[0], pods[1], pods[2], pods[3], pods[4], pods[5], pods[6]
	w.place(t, node, held, scheduled, lost, lostAndStopped, older, ended)
	w.place(t, elsewhere, moved)
	fixture.Exec(t, w.pool, "update public.pods set status = 'running' where id = any ($1)", []uuid.UUID{held, lost, lostAndStopped, older})
	fixture.Exec(t, w.pool, "update public.pods set desired_state = 'stopped' where id = $1", lostAndStopped)
	fixture.Exec(t, w.pool, "update public.pods set status = 'stopped' where id = $1", ended)

	unknown := uuid.New()
	out := w.register(t, operator, registration("n1",
		core.HeldPod{PodID: held, Incarnation: 1, Status: core.PodRunning}, core.HeldPod{PodID: older, Incarnation: 0, Status: core.PodRunning},
		core.HeldPod{PodID: moved, Incarnation: 1}, core.HeldPod{PodID: ended, Incarnation: 1}, core.HeldPod{PodID: unknown, Incarnation: 1}))

	var run, stop []uuid.UUID
	for _, p := range out.Pods {
		run = append(run, p.ID)
		require.Equal(t, w.pack, p.PackID)
		require.EqualValues(t, 1, p.Incarnation)
	}
	for _, p := range out.Stop {
		stop = append(stop, p.PodID)
	}
	require.ElementsMatch(t, []uuid.UUID{held, scheduled}, run)
	require.ElementsMatch(t, []uuid.UUID{older, moved, ended, unknown}, stop)
	for _, id := range []uuid.UUID{lost, older} {
		require.Equal(t, podRow{Status: core.PodPending, Reason: core.ReasonAgentRestarted, Incarnation: 1, Restarts: 1,
			Message: "the agent came back without it"}, w.row(t, id))
	}
	require.Equal(t, core.PodStopped, w.row(t, lostAndStopped).Status)
	require.Equal(t, core.PodRunning, w.row(t, held).Status)
	require.Equal(t, core.PodScheduled, w.row(t, moved).Status, "another node's pods are none of its business")
	actor := fixture.One[uuid.UUID](t, w.pool, "select actor_id from public.pod_history where pod_id = $1 order by id desc limit 1", lost)
	require.Equal(t, operator.UserID, actor, "the history says whose agent it was")
}

func TestRegisteredPodsCarryWhatTheyRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node := w.register(t, w.agent, registration("n1")).NodeID
	pod := fixture.One[uuid.UUID](t, w.pool, `insert into public.pods (name, pack_id, env, args, metadata, grace_period_ms, cpu, memory)
		values ('web', $1, '{"A": "1"}', '[1]', '{"m": 1}', 2000, '1', '1Mi') returning id`, w.pack)
	w.place(t, node, pod)
	got := w.register(t, w.agent, registration("n1")).Pods[0]
	require.Equal(t, map[string]string{"A": "1"}, got.Env)
	require.JSONEq(t, `[1]`, string(got.Args))
	require.JSONEq(t, `{"m": 1}`, string(got.Metadata))
	require.Equal(t, []any{"web", "default", "2s", int64(1000), int64(1 << 20), core.PodScheduled, core.DesiredRunning, node},
		[]any{got.Name, got.Namespace, got.GracePeriod.String(), got.CPUMillis, got.MemoryBytes, got.Status, got.Desired, got.NodeID})
}

func TestSetNodeGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reg := registration("n1")
	node := w.register(t, w.agent, reg).NodeID
	pods := fixture.Pods(t, w.pool, w.pack, 1)
	w.place(t, node, pods...)

	ok, err := w.SetNodeGone(t.Context(), node, uuid.New(), true)
	require.NoError(t, err)
	require.False(t, ok, "not its connection")
	require.Equal(t, "healthy:connected", w.nodeStatus(t, node))

	ok, err = w.SetNodeGone(t.Context(), node, reg.SessionID, false)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "unknown:connection_lost", w.nodeStatus(t, node))
	require.Equal(t, core.PodScheduled, w.row(t, pods[0]).Status, "it may come back")

	ok, err = w.SetNodeGone(t.Context(), node, reg.SessionID, true)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "unhealthy:disconnected", w.nodeStatus(t, node))
	require.Equal(t, podRow{Status: core.PodPending, Reason: core.ReasonNodeDisconnected, Incarnation: 1, Restarts: 1, Message: "the agent went away"},
		w.row(t, pods[0]))
	ok, err = w.SetNodeGone(t.Context(), uuid.New(), reg.SessionID, true)
	require.NoError(t, err)
	require.False(t, ok)
}

// A connection breaks and the agent is back while the old connection is still being cleared away: the new one counts.
func TestSetNodeGoneRacesWithTheNextRegistration(t *testing.T) {
	t.Parallel()
	for _, goodbye := range []bool{false, true} {
		w := newWorld(t)
		reg := registration("n1")
		node := w.register(t, w.agent, reg).NodeID
		pods := fixture.Pods(t, w.pool, w.pack, 1)
		w.place(t, node, pods...)
		tx, err := w.pool.Begin(t.Context())
		require.NoError(t, err)
		// What a registration does, up to its commit.
		fixture.Exec(t, tx, "update public.nodes set runtime_version = 'again' where id = $1", node)
		fixture.Exec(t, tx, "update public.node_leases set session_id = gen_random_uuid(), renewed_at = clock_timestamp() where node_id = $1", node)
		result := make(chan bool, 1)
		go func() {
			ok, err := w.SetNodeGone(t.Context(), node, reg.SessionID, goodbye)
			result <- ok || err != nil
		}()
		w.blocked(t)
		require.NoError(t, tx.Commit(t.Context()))
		require.False(t, <-result, "the lease is the next connection's")
		require.Equal(t, "healthy:connected", w.nodeStatus(t, node))
		require.Equal(t, core.PodScheduled, w.row(t, pods[0]).Status)
	}
}

// An assignment and a goodbye that meet: the pod does not stay on a node that is gone.
func TestGoodbyeTakesBackWhatIsBeingAssigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	reg := registration("n1")
	node := w.register(t, w.agent, reg).NodeID
	for range 20 {
		fixture.Exec(t, w.pool, "update public.nodes set status = 'healthy' where id = $1", node)
		pod := fixture.Pods(t, w.pool, w.pack, 1)[0]
		gone := make(chan error, 1)
		go func() {
			_, err := w.SetNodeGone(t.Context(), node, reg.SessionID, true)
			gone <- err
		}()
		_, err := w.Assign(t.Context(), epoch, placements(node, pod))
		require.NoError(t, err)
		require.NoError(t, <-gone)
		require.Equal(t, core.PodPending, w.row(t, pod).Status)
		fixture.Exec(t, w.pool, "delete from public.pods where id = $1", pod)
	}
}

func TestRenewNodeLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, taken := registration("n1"), registration("n2")
	n1, n2 := w.register(t, w.dev, mine).NodeID, w.register(t, w.dev, taken).NodeID
	w.register(t, w.dev, registration("n2")) // another connection
	fixture.Exec(t, w.pool, "update public.node_leases set renewed_at = now() - interval '1 h'")
	held, err := w.RenewNodeLeases(t.Context(), []core.LeaseRenewal{
		{NodeID: n1, SessionID: mine.SessionID, Usage: json.RawMessage(`{"pods": 3}`)}, {NodeID: n2, SessionID: taken.SessionID},
		{NodeID: uuid.New(), SessionID: uuid.New()},
	})
	require.NoError(t, err)
	require.Equal(t, map[uuid.UUID]bool{mine.SessionID: true}, held)
	fresh := fixture.All[uuid.UUID](t, w.pool, "select node_id from public.node_leases where renewed_at > now() - interval '1 min'")
	require.Equal(t, []uuid.UUID{n1}, fresh)
	require.JSONEq(t, `{"pods": 3}`, fixture.One[string](t, w.pool, "select usage::text from public.node_leases where node_id = $1", n1))
	held, err = w.RenewNodeLeases(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, held)
}

// A node was given up because nobody renewed its lease in time, but its connection lives: its next beat brings it back.
func TestABeatBringsALostNodeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reg := registration("n1")
	node := w.register(t, w.dev, reg).NodeID
	beat := func() {
		held, err := w.RenewNodeLeases(t.Context(), []core.LeaseRenewal{{NodeID: node, SessionID: reg.SessionID}})
		require.NoError(t, err)
		require.True(t, held[reg.SessionID])
	}
	fixture.Exec(t, w.pool, "update public.nodes set status = 'unhealthy', status_reason = 'lease_expired' where id = $1", node)
	beat()
	require.Equal(t, "healthy:connected", w.nodeStatus(t, node))

	// But not one whose connection is known to be gone: that renewal was only late.
	for _, goodbye := range []bool{false, true} {
		_, err := w.SetNodeGone(t.Context(), node, reg.SessionID, goodbye)
		require.NoError(t, err)
		before := w.nodeStatus(t, node)
		beat()
		require.Equal(t, before, w.nodeStatus(t, node))
	}
}
