package sched

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

func running(c *Cluster, node int, pods ...*core.Pod) {
	for _, p := range pods {
		c.Place(p, nodeID(node))
	}
}

func evicted(plan Plan) []string {
	names := []string{}
	for _, e := range plan.Evictions {
		names = append(names, fmt.Sprintf("pod-%d", int(e.PodID[15])))
	}
	slices.Sort(names)
	return names
}

// kube-scheduler preemption.pickOneNodeForPreemption and defaultpreemption.SelectVictimsOnNode, criterion by criterion.
func TestPreemptionPicksTheLeastSacrifice(t *testing.T) {
	t.Parallel()
	big := func(n int, priority int32) *core.Pod { return somePod(n, asks(4000, 0), prioritised(priority)) }
	half := func(n int, priority int32) *core.Pod { return somePod(n, asks(2000, 0), prioritised(priority)) }
	for name, tc := range map[string]struct {
		nodes [][]*core.Pod
		want  []string
		on    int
	}{
		"lowest highest priority":         {[][]*core.Pod{{big(1, 5)}, {big(2, 3)}}, []string{"pod-2"}, 2},
		"then lowest sum":                 {[][]*core.Pod{{half(1, 3), half(2, 2)}, {half(3, 3), half(4, 1)}}, []string{"pod-3", "pod-4"}, 2},
		"then fewest":                     {[][]*core.Pod{{half(1, 3), half(2, 3)}, {big(3, 3)}}, []string{"pod-3"}, 2},
		"then the youngest":               {[][]*core.Pod{{big(1, 3)}, {big(9, 3)}, {big(2, 3)}}, []string{"pod-9"}, 2},
		"equal priority is never evicted": {[][]*core.Pod{{big(1, 10)}, {big(2, 11)}}, []string{}, 0},
		"only as many as needed": {[][]*core.Pod{{somePod(1, asks(1000, 0), prioritised(1)), somePod(2, asks(1000, 0), prioritised(2)),
			half(3, 0)}}, []string{"pod-1", "pod-2", "pod-3"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clusterOf()
			for i, pods := range tc.nodes {
				c.UpsertNode(someNode(i + 1))
				running(c, i+1, pods...)
			}
			plan := c.Decide([]*core.Pod{big(100, 10)}, Options{})
			require.Equal(t, tc.want, evicted(plan))
			require.Empty(t, plan.Placements)
			require.Len(t, plan.Unschedulable, 1)
			if tc.on == 0 {
				require.Empty(t, plan.Nominations)
				return
			}
			require.Equal(t, []core.Placement{{PodID: podID(100), NodeID: nodeID(tc.on)}}, plan.Nominations)
			require.True(t, plan.Unschedulable[0].Explanation.Has(FilterWaiting))
			require.Equal(t, core.ReasonPreempted, plan.Evictions[0].Reason)
		})
	}
}

func TestPreemptionSparesWhatItCan(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	running(c, 1, somePod(1, asks(2000, 0), prioritised(1)), somePod(2, asks(1500, 0), prioritised(2)), somePod(3, asks(500, 0), prioritised(0)))
	plan := c.Decide([]*core.Pod{somePod(9, asks(2000, 0), prioritised(10))}, Options{})
	// The most important come back first: pod-2 fits beside the newcomer, pod-1 does not any more, pod-3 does again.
	require.Equal(t, []string{"pod-1"}, evicted(plan))
}

// Kubernetes, PriorityClass preemptionPolicy Never.
func TestPreemptionPolicyNever(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	running(c, 1, somePod(1, asks(4000, 0)))
	plan := c.Decide([]*core.Pod{somePod(2, asks(4000, 0), prioritised(10), func(p *core.Pod) { p.NeverPreempts = true })}, Options{})
	require.Empty(t, plan.Evictions)
	require.True(t, plan.Unschedulable[0].Explanation.Has(FilterCPU))
}

// A nominated pod waits without evicting anew, its room is kept from pods behind it in the queue but not from those before it, and it gets
// its place once the victims are gone.
func TestNominatedPodWaitsAndGetsItsPlace(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	victim, preemptor := somePod(1, asks(4000, 0)), somePod(2, asks(3000, 0), prioritised(10))
	running(c, 1, victim)
	require.Len(t, c.Decide([]*core.Pod{preemptor}, Options{}).Evictions, 1)

	again := c.Decide([]*core.Pod{preemptor}, Options{})
	require.Empty(t, again.Evictions, "it waits already")
	require.Len(t, again.Nominations, 1)

	stopping := *victim
	stopping.Status = core.PodStopping
	c.Place(&stopping, nodeID(1))
	require.Empty(t, c.Decide([]*core.Pod{preemptor}, Options{}).Evictions)

	c.Remove(victim.ID)
	small := somePod(3, asks(1500, 0))
	plan := c.Decide([]*core.Pod{small}, Options{})
	require.Empty(t, plan.Placements, "1000m are left beside what is kept for pod-2")
	first := somePod(4, asks(1500, 0), prioritised(20))
	plan = c.Decide([]*core.Pod{preemptor, small, first}, Options{NoPreemption: true})
	require.Equal(t, []core.Placement{{PodID: first.ID, NodeID: nodeID(1)}, {PodID: small.ID, NodeID: nodeID(1)}}, plan.Placements,
		"a more important pod does not see the nomination, and then it is void")
}

func TestPreemptionMakesRoomInOtherWays(t *testing.T) {
	t.Parallel()
	lonely := affine(`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"zone"}]}}`)
	t.Run("anti-affinity on the node", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		running(c, 1, somePod(1, podLabels("app", "x")), somePod(2))
		plan := c.Decide([]*core.Pod{somePod(9, prioritised(1), lonely)}, Options{})
		require.Equal(t, []string{"pod-1"}, evicted(plan))
	})
	t.Run("not when the other is on another node of the zone", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1), someNode(2))
		running(c, 1, somePod(1, podLabels("app", "x")))
		running(c, 2, somePod(2, podLabels("app", "x")))
		plan := c.Decide([]*core.Pod{somePod(9, prioritised(1), lonely)}, Options{})
		require.Empty(t, plan.Evictions)
		require.True(t, plan.Unschedulable[0].Explanation.Has(FilterAntiAffinity))
	})
	t.Run("too many pods", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1, func(n *core.Node) { n.MaxPods = 1 }))
		running(c, 1, somePod(1))
		require.Equal(t, []string{"pod-1"}, evicted(c.Decide([]*core.Pod{somePod(9, prioritised(1))}, Options{})))
	})
	t.Run("never for what eviction cannot change", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1, tainted(core.Taint{Key: "gpu", Effect: core.EffectNoSchedule})))
		running(c, 1, somePod(1, asks(4000, 0)))
		require.Empty(t, c.Decide([]*core.Pod{somePod(9, asks(4000, 0), prioritised(1))}, Options{}).Evictions)
	})
	t.Run("limited per plan", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1), someNode(2))
		running(c, 1, somePod(1, asks(4000, 0)))
		running(c, 2, somePod(2, asks(4000, 0)))
		pods := []*core.Pod{somePod(8, asks(4000, 0), prioritised(1)), somePod(9, asks(4000, 0), prioritised(1))}
		require.Len(t, c.Decide(pods, Options{Evictions: 1, DryRun: true}).Evictions, 1)
		require.Len(t, c.Decide(pods, Options{}).Evictions, 2)
	})
}

// Whoever is evicted is less important, nobody is evicted without need, no other node would have cost less, and carrying the plan out gives
// the pod its place.
func TestPreemptionProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		for i := range rapid.IntRange(1, 5).Draw(t, "nodes") {
			n := someNode(i+1, func(n *core.Node) { n.CPUMillis, n.MemoryBytes, n.MaxPods = 1000, gi, 8 })
			m.cluster.UpsertNode(n)
			m.oracle.nodes[n.ID] = n
			for range rapid.IntRange(0, 8).Draw(t, "pods") {
				m.next++
				p := somePod(m.next, asks(pick[int64](t, "cpu", 0, 100, 200, 400), pick(t, "memory", 0, 100*mi, 300*mi)),
					prioritised(pick[int32](t, "priority", 0, 1, 2, 3)), podLabels("app", pick(t, "app", "x", "y")))
				if o := m.oracle; capacityOf(n).minus(o.used(n.ID)).holds(requestOf(p)) {
					m.cluster.Place(p, n.ID)
					o.homes[p.ID] = home{p, n.ID}
				}
			}
		}
		m.next++
		pod := somePod(m.next, asks(pick[int64](t, "need cpu", 300, 700, 1000), pick(t, "need memory", 100*mi, gi)),
			prioritised(pick[int32](t, "need priority", 0, 1, 2, 3)))
		related := pick(t, "lonely", false, true)
		if related {
			pod.Affinity = []byte(`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":"x"}},"topologyKey":"kubernetes.io/hostname"}]}}`)
		}
		plan := m.cluster.Decide([]*core.Pod{pod}, Options{})
		if len(plan.Placements) == 1 {
			if len(plan.Evictions) > 0 {
				t.Fatalf("placed and evicting")
			}
			return
		}
		m.checkEvictions(t, pod, plan)
	})
}

func (m *machine) checkEvictions(t *rapid.T, pod *core.Pod, plan Plan) {
	highest := func(homes map[uuid.UUID]home, victims []uuid.UUID) int32 {
		h := int32(-1)
		for _, id := range victims {
			h = max(h, homes[id].pod.Priority)
		}
		return h
	}
	// What each node would cost at least: the lowest priority p such that without everyone up to p the pod fits.
	least := int32(1 << 30)
	for _, n := range m.oracle.nodes {
		for p := int32(0); p < pod.Priority; p++ {
			if m.without(func(h home) bool { return h.node == n.ID && h.pod.Priority <= p }, func() bool { return m.oracle.feasible(pod, n) }) {
				least = min(least, p)
			}
		}
	}
	if len(plan.Evictions) == 0 {
		if least < 1<<30 {
			t.Fatalf("evicting up to priority %d would help", least)
		}
		return
	}
	node := m.oracle.nodes[plan.Evictions[0].NodeID]
	var victims []uuid.UUID
	for _, e := range plan.Evictions {
		if e.NodeID != node.ID || m.oracle.homes[e.PodID].pod.Priority >= pod.Priority {
			t.Fatalf("evicts %s", e.PodID)
		}
		victims = append(victims, e.PodID)
	}
	if h := highest(m.oracle.homes, victims); h != least {
		t.Fatalf("evicts priority %d, %d would do", h, least)
	}
	gone := func(spared int) func(home) bool {
		return func(h home) bool { i := slices.Index(victims, h.pod.ID); return i >= 0 && i != spared }
	}
	if !m.without(gone(-1), func() bool { return m.oracle.feasible(pod, node) }) {
		t.Fatalf("the evictions do not help")
	}
	for i := range victims {
		if m.without(gone(i), func() bool { return m.oracle.feasible(pod, node) }) {
			t.Fatalf("evicts %s for nothing", victims[i])
		}
	}
	for _, id := range victims {
		m.cluster.Remove(id)
	}
	if plan := m.cluster.Decide([]*core.Pod{pod}, Options{}); len(plan.Placements) != 1 {
		t.Fatalf("no place after the victims left: %s", plan.Unschedulable[0].Explanation.Text)
	}
}

func (m *machine) without(gone func(home) bool, f func() bool) bool {
	all := m.oracle.homes
	defer func() { m.oracle.homes = all }()
	m.oracle.homes = map[uuid.UUID]home{}
	for id, h := range all {
		if !gone(h) {
			m.oracle.homes[id] = h
		}
	}
	return f()
}
