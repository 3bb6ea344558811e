package sched

import (
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Node is a node and what is taken of it already: as a sum or, better, pod by pod.
type Node struct {
	Node *core.Node
	Used Resources
	// Pods have their home there. When it is nil only the sum is known: affinity and spread are then judged as if nothing ran there.
	Pods []*core.Pod
}

// Input is a whole situation at once, for callers that keep no Cluster. Nobody is evicted.
type Input struct {
	Nodes []Node
	Pods  []*core.Pod // pending, in any order
	Packs map[uuid.UUID]*core.Pack
	Now   time.Time
	Seed  uint64 // breaks ties between equally good nodes
	Limit int    // place at most so many pods in one plan; 0 means all
}

// Decide makes a plan from nothing. It changes nothing of its input.
func Decide(in Input) Plan {
	c := NewCluster(Config{Seed: in.Seed})
	for _, pack := range in.Packs {
		c.UpsertPack(pack)
	}
	for _, n := range in.Nodes {
		c.UpsertNode(n.Node)
		for _, p := range n.Pods {
			c.Place(p, n.Node.ID)
		}
		if n.Pods != nil {
			continue
		}
		slot := c.slots[n.Node.ID]
		c.nodes[slot].used = n.Used
		c.reload(slot)
	}
	return c.Decide(in.Pods, Options{Limit: in.Limit, NoPreemption: true})
}
