package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
)

func placements(node uuid.UUID, pods ...uuid.UUID) []core.Placement {
	list := make([]core.Placement, len(pods))
	for i, p := range pods {
		list[i] = core.Placement{PodID: p, NodeID: node}
	}
	return list
}

func TestAssign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	n1, n2 := fixture.Node(t, w.pool, w.dev, "n1", 10), fixture.Node(t, w.pool, w.dev, "n2", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 4)
	taken, err := w.Assign(t.Context(), epoch, append(placements(n1, pods[0], pods[1]), placements(n2, pods[2])...))
	require.NoError(t, err)
	require.ElementsMatch(t, pods[:3], taken)
	require.Equal(t, podRow{Status: core.PodScheduled, NodeID: &n1, Incarnation: 1}, w.row(t, pods[0]))
	require.Equal(t, podRow{Status: core.PodScheduled, NodeID: &n2, Incarnation: 1}, w.row(t, pods[2]))

	// What is not pending is left alone, and so is what is not there or not there yet; the rest counts.
	stopped := pods[3]
	fixture.Exec(t, w.pool, "update public.pods set desired_state = 'stopped' where id = $1", stopped)
	more := fixture.Pods(t, w.pool, w.pack, 1)
	taken, err = w.Assign(t.Context(), epoch, placements(n2, pods[0], stopped, uuid.New(), more[0]))
	require.NoError(t, err)
	require.Equal(t, more, taken)
	require.Equal(t, podRow{Status: core.PodScheduled, NodeID: &n1, Incarnation: 1}, w.row(t, pods[0]))

	taken, err = w.Assign(t.Context(), epoch, placements(n2, pods[0]))
	require.NoError(t, err, "nothing matched, but the epoch is good")
	require.Empty(t, taken)
	taken, err = w.Assign(t.Context(), epoch, nil)
	require.NoError(t, err)
	require.Empty(t, taken)
}

func TestAStaleLeaderWritesNothingAndIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stale := w.deposed(t)
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 2)
	_, err := w.Assign(t.Context(), stale, placements(node, pods...))
	require.ErrorIs(t, err, ErrNotLeader)
	require.Equal(t, podRow{Status: core.PodPending}, w.row(t, pods[0]))

	_, err = w.ExplainPending(t.Context(), stale, map[uuid.UUID]json.RawMessage{pods[0]: json.RawMessage(`{}`)})
	require.ErrorIs(t, err, ErrNotLeader)
	require.Nil(t, fixture.One[*string](t, w.pool, "select unschedulable::text from public.pods where id = $1", pods[0]))

	w.place(t, node, pods...)
	lease := w.withLease(t, node)
	_, _, err = w.LoseNodes(t.Context(), stale, []core.NodeLease{lease}, 1)
	require.ErrorIs(t, err, ErrNotLeader)
	require.Equal(t, "healthy:registered", w.nodeStatus(t, node))
	require.Equal(t, core.PodScheduled, w.row(t, pods[0]).Status)

	// The number alone is not enough, nor is the name.
	for _, forged := range []core.Epoch{{Holder: "old", Number: 2}, {Holder: "new", Number: 1}, {Holder: "new", Number: 3}, {}} {
		_, err = w.Assign(t.Context(), forged, placements(node, fixture.Pods(t, w.pool, w.pack, 1)...))
		require.ErrorIs(t, err, ErrNotLeader)
	}
}

// A take-over that comes while a decision is being written waits for it; one that came before voids it.
func TestTakeOverAndDecisionCannotPassEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.lead(t, "old")
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 1)
	w.expire(t)
	takeOver := w.hold(t, "update public.leader_lease set holder = 'new', epoch = epoch + 1, expires_at = now() + interval '1 minute'")
	result := make(chan error, 1)
	go func() {
		_, err := w.Assign(t.Context(), old, placements(node, pods...))
		result <- err
	}()
	w.blocked(t)
	takeOver()
	require.ErrorIs(t, <-result, ErrNotLeader)
	require.Equal(t, core.PodPending, w.row(t, pods[0]).Status)
}

func TestAssignTakesNoNodeThatIsNotThereForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	good := fixture.Node(t, w.pool, w.dev, "good", 10)
	for name, spoil := range map[string]string{
		"deleted":   "delete from public.nodes where id = $1",
		"unhealthy": "update public.nodes set status = 'unhealthy' where id = $1",
		"unknown":   "update public.nodes set status = 'unknown' where id = $1",
		"cordoned":  "update public.nodes set unschedulable = true where id = $1",
	} {
		node := fixture.Node(t, w.pool, w.dev, name, 10)
		pods := fixture.Pods(t, w.pool, w.pack, 2)
		fixture.Exec(t, w.pool, spoil, node)
		taken, err := w.Assign(t.Context(), epoch, append(placements(node, pods[0]), placements(good, pods[1])...))
		require.NoError(t, err, name)
		require.Equal(t, pods[1:], taken, "%s: one bad placement does not spoil the others", name)
		require.Equal(t, core.PodPending, w.row(t, pods[0]).Status, name)
	}
}

// Whoever holds a row, for example in a psql session that somebody left open, must not stop the cluster.
func TestDecisionsWaitForNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	free, held := fixture.Node(t, w.pool, w.dev, "free", 10), fixture.Node(t, w.pool, w.dev, "held", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 3)
	letPod := w.hold(t, "update public.pods set labels = '{\"a\": \"b\"}' where id = $1", pods[0])
	letNode := w.hold(t, "update public.nodes set labels = '{\"a\": \"b\"}' where id = $1", held)
	all := append(placements(free, pods[0], pods[1]), placements(held, pods[2])...)
	taken, err := w.Assign(t.Context(), epoch, all)
	require.NoError(t, err)
	require.Equal(t, pods[1:2], taken)
	seen, err := w.ExplainPending(t.Context(), epoch, map[uuid.UUID]json.RawMessage{pods[0]: json.RawMessage(`1`), pods[2]: json.RawMessage(`2`)})
	require.NoError(t, err)
	require.Equal(t, pods[2:], seen)
	letPod()
	letNode()
	taken, err = w.Assign(t.Context(), epoch, all)
	require.NoError(t, err)
	require.ElementsMatch(t, []uuid.UUID{pods[0], pods[2]}, taken)
}

func TestExplainPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 2)
	w.place(t, node, pods[1])
	why := json.RawMessage(`{"nodes": 1, "text": "0/1 nodes"}`)
	missing := uuid.New()
	explain := func() []uuid.UUID {
		seen, err := w.ExplainPending(t.Context(), epoch, map[uuid.UUID]json.RawMessage{pods[0]: why, pods[1]: why, missing: why})
		require.NoError(t, err)
		return seen
	}
	require.ElementsMatch(t, pods, explain(), "the one that is not there is not among them")
	read := func(pod uuid.UUID) *string {
		return fixture.One[*string](t, w.pool, "select unschedulable::text from public.pods where id = $1", pod)
	}
	require.JSONEq(t, string(why), *read(pods[0]))
	require.Nil(t, read(pods[1]), "it is not pending")
	revision := fixture.One[int64](t, w.pool, "select revision from public.pods where id = $1", pods[0])
	explain()
	require.Equal(t, revision, fixture.One[int64](t, w.pool, "select revision from public.pods where id = $1", pods[0]), "the same again writes nothing")
	w.place(t, node, pods[0])
	require.Nil(t, read(pods[0]), "placed: nothing to explain")
	seen, err := w.ExplainPending(t.Context(), epoch, nil)
	require.NoError(t, err)
	require.Empty(t, seen)
}

// withLease gives a node a lease and returns it as the leader sees it.
func (w *world) withLease(t *testing.T, node uuid.UUID) core.NodeLease {
	t.Helper()
	at := fixture.One[time.Time](t, w.pool, `insert into public.node_leases (node_id, session_id, boot_id, server_id)
		values ($1, gen_random_uuid(), gen_random_uuid(), 's') returning renewed_at`, node)
	return core.NodeLease{NodeID: node, RenewedAt: at, Status: core.NodeHealthy}
}

func TestLoseNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	gone, heard := fixture.Node(t, w.pool, w.dev, "gone", 10), fixture.Node(t, w.pool, w.dev, "heard", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 4)
	w.place(t, gone, pods[0], pods[1], pods[2])
	w.place(t, heard, pods[3])
	fixture.Exec(t, w.pool, "update public.pods set status = 'running' where id = $1", pods[1])
	fixture.Exec(t, w.pool, "update public.pods set status = 'running', desired_state = 'stopped' where id = $1", pods[2])
	leases := []core.NodeLease{w.withLease(t, gone), w.withLease(t, heard)}
	listed, err := w.NodeLeases(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 2)
	fixture.Exec(t, w.pool, "update public.node_leases set renewed_at = clock_timestamp() where node_id = $1", heard)

	lost, evicted, err := w.LoseNodes(t.Context(), epoch, leases, len(leases))
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{gone}, lost)
	require.Equal(t, 3, evicted)
	require.Equal(t, "unhealthy:lease_expired", w.nodeStatus(t, gone))
	require.Equal(t, "healthy:registered", w.nodeStatus(t, heard))
	evictedRow := podRow{Status: core.PodPending, Reason: core.ReasonNodeLost, Incarnation: 1, Restarts: 1, Message: "the node was not heard any more"}
	require.Equal(t, evictedRow, w.row(t, pods[0]))
	require.Equal(t, evictedRow, w.row(t, pods[1]))
	require.Equal(t, core.PodStopped, w.row(t, pods[2]).Status, "it was to stop anyway")
	require.Equal(t, core.PodScheduled, w.row(t, pods[3]).Status)

	listed, err = w.NodeLeases(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 1, "nobody counts on the lost one any more")

	// A pod that got there all the same is taken back, too: the node is still lost.
	w.place(t, gone, pods[0])
	listed, err = w.NodeLeases(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 2)
	lost, evicted, err = w.LoseNodes(t.Context(), epoch, leases[:1], 1)
	require.NoError(t, err)
	require.Empty(t, lost)
	require.Equal(t, 1, evicted)
	lost, evicted, err = w.LoseNodes(t.Context(), epoch, leases[:1], 1)
	require.NoError(t, err, "nothing to do, but the epoch is good")
	require.Zero(t, len(lost)+evicted)
}

// A node that comes back at the same moment keeps its pods, whichever of the two commits first.
func TestLoseNodesRacesWithANodeThatComesBack(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]string{
		"registers": "update public.nodes set status = 'healthy', status_reason = 'connected' where id = $1",
		"beats":     "update public.node_leases set renewed_at = clock_timestamp() where node_id = $1",
	} {
		w := newWorld(t)
		epoch := w.lead(t, "a")
		node := fixture.Node(t, w.pool, w.dev, "n1", 10)
		pods := fixture.Pods(t, w.pool, w.pack, 1)
		w.place(t, node, pods...)
		lease := w.withLease(t, node)
		commit := w.hold(t, back, node)
		lost, evicted, err := w.LoseNodes(t.Context(), epoch, []core.NodeLease{lease}, 1)
		require.NoError(t, err, name)
		require.Zero(t, len(lost)+evicted, name)
		commit()
		require.Equal(t, core.PodScheduled, w.row(t, pods[0]).Status, name)
		require.Contains(t, w.nodeStatus(t, node), "healthy:", name)
		require.NotContains(t, w.nodeStatus(t, node), "unhealthy", name)
	}
}

// An unhealthy node whose agent registers at this moment keeps its pods, which the registration has not looked at yet.
func TestEvictionRacesWithARegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 1)
	w.place(t, node, pods...)
	lease := w.withLease(t, node)
	fixture.Exec(t, w.pool, "update public.nodes set status = 'unhealthy' where id = $1", node)
	during(t, w, func(tx pgx.Tx) {
		fixture.Exec(t, tx, "update public.nodes set status = 'healthy' where id = $1", node)
		lost, evicted, err := w.LoseNodes(t.Context(), epoch, []core.NodeLease{lease}, 1)
		require.NoError(t, err)
		require.Zero(t, len(lost)+evicted)
	})
	require.Equal(t, core.PodScheduled, w.row(t, pods[0]).Status)
}
