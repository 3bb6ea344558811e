package control_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/control"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store"
	"github.com/stark-o/stark/tests/fixture"
)

// deaf is a store whose leader never hears that its evictions were committed: it dies between the two.
type deaf struct {
	*store.Store
	evicted atomic.Int64
}

func (d *deaf) Evict(ctx context.Context, epoch core.Epoch, evictions []core.Eviction) ([]uuid.UUID, error) {
	for {
		taken, err := d.Store.Evict(ctx, epoch, evictions)
		if err != nil {
			return nil, err
		}
		d.evicted.Add(int64(len(taken)))
		evictions = slices.DeleteFunc(slices.Clone(evictions), func(e core.Eviction) bool { return slices.Contains(taken, e.PodID) })
		if len(evictions) == 0 {
			<-ctx.Done()
			return nil, core.Errorf(core.CodeUnavailable, "the answer was lost")
		}
	}
}

// stopEvicted does what agents do: those who were asked to leave report that they have stopped.
func (w *world) stopEvicted(t *testing.T) {
	t.Helper()
	fixture.Exec(t, w.pool, "update public.pods set status = 'stopped', reason = eviction, message = '' where eviction is not null")
}

// run reports that what is scheduled runs.
func (w *world) run(t *testing.T) {
	t.Helper()
	fixture.Exec(t, w.pool, "update public.pods set status = 'running' where status = 'scheduled'")
}

// inserted adds pods of a priority class.
func (w *world) inserted(t *testing.T, class string, n int) []uuid.UUID {
	t.Helper()
	return fixture.All[uuid.UUID](t, w.pool, "insert into public.pods (pack_id, priority_class) select $1, $2 from generate_series(1, $3::integer) returning id",
		w.pack, class, n)
}

func TestPreemptionGoesOnUnderTheNextLeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 6)
	var dies *deaf
	a := startServer(t, "a", w.db, options{wrap: func(s *store.Store) control.Store { dies = &deaf{Store: s}; return dies }})
	eventually(t, "a leads", a.leads)
	w.inserted(t, "low-priority", 6)
	eventually(t, "the node is full", func() bool { return w.count(t, "status = 'scheduled'") == 6 })
	w.run(t)
	w.inserted(t, "high-priority", 2)
	eventually(t, "victims are asked to leave", func() bool { return w.count(t, "eviction = 'preempted'") == 2 })
	require.Zero(t, w.count(t, "priority_class = 'high-priority' and status <> 'pending'"), "there is no room before they have left")
	a.stop()
	require.EqualValues(t, 2, dies.evicted.Load())

	b := startServer(t, "b", w.db, options{})
	eventually(t, "b leads", b.leads)
	eventually(t, "b has looked at what waits", func() bool {
		return w.count(t, "priority_class = 'high-priority' and unschedulable ->> 'text' like '%waiting for pods to leave%'") == 2
	})
	require.EqualValues(t, 2, w.count(t, "eviction is not null"), "it sees who is leaving, and asks nobody else")
	w.stopEvicted(t)
	eventually(t, "the important ones have their place", func() bool { return w.count(t, "priority_class = 'high-priority' and status = 'scheduled'") == 2 })
	require.EqualValues(t, 2, w.count(t, "status = 'pending' and reason = 'preempted' and message like 'makes room for pod %' and eviction is null"), "none is lost")
	require.EqualValues(t, 4, w.count(t, "status = 'running' and incarnation = 1"), "and no more than need to go")
	require.Empty(t, fixture.All[string](t, w.pool, overCapacity))

	fixture.Exec(t, w.pool, "update public.pods set status = 'stopped', reason = 'completed' where priority_class = 'high-priority'")
	eventually(t, "they come back once there is room", func() bool { return w.count(t, "status = 'scheduled' and incarnation = 2") == 2 })
	require.EqualValues(t, 2, fixture.One[int64](t, w.pool, "select count(*) from public.pod_history where event = 'eviction_requested'"))
}

// Who holds a row in psql keeps a victim from being asked. It is asked later, and meanwhile all else goes on.
func TestAVictimThatIsLockedIsAskedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 1)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	victim := w.inserted(t, "low-priority", 1)[0]
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 1 })
	tx, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select 1 from public.pods where id = $1 for update", victim)
	require.NoError(t, err)
	w.inserted(t, "high-priority", 1)
	eventually(t, "it waits", func() bool { return w.count(t, "unschedulable ->> 'text' like '%waiting for pods to leave%'") == 1 })
	other := fixture.Node(t, w.pool, w.ops, "n2", 1)
	eventually(t, "the other node takes it", func() bool { return w.count(t, "priority_class = 'high-priority' and status = 'scheduled'") == 1 })
	fixture.Exec(t, w.pool, "update public.nodes set unschedulable = true where id = $1", other)
	w.inserted(t, "high-priority", 1)
	require.NoError(t, tx.Rollback(t.Context()))
	eventually(t, "asked", func() bool { return w.count(t, "eviction = 'preempted'") == 1 })
	w.stopEvicted(t)
	eventually(t, "placed", func() bool { return w.count(t, "priority_class = 'high-priority' and status = 'scheduled'") == 2 })
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select epoch from public.leader_lease"), "in one term")
}

func TestNobodyOfEqualOrHigherPriorityHasToLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 2)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	w.inserted(t, "high-priority", 2)
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 2 })
	fixture.Exec(t, w.pool, "insert into public.priority_classes (name, value, preemption_policy) values ('patient', 5000, 'Never')")
	w.inserted(t, "high-priority", 1)
	w.inserted(t, "patient", 1) // is before the others, and takes room from nobody
	eventually(t, "both wait for room", func() bool { return w.count(t, "unschedulable ->> 'text' like '%insufficient cpu%'") == 2 })
	require.Zero(t, w.count(t, "eviction is not null"))
}

func TestADrainGoesOnUnderTheNextLeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n1 := fixture.Node(t, w.pool, w.ops, "n1", 10)
	var dies *deaf
	a := startServer(t, "a", w.db, options{wrap: func(s *store.Store) control.Store { dies = &deaf{Store: s}; return dies }})
	eventually(t, "a leads", a.leads)
	pods := fixture.Pods(t, w.pool, w.pack, 5)
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 5 })
	w.run(t)
	fixture.Exec(t, w.pool, `insert into public.deployments (name, pack_id, mode, created_by) values ('d', $1, 'daemonset', $2)`, w.pack, w.ops.UserID)
	eventually(t, "placed, too", func() bool { return w.count(t, "status = 'scheduled' and deployment_id is not null") == 1 })
	w.run(t)
	fixture.Exec(t, w.pool, "update public.pods set desired_state = 'stopped' where id = $1", pods[0]) // goes anyway
	fixture.Exec(t, w.pool, "update public.nodes set drain_deadline = now() + interval '1 hour' where id = $1", n1)
	eventually(t, "they are asked to leave", func() bool { return w.count(t, "eviction = 'drained'") == 4 })
	a.stop()

	n2 := fixture.Node(t, w.pool, w.ops, "n2", 10)
	b := startServer(t, "b", w.db, options{})
	eventually(t, "b leads", b.leads)
	w.stopEvicted(t)
	eventually(t, "they are elsewhere", func() bool {
		return fixture.One[int64](t, w.pool, "select count(*) from public.pods where node_id = $1 and status = 'scheduled' and incarnation = 2", n2) == 4
	})
	require.Zero(t, fixture.One[int64](t, w.pool, "select count(*) from public.nodes where drained_at is not null"), "one is stopping yet")
	fixture.Exec(t, w.pool, "update public.pods set status = 'stopped', reason = 'stopped_by_user' where id = $1", pods[0])
	eventually(t, "it is drained", func() bool {
		return fixture.One[bool](t, w.pool, "select drained_at is not null from public.nodes where id = $1", n1)
	})
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, `select count(*) from public.pods
		where deployment_id is not null and node_id = $1 and status = 'running' and incarnation = 1`, n1), "a daemonset's pod stays")
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(*) from public.events where reason = 'drained' and object_name = 'n1'"))
	require.EqualValues(t, 4, fixture.One[int64](t, w.pool, "select count(*) from public.pod_history where event = 'eviction_requested'"), "each was asked once")
}

func TestADrainsDeadlineCutsTheGracePeriod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n1 := fixture.Node(t, w.pool, w.ops, "n1", 10)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	fixture.Exec(t, w.pool, "insert into public.pods (name, pack_id, grace_period_ms) values ('slow', $1, 3600000), ('fast', $1, 10)", w.pack)
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 2 })
	fixture.Exec(t, w.pool, "update public.nodes set drain_deadline = now() + interval '10 minutes' where id = $1", n1)
	eventually(t, "asked", func() bool { return w.count(t, "eviction = 'drained'") == 2 })
	require.EqualValues(t, 1, w.count(t, "name = 'slow' and eviction_grace_ms between 1 and 600000"))
	require.EqualValues(t, 1, w.count(t, "name = 'fast' and eviction_grace_ms is null"))
	fixture.Exec(t, w.pool, "update public.nodes set drain_deadline = now() - interval '1 second' where id = $1", n1)
	eventually(t, "both are to end at once", func() bool { return w.count(t, "eviction = 'drained' and eviction_grace_ms = 0") == 2 })
}

func TestPodsLeaveANodeThatTheyDoNotTolerate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n1 := fixture.Node(t, w.pool, w.ops, "n1", 10)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	fixture.Exec(t, w.pool, `insert into public.pods (name, pack_id, tolerations) values
		('none', $1, '[]'), ('ever', $1, '[{"key": "broken", "operator": "Exists"}]'),
		('late', $1, '[{"key": "broken", "operator": "Exists", "tolerationSeconds": 600}]'),
		('soon', $1, '[{"key": "broken", "operator": "Exists", "tolerationSeconds": 600}, {"operator": "Exists", "tolerationSeconds": 1}]'),
		('other', $1, '[{"key": "other", "operator": "Exists"}]')`, w.pack)
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 5 })
	w.run(t)
	fixture.Exec(t, w.pool, `update public.nodes set taints = '[{"key": "broken", "value": "disk", "effect": "NoExecute"}]' where id = $1`, n1)
	eventually(t, "asked", func() bool { return w.count(t, "eviction = 'evicted' and name in ('none', 'other', 'soon')") == 3 })
	require.EqualValues(t, 1, w.count(t, "name = 'none' and message = 'node n1 has a taint that it does not tolerate: broken=disk:NoExecute'"))
	require.EqualValues(t, 2, w.count(t, "eviction is null and status = 'running'"))
	w.stopEvicted(t)
	eventually(t, "they wait", func() bool {
		return w.count(t, "status = 'pending' and reason = 'evicted' and unschedulable is not null") == 2
	})
	eventually(t, "one tolerates it for a while again", func() bool { return w.count(t, "name = 'soon' and status = 'scheduled' and eviction is null") == 1 })
	eventually(t, "and no longer", func() bool { return w.count(t, "name = 'soon' and eviction = 'evicted'") == 1 })
}
