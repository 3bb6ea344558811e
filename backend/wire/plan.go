package wire

import (
	"encoding/json"

	"github.com/google/uuid"
)

// PlanRequest is the body of POST /api/plan: what one thinks of doing, all of it at once.
type PlanRequest struct {
	Pods        []PodCreate        `json:"pods,omitempty"`
	Deployments []DeploymentCreate `json:"deployments,omitempty"` // new ones
	Scale       []PlanScale        `json:"scale,omitempty"`
	Drain       []string           `json:"drain,omitempty"` // nodes, by id or name
}

// PlanScale gives a deployment another number of replicas.
type PlanScale struct {
	DeploymentID uuid.UUID `json:"deploymentId"`
	Replicas     int32     `json:"replicas"`
}

// Plan is what would come of it. Nothing of it has happened.
type Plan struct {
	// Placements are pods that would get a place: new ones, those that leave a node, and those that wait already.
	Placements []PlannedPod `json:"placements"`
	// Evictions are pods that would be asked to leave where they are.
	Evictions []PlannedPod `json:"evictions"`
	// Pending are pods that would have no place, and why. Those that wait already are not repeated.
	Pending []PlannedPod `json:"pending"`
	Hidden  int          `json:"hidden"` // pods of others, left out above
}

// PlannedPod is one pod in a Plan.
type PlannedPod struct {
	PodID     *uuid.UUID `json:"podId"` // null for one that would be new
	Name      string     `json:"name"`
	Namespace string     `json:"namespace"`
	Node      string     `json:"node"` // where it would go, or which it would leave; "" for none, or for one that the caller may not see
	NodeID    *uuid.UUID `json:"nodeId"`
	// Reason is of an eviction drained, preempted or scaled_down; of a placement created, moved or waited; of a pending pod always pending.
	Reason  string          `json:"reason"`
	Text    string          `json:"text,omitempty"`    // why it is pending, for people
	Filters json.RawMessage `json:"filters,omitempty"` // nodes by filter, as in PodExplanation
}
