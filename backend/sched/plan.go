// Package sched decides where pods run. It is pure: the same input gives the same plan, on any machine, at any time.
// README.md in this folder has the vocabulary and the pipeline.
package sched

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Resources is an amount of what pods take and nodes have.
type Resources struct {
	CPUMillis   int64
	MemoryBytes int64
	Pods        int64
}

// Node is a node and what is taken of it already.
type Node struct {
	Node *core.Node
	Used Resources
}

// Input is everything that a plan depends on.
type Input struct {
	Nodes []Node
	Pods  []*core.Pod // pending, in any order
	Packs map[uuid.UUID]*core.Pack
	Now   time.Time
	Seed  uint64 // breaks ties between equally good nodes
	Limit int    // place at most so many pods in one plan; 0 means all
}

// Plan is a decision, complete and not yet carried out.
type Plan struct {
	Placements    []core.Placement
	Unschedulable []Unschedulable
	// Deferred counts pods that were left for the next plan because of Input.Limit.
	Deferred int
}

// Unschedulable says why a pod has no place.
type Unschedulable struct {
	PodID       uuid.UUID
	Explanation Explanation
}

// Decide makes a plan. Pods are taken by priority, then age, then id; each goes to the feasible node with the highest
// score. It changes nothing of its input.
func Decide(in Input) Plan {
	pods := slices.Clone(in.Pods)
	slices.SortFunc(pods, comparePods)
	nodes := make([]candidate, len(in.Nodes))
	for i, n := range in.Nodes {
		nodes[i] = candidate{node: n.Node, free: Resources{
			CPUMillis:   n.Node.CPUMillis - n.Used.CPUMillis,
			MemoryBytes: n.Node.MemoryBytes - n.Used.MemoryBytes,
			Pods:        int64(n.Node.MaxPods) - n.Used.Pods,
		}, tie: tieBreak(in.Seed, n.Node.ID)}
	}
	slices.SortFunc(nodes, func(a, b candidate) int { return bytes.Compare(a.node.ID[:], b.node.ID[:]) })

	var plan Plan
	for i, pod := range pods {
		if in.Limit > 0 && len(plan.Placements) >= in.Limit {
			plan.Deferred = len(pods) - i
			break
		}
		need := request{pod: pod, pack: in.Packs[pod.PackID]}
		best := -1
		var refused tally
		for n := range nodes {
			if filter := need.refusedBy(&nodes[n]); filter != "" {
				refused.add(filter, &nodes[n])
				continue
			}
			if best < 0 || nodes[n].better(&nodes[best], pod) {
				best = n
			}
		}
		if best < 0 {
			plan.Unschedulable = append(plan.Unschedulable, Unschedulable{PodID: pod.ID, Explanation: refused.explain(len(nodes), pod)})
			continue
		}
		nodes[best].take(pod)
		plan.Placements = append(plan.Placements, core.Placement{PodID: pod.ID, NodeID: nodes[best].node.ID})
	}
	return plan
}

// comparePods orders the queue: higher priority first, then older, then by id so that the order is total.
func comparePods(a, b *core.Pod) int {
	switch {
	case a.Priority != b.Priority:
		if a.Priority > b.Priority {
			return -1
		}
		return 1
	case !a.CreatedAt.Equal(b.CreatedAt):
		return a.CreatedAt.Compare(b.CreatedAt)
	}
	return bytes.Compare(a.ID[:], b.ID[:])
}

type candidate struct {
	node *core.Node
	free Resources
	tie  uint64
}

func (c *candidate) take(pod *core.Pod) {
	c.free.CPUMillis -= pod.CPUMillis
	c.free.MemoryBytes -= pod.MemoryBytes
	c.free.Pods--
}

// better compares by the share that stays free once the pod is there (least allocated), then by seeded tie-break.
// Source: kube-scheduler noderesources LeastAllocated.
func (c *candidate) better(other *candidate, pod *core.Pod) bool {
	a, b := c.score(pod), other.score(pod)
	if a != b {
		return a > b
	}
	return c.tie > other.tie
}

// score is 0..10000: the mean free share of cpu and memory, in basis points.
func (c *candidate) score(pod *core.Pod) int64 {
	share := func(free, need, all int64) int64 {
		if all <= 0 {
			return 0
		}
		return (free - need) * 10000 / all
	}
	return (share(c.free.CPUMillis, pod.CPUMillis, c.node.CPUMillis) + share(c.free.MemoryBytes, pod.MemoryBytes, c.node.MemoryBytes)) / 2
}

// tieBreak is FNV-1a over seed and id: stable across processes, unlike maphash.
func tieBreak(seed uint64, id uuid.UUID) uint64 {
	h := uint64(14695981039346656037)
	for i := range 8 {
		h = (h ^ (seed >> (8 * i) & 0xff)) * 1099511628211
	}
	for _, b := range id {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
