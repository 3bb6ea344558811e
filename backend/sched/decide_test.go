package sched

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

// kube-scheduler queuesort.PrioritySort.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1, func(n *core.Node) { n.MaxPods = 1 }))
	late := func(p *core.Pod) { p.CreatedAt = epoch.Add(time.Hour) }
	early, later, important := somePod(3), somePod(1, late), somePod(2, late, prioritised(5))
	twin := somePod(4, func(p *core.Pod) { p.CreatedAt = early.CreatedAt })
	for _, want := range []*core.Pod{important, early, twin, later} {
		require.Equal(t, []core.Placement{{PodID: want.ID, NodeID: nodeID(1)}},
			c.Decide([]*core.Pod{later, twin, early, important}, Options{NoPreemption: true, DryRun: true}).Placements[:1])
		switch want {
		case important:
			important = somePod(2, late, prioritised(-1))
		case early:
			early = somePod(3, late)
		case twin:
			twin = somePod(4, func(p *core.Pod) { p.CreatedAt = epoch.Add(2 * time.Hour) })
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	pods := []*core.Pod{somePod(1), somePod(2, asks(9000, 0)), somePod(3), somePod(4), somePod(5)}
	plan := c.Decide(pods, Options{Limit: 2})
	require.Len(t, plan.Placements, 2)
	require.Len(t, plan.Unschedulable, 1)
	require.Equal(t, 2, plan.Deferred)
	plan = c.Decide(pods, Options{Limit: 2})
	require.Len(t, plan.Placements, 2, "placed pods are passed over")
	require.Zero(t, plan.Deferred)
}

func ganged(size string) func(*core.Pod) {
	return podLabels(core.LabelGang, "train", core.LabelGangSize, size)
}

// KEP-4671: a gang has its minimum count of members placed at once, or none.
func TestGang(t *testing.T) {
	t.Parallel()
	big := asks(2000, 0)
	t.Run("all of it", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1), someNode(2))
		require.NotContains(t, homes(t, c, somePod(1, ganged("3"), big), somePod(2, ganged("3"), big), somePod(3, ganged("3"), big)), "")
	})
	t.Run("or none, and what it would have taken is free for others", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		pods := []*core.Pod{somePod(1, ganged("3"), big), somePod(2, ganged("3"), big), somePod(3, ganged("3"), big), somePod(9, asks(4000, 0))}
		plan := c.Decide(pods, Options{})
		require.Equal(t, []core.Placement{{PodID: podID(9), NodeID: nodeID(1)}}, plan.Placements)
		require.Len(t, plan.Unschedulable, 3)
		why := plan.Unschedulable[0].Explanation
		require.Equal(t, map[Filter]int{FilterGangRoom: 1, FilterCPU: 1}, why.Filters)
		require.Equal(t, "gang train: 2 of 3 members have a place; the next: 0/1 nodes: 1 insufficient cpu (needs 2, most free 0)", why.Text)
	})
	t.Run("members are missing", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		why := whyNot(t, c, somePod(1, ganged("2")))
		require.Equal(t, "gang train: 1 of 2 members are there", why.Text)
		require.NotContains(t, homes(t, c, somePod(1, ganged("2")), somePod(2, ganged("2"))), "")
	})
	t.Run("placed members count, and more than the size are single pods", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		require.Equal(t, []string{"node-1", "node-1", ""}, homes(t, c, somePod(1, ganged("2"), big), somePod(2, ganged("2"), big), somePod(3, ganged("2"), big)))
		c.Remove(podID(1))
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(3, ganged("2"), big)))
	})
	t.Run("another namespace is another gang", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		require.Equal(t, []string{"", ""}, homes(t, c, somePod(1, ganged("2")), somePod(2, ganged("2"), func(p *core.Pod) { p.Namespace = "other" })))
	})
	t.Run("is not torn by the limit", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		pods := []*core.Pod{somePod(1), somePod(2, ganged("2")), somePod(3, ganged("2"))}
		plan := c.Decide(pods, Options{Limit: 2})
		require.Len(t, plan.Placements, 1)
		require.Equal(t, 2, plan.Deferred)
		require.Len(t, c.Decide(pods[1:], Options{Limit: 1}).Placements, 2, "a gang larger than the limit has to go somewhere")
	})
}

// Gangs of random sizes among other pods: all or none, and what is rolled back leaves no trace.
func TestGangProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		for range rapid.IntRange(1, 6).Draw(t, "nodes") {
			m.upsertNode(t)
		}
		var pods []*core.Pod
		sizes := map[string]int{}
		for range rapid.IntRange(1, 12).Draw(t, "pods") {
			p := *m.drawPod(t)
			if gang := pick(t, "gang", "", "g1", "g2"); gang != "" {
				p.Namespace = "default"
				size := map[string]string{"g1": "2", "g2": "4"}[gang]
				sizes["g1"], sizes["g2"] = 2, 4
				p.Labels = map[string]string{"app": p.Labels["app"], core.LabelGang: gang, core.LabelGangSize: size}
			}
			pods = append(pods, &p)
		}
		plan := m.cluster.Decide(pods, Options{})
		placed := map[string]int{}
		byID := map[uuid.UUID]*core.Pod{}
		for _, p := range pods {
			byID[p.ID] = p
		}
		for _, p := range plan.Placements {
			pod := byID[p.PodID]
			placed[pod.Labels[core.LabelGang]]++
			m.oracle.homes[p.PodID] = home{pod, p.NodeID}
		}
		for gang, size := range sizes {
			if n := placed[gang]; n > 0 && n < size {
				t.Fatalf("%d of gang %s, which needs %d", n, gang, size)
			}
		}
		for _, p := range plan.Nominations {
			m.cluster.Remove(p.PodID)
		}
		for _, e := range plan.Evictions {
			m.cluster.Remove(e.PodID)
			delete(m.oracle.homes, e.PodID)
		}
		m.sameAsRebuilt(t)
	})
}

func TestExplanation(t *testing.T) {
	t.Parallel()
	c := clusterOf()
	require.Equal(t, Explanation{Filters: map[Filter]int{}, Text: "no nodes: start an agent with `stark agent`"}, whyNot(t, c, somePod(1)))
	for n := range 12 {
		c.UpsertNode(someNode(n+1, func(n *core.Node) {
			switch i := int(n.ID[15]); {
			case i <= 5:
				n.Runtime = core.RuntimeBrowser
			case i <= 9:
				n.Taints = []core.Taint{{Key: "dedicated", Value: "gpu", Effect: core.EffectNoSchedule}}
			default:
				n.MemoryBytes = int64(i) * 25 * mi
			}
		}))
	}
	why := whyNot(t, c, somePod(1, asks(10, 512*mi)))
	require.Equal(t, map[Filter]int{FilterRuntime: 5, FilterTaint: 4, FilterMemory: 3}, why.Filters)
	require.Equal(t, "0/12 nodes: 5 runtime mismatch, 4 taint dedicated=gpu, 3 insufficient memory (needs 512Mi, most free 300Mi)", why.Text)
	require.Equal(t, Near{Node: "node-12", NodeID: nodeID(12), Filter: FilterMemory, Detail: "insufficient memory (needs 512Mi, most free 300Mi)"}, why.Closest[0])
	require.Equal(t, []string{"node-12", "node-11", "node-10"}, []string{why.Closest[0].Node, why.Closest[1].Node, why.Closest[2].Node})
	require.Empty(t, filterText[FilterPack], "codes of whole pods bring their own text")
	for _, f := range filterOrder[6:] {
		require.NotEmpty(t, filterText[f], f)
	}
	for _, f := range filterOrder {
		_, known := helps[f]
		require.True(t, known, "what wakes a pod refused by %s?", f)
	}
}

func TestExplainReport(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1), someNode(2, func(n *core.Node) { n.Unschedulable, n.CPUMillis = true, 10 }), zoned(3, "a"))
	pod := somePod(1)
	r := c.Explain(pod)
	require.NotEmpty(t, r.Node)
	require.Nil(t, r.Why)
	require.Equal(t, r.Node, r.Verdicts[0].Node)
	require.Len(t, r.Verdicts, 3)
	require.Equal(t, []Refusal{{FilterCordon, ""}, {FilterCPU, "insufficient cpu (needs 100m, most free 10m)"}}, r.Verdicts[2].Refusals)
	c.Place(pod, nodeID(3))
	again := c.Explain(pod)
	require.Equal(t, r, again, "a placed pod is explained as if it were not")
	home, ok := c.Home(pod.ID)
	require.True(t, ok)
	require.Equal(t, nodeID(3), home)
	require.Nil(t, c.Explain(somePod(2)).Why)
	require.NotNil(t, c.Explain(somePod(2, affine("["))).Why)
}

// The total that Explain shows for the chosen node is the one that it was chosen by.
func TestExplainAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		for range rapid.IntRange(1, 8).Draw(t, "nodes") {
			m.upsertNode(t)
		}
		for range rapid.IntRange(0, 6).Draw(t, "running") {
			m.placeElsewhere(t)
		}
		m.cache(t)
		p := m.drawPod(t)
		best, scores := m.oracle.best(p)
		r := m.cluster.Explain(p)
		if (best == nil) != (r.Why != nil) {
			t.Fatalf("oracle %v, report %+v", best, r.Why)
		}
		feasible := 0
		for _, v := range r.Verdicts {
			if len(v.Refusals) > 0 {
				continue
			}
			feasible++
			if want := float64(scores[v.NodeID]) * 100 / MaxScore; v.Score-want > 1e-6 || want-v.Score > 1e-6 {
				t.Fatalf("%s has %f, the parts add up to %f: %+v", v.Node, want, v.Score, v.Scores)
			}
		}
		if feasible != len(scores) || (best != nil && r.NodeID != best.ID) {
			t.Fatalf("%d feasible nodes, oracle has %d; chosen %s", feasible, len(scores), r.Node)
		}
	})
}

// A preview of draining a node: cordon it, take its pods off, decide about them, and be back where it was.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1), someNode(2), someNode(3, func(n *core.Node) { n.CPUMillis = 100 }))
	pods := []*core.Pod{somePod(1, asks(2000, 0)), somePod(2, asks(1500, 0))}
	running(c, 1, pods...)
	running(c, 2, somePod(3, asks(2000, 0)))
	var plan Plan
	c.WhatIf(func() {
		c.UpsertNode(someNode(1, func(n *core.Node) { n.Unschedulable = true }))
		c.RemoveNode(nodeID(3))
		for _, p := range pods {
			c.Remove(p.ID)
		}
		plan = c.Decide(pods, Options{})
	})
	require.Equal(t, []core.Placement{{PodID: podID(1), NodeID: nodeID(2)}}, plan.Placements)
	require.Equal(t, "0/2 nodes: 1 cordoned, 1 insufficient cpu (needs 1500m, most free 0)", plan.Unschedulable[0].Explanation.Text)
	require.Equal(t, 3, c.Nodes())
	require.Equal(t, 3, c.Pods())
	for i, want := range []int{1, 1, 2} {
		home, ok := c.Home(podID(i + 1))
		require.True(t, ok)
		require.Equal(t, nodeID(want), home)
	}
}

func TestPodsOfUnknownNodes(t *testing.T) {
	t.Parallel()
	c := clusterOf()
	c.Place(somePod(1, asks(3000, 0)), nodeID(1))
	c.UpsertNode(someNode(1))
	require.Equal(t, []string{""}, homes(t, c, somePod(2, asks(2000, 0))), "its pods were known before it")
	c.RemoveNode(nodeID(1))
	c.RemoveNode(nodeID(1))
	require.Equal(t, 1, c.Pods())
	c.UpsertNode(someNode(1))
	require.Equal(t, []string{""}, homes(t, c, somePod(2, asks(2000, 0))))
	c.Remove(podID(1))
	require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2, asks(2000, 0))))
	c.RemoveNode(nodeID(1))
	c.Remove(podID(2))
	require.Empty(t, c.slots)
}

// The one-shot form that keeps no cluster.
func TestDecideInput(t *testing.T) {
	t.Parallel()
	in := Input{Nodes: []Node{{Node: someNode(1), Used: Resources{CPUMillis: 3900, Pods: 4}}, {Node: someNode(2), Used: Resources{CPUMillis: 4000}}},
		Pods: []*core.Pod{somePod(1), somePod(2)}, Packs: map[uuid.UUID]*core.Pack{somePack.ID: somePack}, Seed: 3}
	plan := Decide(in)
	require.Equal(t, []core.Placement{{PodID: podID(1), NodeID: nodeID(1)}}, plan.Placements)
	require.Equal(t, map[Filter]int{FilterCPU: 2}, plan.Unschedulable[0].Explanation.Filters)
	require.Equal(t, plan, Decide(in))
	in.Nodes[1].Pods = []*core.Pod{somePod(9, awayFrom("web", "zone", ""))}
	in.Pods = []*core.Pod{somePod(1, podLabels("app", "web"))}
	require.True(t, ptr(Decide(in).Unschedulable[0].Explanation).Has(FilterRepelled))
}

func TestTheSamePodTwice(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	plan := c.Decide([]*core.Pod{somePod(1), somePod(1), somePod(2), somePod(1)}, Options{})
	require.Len(t, plan.Placements, 2)
	require.Equal(t, 2, c.Pods())
	c.Remove(podID(1))
	c.Remove(podID(2))
	require.Equal(t, Resources{CPUMillis: 4000, MemoryBytes: 8 * gi, Pods: 110}, c.free(0))
}

// Browser tabs come and go under new names, of all sizes and versions, with pods of all labels: what is kept follows what is there.
func TestNothingPilesUp(t *testing.T) {
	t.Parallel()
	c := clusterOf()
	c.limits.dead = 8
	lonely := awayFrom("x", "kubernetes.io/hostname", "")
	for i := range 500 {
		c.UpsertNode(someNode(i, func(n *core.Node) {
			n.RuntimeVersion, n.CPUMillis, n.Labels = fmt.Sprintf("22.%d.0", i), int64(1000+i), map[string]string{"tab": fmt.Sprint(i)}
		}))
		pod := somePod(i, podLabels("app", "x", "n", fmt.Sprint(i)), lonely)
		require.NotContains(t, homes(t, c, pod), "")
		c.Remove(pod.ID)
		c.RemoveNode(nodeID(i))
	}
	c.Decide(nil, Options{})
	for name, n := range map[string]int{"groups": len(c.groups), "group ids": len(c.groupIDs), "profiles": len(c.profiles), "hosts": len(c.column(core.LabelHostname).values),
		"capacities": len(c.capacities), "slots": len(c.nodes), "symmetric": len(c.symmetric), "labels": len(c.groupsWith)} {
		require.LessOrEqual(t, n, 20, name)
	}
	require.Empty(t, c.pods)
	require.Empty(t, c.undo)
}
