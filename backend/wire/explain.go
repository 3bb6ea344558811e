package wire

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// PodExplanation is GET /api/pods/:id/explain: how the nodes look to a pod as of now, its own room counted as free. Of nodes that the caller may not see only
// numbers are told.
type PodExplanation struct {
	PodID  uuid.UUID      `json:"podId"`
	Status core.PodStatus `json:"status"`
	Text   string         `json:"text"`  // one line for people
	Nodes  int            `json:"nodes"` // that there are
	Fits   int            `json:"fits"`  // that would take the pod
	// Filters counts nodes by the first filter that refuses them; what holds for the pod wherever it went, like its quota, counts for all of them.
	Filters map[string]int `json:"filters"`
	// Chosen is the node that the pod is on or, while it is pending, that it would go to; null when it has no place.
	Chosen *NodeVerdict `json:"chosen"`
	// Closest are nodes that almost suit a pod that has no place.
	Closest []NearNode `json:"closest"`
	// Evicts are the pods that would have to go so that this one can be placed.
	Evicts []uuid.UUID `json:"evicts"`
	// Verdicts are the nodes that would take the pod, the best first, then the others by how much is in the way; as many as were asked for.
	Verdicts []NodeVerdict `json:"verdicts"`
	More     int           `json:"more"`   // verdicts that were left out
	Hidden   int           `json:"hidden"` // nodes that the caller may not see; they count in nodes, fits and filters
}

// NodeVerdict is what one node says to a pod.
type NodeVerdict struct {
	Node     string      `json:"node"`
	NodeID   uuid.UUID   `json:"nodeId"`
	Refusals []Refusal   `json:"refusals"` // all of them, in the order in which they are asked; none: it would take the pod
	Score    float64     `json:"score"`    // the sum of weight × score
	Scores   []NodeScore `json:"scores"`   // of a node that would take the pod
}

// Refusal is one filter that does not let the pod through. The codes are stable; docs/scheduling.md has them all.
type Refusal struct {
	Filter string `json:"filter"`
	Detail string `json:"detail,omitempty"`
}

// NodeScore is what one scorer gives, 0 to 100, and how much that counts.
type NodeScore struct {
	Name   string  `json:"name"`
	Score  float64 `json:"score"`
	Weight int64   `json:"weight"`
}

// NearNode almost suits.
type NearNode struct {
	Node   string    `json:"node"`
	NodeID uuid.UUID `json:"nodeId"`
	Filter string    `json:"filter"` // the first one that refuses
	Detail string    `json:"detail,omitempty"`
}
