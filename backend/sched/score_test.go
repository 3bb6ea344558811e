package sched

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func TestShare(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		used, capacity int64
		want           int32
	}{{0, 100, 0}, {-5, 100, 0}, {25, 100, MaxScore / 4}, {100, 100, MaxScore}, {200, 100, MaxScore}, {0, 0, MaxScore}, {1, 3, 333333},
		{1 << 61, 1 << 62, MaxScore / 2}} {
		require.Equal(t, tc.want, share(tc.used, tc.capacity), "%d of %d", tc.used, tc.capacity)
	}
}

// kube-scheduler noderesources: least_allocated_test.go, most_allocated_test.go, balanced_allocation_test.go.
func TestResourceScores(t *testing.T) {
	t.Parallel()
	const full, half = MaxScore, MaxScore / 2
	for name, tc := range map[string]struct {
		strategy            Strategy
		cpu, memory         int32
		allocation, balance int64
	}{
		"least, empty":    {LeastAllocated, 0, 0, full, full},
		"least, half cpu": {LeastAllocated, half, 0, 3 * full / 4, 3 * full / 4},
		"least, full":     {LeastAllocated, full, full, 0, full},
		"least, too full": {LeastAllocated, 2 * full, full, 0, full},
		"most, empty":     {MostAllocated, 0, 0, 0, full},
		"most, half cpu":  {MostAllocated, half, 0, full / 4, 3 * full / 4},
		"most, full":      {MostAllocated, full, full, full, full},
	} {
		allocation, balance := resourceScores(tc.strategy, false, tc.cpu, tc.memory)
		require.Equal(t, tc.allocation, allocation, name)
		require.Equal(t, tc.balance, balance, name)
	}
	_, balance := resourceScores(LeastAllocated, true, half, 0)
	require.Zero(t, balance, "a pod without requests is not scored for balance")
}

// kube-scheduler helper.DefaultNormalizeScore, interpodaffinity.NormalizeScore, podtopologyspread.NormalizeScore.
func TestNormalize(t *testing.T) {
	t.Parallel()
	s := span{low: 2, high: 10, seen: true}
	require.Equal(t, int64(MaxScore), s.ofHigh(10))
	require.Equal(t, int64(MaxScore/5), s.ofHigh(2))
	require.Equal(t, int64(0), s.ofHighReversed(10))
	require.Equal(t, int64(MaxScore), s.ofHighReversed(0))
	require.Equal(t, int64(0), s.between(2))
	require.Equal(t, int64(MaxScore/2), s.between(6))
	require.Equal(t, int64(MaxScore), s.mirrored(2))
	require.Equal(t, int64(MaxScore/5), s.mirrored(10))
	var none span
	require.Equal(t, []int64{0, MaxScore, 0, MaxScore}, []int64{none.ofHigh(0), none.ofHighReversed(0), none.between(0), none.mirrored(0)})
}

// Each row: two nodes that differ in one thing; node-2 is the better one.
func TestScorePrefers(t *testing.T) {
	t.Parallel()
	preferZoneB := affine(`{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{"matchExpressions":[{"key":"zone","operator":"In","values":["b"]}]}}]}}`)
	wish := func(kind string) func(*core.Pod) {
		return affine(`{"` + kind + `":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":50,"podAffinityTerm":{"labelSelector":{"matchLabels":{"app":"db"}},"topologyKey":"zone"}}]}}`)
	}
	db := podLabels("app", "db")
	for name, tc := range map[string]struct {
		cfg   Config
		one   func(*core.Node)
		two   func(*core.Node)
		onOne []*core.Pod
		onTwo []*core.Pod
		pod   func(*core.Pod)
	}{
		"NodeAffinity":                    {pod: preferZoneB},
		"TaintToleration":                 {one: tainted(core.Taint{Key: "old", Effect: core.EffectPreferNoSchedule})},
		"LeastAllocated":                  {onOne: []*core.Pod{somePod(1, asks(500, gi))}},
		"MostAllocated":                   {cfg: Config{Strategy: MostAllocated}, onTwo: []*core.Pod{somePod(1, asks(500, gi))}},
		"MostAllocated of the namespace":  {cfg: Config{NamespaceStrategy: map[string]Strategy{"default": MostAllocated}}, onTwo: []*core.Pod{somePod(1, asks(500, gi))}},
		"BalancedAllocation":              {onOne: []*core.Pod{somePod(1, asks(2000, 0))}, onTwo: []*core.Pod{somePod(2, asks(1000, 2*gi))}},
		"InterPodAffinity":                {onTwo: []*core.Pod{somePod(1, db)}, pod: wish("podAffinity")},
		"InterPodAffinity, anti":          {onOne: []*core.Pod{somePod(1, db)}, pod: wish("podAntiAffinity")},
		"InterPodAffinity of the other":   {onTwo: []*core.Pod{somePod(1, wish("podAffinity"))}, pod: db},
		"InterPodAffinity, anti of other": {onOne: []*core.Pod{somePod(1, wish("podAntiAffinity"))}, pod: db},
		"hardPodAffinityWeight":           {onTwo: []*core.Pod{somePod(1, towardsApp("db", "zone"))}, pod: db},
		"PodTopologySpread":               {onOne: []*core.Pod{somePod(1, podLabels("app", "x"), asks(0, 0))}, pod: evenlyOver("zone", "ScheduleAnyway", 1, "")},
		"own node": {two: func(n *core.Node) { n.Access, n.OwnerID = core.AccessPrivate, id('u', 1) },
			pod: func(p *core.Pod) { p.CreatedBy = id('u', 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(8) { // the tie must not decide
				tc.cfg.Seed = seed
				c := NewCluster(tc.cfg)
				c.UpsertPack(somePack)
				one, two, pod := zoned(1, "a"), zoned(2, "b"), somePod(100)
				for change, n := range map[*func(*core.Node)]*core.Node{&tc.one: one, &tc.two: two} {
					if *change != nil {
						(*change)(n)
					}
					c.UpsertNode(n)
				}
				running(c, 1, tc.onOne...)
				running(c, 2, tc.onTwo...)
				if tc.pod != nil {
					tc.pod(pod)
				}
				report := c.Explain(pod)
				require.Equal(t, []string{"node-2"}, homes(t, c, pod), "%+v", report)
				require.Equal(t, "node-2", report.Node)
				require.Greater(t, report.Verdicts[0].Score, report.Verdicts[1].Score)
			}
		})
	}
}

func TestScoreBundleCached(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		c := NewCluster(Config{Seed: seed})
		c.UpsertPack(somePack)
		c.UpsertNode(someNode(1))
		c.UpsertNode(someNode(2))
		c.SetCached(nodeID(2), []string{"another", somePack.BundleSHA256})
		require.Equal(t, []string{"node-2"}, homes(t, c, somePod(1)))
		c.SetCached(nodeID(2), nil)
		c.SetCached(nodeID(1), []string{somePack.BundleSHA256})
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2)))
	}
}

func TestWeightsSwitchScorersOff(t *testing.T) {
	t.Parallel()
	w := DefaultWeights()
	w.Resources, w.Balanced, w.PreferNoSchedule = 0, 0, 1
	c := NewCluster(Config{Weights: w})
	c.UpsertPack(somePack)
	c.UpsertNode(someNode(1))
	c.UpsertNode(someNode(2, tainted(core.Taint{Key: "old", Effect: core.EffectPreferNoSchedule})))
	running(c, 1, somePod(1, asks(3800, 7*gi)))
	require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2)))
	w.Resources, w.PreferNoSchedule = 1, 0
	c.Configure(Config{Weights: w})
	require.Equal(t, []string{"node-2"}, homes(t, c, somePod(3, asks(1, 1))))
}

func TestTiesFollowTheSeed(t *testing.T) {
	t.Parallel()
	first := map[string]int{}
	for seed := range uint64(64) {
		c := NewCluster(Config{Seed: seed})
		c.UpsertPack(somePack)
		for n := range 4 {
			c.UpsertNode(someNode(n + 1))
		}
		got := homes(t, c, somePod(1))[0]
		first[got]++
		again := NewCluster(Config{Seed: seed})
		again.UpsertPack(somePack)
		for n := range 4 {
			again.UpsertNode(someNode(4 - n))
		}
		require.Equal(t, got, homes(t, again, somePod(1))[0], "the order in which nodes came does not matter")
		again.Remove(podID(1))
		again.Configure(Config{Seed: seed + 1000})
		c.Remove(podID(1))
		c.Configure(Config{Seed: seed + 1000})
		require.Equal(t, homes(t, c, somePod(1)), homes(t, again, somePod(1)))
	}
	require.Len(t, first, 4, "every node is the lucky one under some seed")
}

// A score of one's own counts as much as its weight says, per namespace, and follows nodes as they change. The report takes it apart.
func TestCustomScore(t *testing.T) {
	t.Parallel()
	scorer := &Scorer{Key: "ssd", Of: func(namespace string, n *core.Node) int32 {
		if namespace == "batch" && n.Labels["disk"] == "ssd" {
			return 900 // too much is 100
		}
		return 0
	}}
	w := DefaultWeights()
	w.Custom = 10
	c := NewCluster(Config{Weights: w, Scorer: scorer})
	pack := &core.Pack{ID: uuid.New(), Tag: core.TagUniversal}
	c.UpsertPack(pack)
	node := func(id byte, cpu int64, disk string) *core.Node {
		return &core.Node{ID: uuid.UUID{15: id}, Name: string('a' + rune(id)), Runtime: core.RuntimeNode, Access: core.AccessShared, Status: core.NodeHealthy, MaxPods: 100,
			CPUMillis: cpu, MemoryBytes: 1 << 30, Labels: map[string]string{"disk": disk}}
	}
	c.UpsertNode(node(1, 1000, "hdd"))
	c.UpsertNode(node(2, 500, "ssd"))
	pod := func(namespace string) *core.Pod {
		return &core.Pod{ID: uuid.New(), Namespace: namespace, PackID: pack.ID, CPUMillis: 10, MemoryBytes: 1 << 20, Status: core.PodPending, Desired: core.DesiredRunning}
	}
	first := func(namespace string) byte {
		plan := c.Decide([]*core.Pod{pod(namespace)}, Options{DryRun: true})
		require.Len(t, plan.Placements, 1)
		return plan.Placements[0].NodeID[15]
	}
	require.EqualValues(t, 2, first("batch"))
	require.EqualValues(t, 1, first("other"), "more room there")
	r := c.Explain(pod("batch"))
	require.Equal(t, uuid.UUID{15: 2}, r.NodeID)
	require.Equal(t, r.NodeID, r.Verdicts[0].NodeID, "the report adds up to the choice")
	require.Contains(t, r.Verdicts[0].Scores, Score{Name: "custom", Score: 100, Weight: 10})

	c.UpsertNode(node(1, 1000, "ssd"))
	require.EqualValues(t, 1, first("batch"), "both are worth the same now")
	c.UpsertNode(node(1, 1000, "hdd"))
	require.EqualValues(t, 2, first("batch"))
	w.Custom = 0
	c.Configure(Config{Weights: w, Scorer: scorer})
	require.EqualValues(t, 1, first("batch"))
	w.Custom = 10
	c.Configure(Config{Weights: w})
	require.EqualValues(t, 1, first("batch"))
	c.Configure(Config{Weights: w, Scorer: &Scorer{Key: "size", Of: func(_ string, n *core.Node) int32 { return int32(n.CPUMillis / 100) }}})
	require.EqualValues(t, 1, first("batch"))
	c.UpsertNode(node(2, 5000, "ssd"))
	require.EqualValues(t, 2, first("batch"), "what can be allocated has changed")
}
