package sched

import (
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Node is a node and what is taken of it already.
type Node struct {
	Node *core.Node
	Used Resources
}

// Input is a whole situation at once, for callers that keep no Cluster. What runs on the nodes is known only as a sum, so that pods with
// affinity or spread are judged as if nothing else were there, and nobody is evicted.
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
		slot := c.slots[n.Node.ID]
		c.nodes[slot].used = n.Used
		c.reload(slot)
	}
	return c.Decide(in.Pods, Options{Limit: in.Limit, NoPreemption: true})
}
