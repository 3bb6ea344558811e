package sched

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func zoned(n int, zone string) *core.Node { return someNode(n, labelled("zone", zone)) }

func towardsApp(app, key string) func(*core.Pod) {
	return affine(fmt.Sprintf(`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":%q}},"topologyKey":%q}]}}`, app, key))
}

func awayFrom(app, key, more string) func(*core.Pod) {
	return affine(fmt.Sprintf(`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":%q}},"topologyKey":%q%s}]}}`, app, key, more))
}

// Kubernetes, "Inter-pod affinity and anti-affinity"; kube-scheduler interpodaffinity filtering_test.go.
func TestFilterPodAffinity(t *testing.T) {
	t.Parallel()
	t.Run("goes to the domain of the other", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "b"), zoned(3, "b"))
		c.Place(somePod(1, podLabels("app", "db"), asks(3950, 0)), nodeID(2))
		require.Equal(t, []string{"node-3"}, homes(t, c, somePod(2, towardsApp("db", "zone"))))
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		require.True(t, ptr(whyNot(t, clusterOf(zoned(1, "a")), somePod(2, towardsApp("db", "zone")))).Has(FilterPodAffinity))
	})
	t.Run("the first of a group that is towards itself may start anywhere", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "b"))
		got := homes(t, c, somePod(1, podLabels("app", "db"), towardsApp("db", "zone")), somePod(2, podLabels("app", "db"), towardsApp("db", "zone")))
		require.NotEmpty(t, got[0])
		require.Equal(t, got[0], got[1])
	})
	t.Run("but not where the key is missing", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1, labelled()))
		require.True(t, ptr(whyNot(t, c, somePod(1, podLabels("app", "db"), towardsApp("db", "zone")))).Has(FilterPodAffinity))
	})
	t.Run("other namespaces count only when named", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"))
		c.Place(somePod(1, podLabels("app", "db"), func(p *core.Pod) { p.Namespace = "data" }), nodeID(1))
		term := func(more string) func(*core.Pod) {
			return affine(`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":"db"}},"topologyKey":"zone"` + more + `}]}}`)
		}
		gold := term(`,"namespaceSelector":{"matchLabels":{"tier":"gold"}}`)
		whyNot(t, c, somePod(2, term("")))
		whyNot(t, c, somePod(3, gold))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(4, term(`,"namespaces":["data"]`))))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(5, term(`,"namespaceSelector":{}`))), "an empty selector is all namespaces")
		c.UpsertNamespace(&core.Namespace{Name: "data", Labels: map[string]string{"tier": "gold"}})
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(3, gold)))
	})
}

func TestFilterPodAntiAffinity(t *testing.T) {
	t.Parallel()
	t.Run("keeps away from the other's domain", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "a"), zoned(3, "b"))
		c.Place(somePod(1, podLabels("app", "db")), nodeID(1))
		require.Equal(t, []string{"node-3"}, homes(t, c, somePod(2, awayFrom("db", "zone", ""))))
	})
	t.Run("one a node", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "a"))
		lonely := func(n int) *core.Pod {
			return somePod(n, podLabels("app", "db"), awayFrom("db", "kubernetes.io/hostname", ""))
		}
		got := homes(t, c, lonely(1), lonely(2), lonely(3))
		require.ElementsMatch(t, []string{"node-1", "node-2"}, got[:2])
		require.Empty(t, got[2])
	})
	t.Run("symmetric: the running pod's anti-affinity keeps others away", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"))
		c.Place(somePod(1, awayFrom("web", "zone", "")), nodeID(1))
		why := whyNot(t, c, somePod(2, podLabels("app", "web")))
		require.Equal(t, map[Filter]int{FilterRepelled: 1}, why.Filters)
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(3, podLabels("app", "db"))))
	})
	t.Run("a node without the key is in no domain", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1, labelled()))
		c.Place(somePod(1, podLabels("app", "db")), nodeID(1))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2, awayFrom("db", "zone", ""))))
	})
	t.Run("matchLabelKeys: only pods of the same version", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"))
		c.Place(somePod(1, podLabels("app", "db", "v", "1")), nodeID(1))
		away := awayFrom("db", "zone", `,"matchLabelKeys":["v"]`)
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2, podLabels("app", "db", "v", "2"), away)))
		whyNot(t, c, somePod(3, podLabels("app", "db", "v", "1"), away))
	})
}

func evenlyOver(key, when string, skew int, more string) func(*core.Pod) {
	return spreading(fmt.Sprintf(`[{"maxSkew":%d,"topologyKey":%q,"whenUnsatisfiable":%q,"labelSelector":{"matchLabels":{"app":"x"}}%s}]`, skew, key, when, more))
}

// Kubernetes, "Pod Topology Spread Constraints"; kube-scheduler podtopologyspread filtering_test.go.
func TestFilterTopologySpread(t *testing.T) {
	t.Parallel()
	x := podLabels("app", "x")
	t.Run("maxSkew", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "b"))
		c.Place(somePod(1, x), nodeID(1))
		require.Equal(t, []string{"node-2"}, homes(t, c, somePod(2, x, evenlyOver("zone", "DoNotSchedule", 1, ""))))
	})
	t.Run("a pod that does not match itself adds nothing", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), someNode(2, labelled("zone", "b"), func(n *core.Node) { n.Unschedulable = true }))
		c.Place(somePod(1, x), nodeID(1))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2, evenlyOver("zone", "DoNotSchedule", 1, ""))))
		whyNot(t, c, somePod(3, x, evenlyOver("zone", "DoNotSchedule", 1, "")))
	})
	t.Run("minDomains: fewer domains count as an empty one", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "b"))
		c.Place(somePod(1, x), nodeID(1))
		c.Place(somePod(2, x), nodeID(2))
		why := whyNot(t, c, somePod(3, x, evenlyOver("zone", "DoNotSchedule", 1, `,"minDomains":3`)))
		require.Equal(t, "0/2 nodes: 2 topology spread zone", why.Text)
		require.NotContains(t, homes(t, c, somePod(4, x, evenlyOver("zone", "DoNotSchedule", 1, `,"minDomains":2`))), "")
	})
	t.Run("nodes that affinity rules out are no domains", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "b"))
		c.Place(somePod(1, x), nodeID(1))
		onlyA := func(p *core.Pod) { p.NodeSelector = map[string]string{"zone": "a"} }
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2, x, onlyA, evenlyOver("zone", "DoNotSchedule", 1, ""))))
		whyNot(t, c, somePod(3, x, onlyA, evenlyOver("zone", "DoNotSchedule", 1, `,"nodeAffinityPolicy":"Ignore"`)))
	})
	t.Run("tainted nodes are domains unless the policy honors taints", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), someNode(2, labelled("zone", "b"), tainted(core.Taint{Key: "gpu", Effect: core.EffectNoSchedule})))
		c.Place(somePod(1, x), nodeID(1))
		whyNot(t, c, somePod(2, x, evenlyOver("zone", "DoNotSchedule", 1, "")))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(3, x, evenlyOver("zone", "DoNotSchedule", 1, `,"nodeTaintsPolicy":"Honor"`))))
	})
	t.Run("a node without the key", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1, labelled()))
		require.True(t, ptr(whyNot(t, c, somePod(1, x, evenlyOver("zone", "DoNotSchedule", 1, "")))).Has(FilterSpread))
	})
	t.Run("stopping pods do not count", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), someNode(2, labelled("zone", "b"), func(n *core.Node) { n.Unschedulable = true }))
		c.Place(somePod(1, x, func(p *core.Pod) { p.Status = core.PodStopping }), nodeID(1))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2, x, evenlyOver("zone", "DoNotSchedule", 1, ""))))
	})
	t.Run("over nodes, in waves", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(zoned(1, "a"), zoned(2, "a"), zoned(3, "a"))
		perNode := map[string]int{}
		for i := range 9 {
			perNode[homes(t, c, somePod(i+1, x, evenlyOver("kubernetes.io/hostname", "DoNotSchedule", 1, "")))[0]]++
		}
		require.Equal(t, map[string]int{"node-1": 3, "node-2": 3, "node-3": 3}, perNode)
	})
}

// A pod whose affinity is met by one that comes after it in the queue is left for the next plan, not called unschedulable.
func TestDeferredForWhoComesLater(t *testing.T) {
	t.Parallel()
	c := clusterOf(zoned(1, "a"))
	pods := []*core.Pod{somePod(1, towardsApp("db", "zone")), somePod(2, podLabels("app", "db"))}
	plan := c.Decide(pods, Options{})
	require.Len(t, plan.Placements, 1)
	require.Empty(t, plan.Unschedulable)
	require.Equal(t, 1, plan.Deferred)
	require.Len(t, c.Decide(pods, Options{}).Placements, 1)
}
