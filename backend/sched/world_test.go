package sched

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

const gi, mi = int64(1) << 30, int64(1) << 20

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// id makes ids that sort by number within a kind.
func id(kind byte, n int) (u uuid.UUID) {
	u[0] = kind
	u[12], u[13], u[14], u[15] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return u
}

func nodeID(n int) uuid.UUID { return id('n', n) }
func podID(n int) uuid.UUID  { return id('p', n) }

// someNode is a healthy shared Node.js node of 4 CPU, 8 Gi and 110 pods in zone z.
func someNode(n int, change ...func(*core.Node)) *core.Node {
	node := &core.Node{ID: nodeID(n), Name: fmt.Sprintf("node-%d", n), Runtime: core.RuntimeNode, RuntimeVersion: "v22.11.0",
		Access: core.AccessShared, Status: core.NodeHealthy, Labels: map[string]string{"zone": "z"}, MaxPods: 110, CPUMillis: 4000,
		MemoryBytes: 8 * gi, CreatedAt: epoch}
	for _, f := range change {
		f(node)
	}
	return node
}

func labelled(kv ...string) func(*core.Node) {
	return func(n *core.Node) {
		labels := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			labels[kv[i]] = kv[i+1]
		}
		n.Labels = labels
	}
}

func tainted(taints ...core.Taint) func(*core.Node) {
	return func(n *core.Node) { n.Taints = taints }
}

var somePack = &core.Pack{ID: id('k', 1), Name: "hello", Version: "1.0.0", Tag: core.TagNode, BundleSHA256: "d1"}

// somePod is a pending pod of 100m and 128 Mi in namespace default.
func somePod(n int, change ...func(*core.Pod)) *core.Pod {
	pod := &core.Pod{ID: podID(n), Name: fmt.Sprintf("pod-%d", n), Namespace: "default", PackID: somePack.ID, CPUMillis: 100,
		MemoryBytes: 128 * mi, Desired: core.DesiredRunning, Status: core.PodPending, CreatedAt: epoch.Add(time.Duration(n) * time.Second)}
	for _, f := range change {
		f(pod)
	}
	return pod
}

func asks(cpu, memory int64) func(*core.Pod) {
	return func(p *core.Pod) { p.CPUMillis, p.MemoryBytes = cpu, memory }
}

func prioritised(v int32) func(*core.Pod) { return func(p *core.Pod) { p.Priority = v } }

func podLabels(kv ...string) func(*core.Pod) {
	return func(p *core.Pod) {
		p.Labels = map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			p.Labels[kv[i]] = kv[i+1]
		}
	}
}

func affine(raw string) func(*core.Pod) {
	return func(p *core.Pod) { p.Affinity = json.RawMessage(raw) }
}

func spreading(raw string) func(*core.Pod) {
	return func(p *core.Pod) { p.TopologySpread = json.RawMessage(raw) }
}

// clusterOf is a cluster that knows somePack and these nodes.
func clusterOf(nodes ...*core.Node) *Cluster {
	c := NewCluster(Config{Seed: 7})
	c.UpsertPack(somePack)
	for _, n := range nodes {
		c.UpsertNode(n)
	}
	return c
}

// homes decides and returns the name of each pod's node, "" for those without.
func homes(t *testing.T, c *Cluster, pods ...*core.Pod) []string {
	t.Helper()
	c.Decide(pods, Options{})
	names := make([]string, len(pods))
	for i, p := range pods {
		if home, ok := c.Home(p.ID); ok {
			names[i] = c.nodes[c.slots[home]].node.Name
		}
	}
	return names
}

// refusal decides about one pod that must have no place and returns why.
func whyNot(t *testing.T, c *Cluster, pod *core.Pod) Explanation {
	t.Helper()
	plan := c.Decide([]*core.Pod{pod}, Options{NoPreemption: true})
	require.Empty(t, plan.Placements)
	require.Len(t, plan.Unschedulable, 1)
	return plan.Unschedulable[0].Explanation
}
