package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/fixture"
)

// What an operator sets counts from the next decision on.
func TestSettingsTakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, "insert into public.cluster_config (key, value) values ('scheduler.preemption', 'false'), ('scheduler.strategy', '\"mostAllocated\"')")
	for _, name := range []string{"n1", "n2", "n3"} {
		fixture.Node(t, w.pool, w.ops, name, 4)
	}
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	for n := range int64(4) { // one by one: each sees where the others are
		w.inserted(t, "low-priority", 1)
		eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == n+1 })
	}
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(distinct node_id) from public.pods where status = 'scheduled'"), "the fullest first")
	w.inserted(t, "low-priority", 8)
	eventually(t, "full", func() bool { return w.count(t, "status = 'scheduled'") == 12 })
	w.inserted(t, "high-priority", 1)
	eventually(t, "it waits", func() bool { return w.count(t, "unschedulable ->> 'text' like '%insufficient cpu%'") == 1 })
	require.Zero(t, w.count(t, "eviction is not null"))
	fixture.Exec(t, w.pool, "update public.cluster_config set value = 'true' where key = 'scheduler.preemption'")
	eventually(t, "now it may", func() bool { return w.count(t, "eviction = 'preempted'") == 1 })
}

// A score of one's own counts from the next decision on; one that does not compile counts as none and holds nothing up.
func TestAScoreOfOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"n1", "n2", "n3"} {
		fixture.Node(t, w.pool, w.ops, name, 10)
	}
	fixture.Exec(t, w.pool, "insert into public.cluster_config (key, value) values ('scheduler.score', '\"node.name == \\\"n2\\\"\"'), ('scheduler.weights.custom', '100')")
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	w.inserted(t, "low-priority", 3)
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 3 })
	require.EqualValues(t, 3, w.count(t, "node_id = (select id from public.nodes where name = 'n2')"))
	fixture.Exec(t, w.pool, "update public.cluster_config set value = '\"1 +\"' where key = 'scheduler.score'")
	w.inserted(t, "low-priority", 2)
	eventually(t, "placed all the same", func() bool { return w.count(t, "status = 'scheduled'") == 5 })
}
