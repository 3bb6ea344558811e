// Package sched decides where pods run. It is pure: the same input gives the same plan, on any machine, at any time.
// README.md in this folder has the vocabulary and the pipeline.
package sched

import (
	"bytes"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Options is what one call of Decide depends on besides the cluster and the pods.
type Options struct {
	Limit        int  // place at most so many pods in one plan; 0 means all
	NoPreemption bool // evict nobody
	Evictions    int  // stop evicting once so many are planned; 0 means never. The last pod's victims may go beyond
	DryRun       bool // leave the cluster as it was; otherwise what was planned is assumed to happen
}

// Plan is a decision, complete and not yet carried out.
type Plan struct {
	Placements []core.Placement
	// Evictions make room for pods that are among the Unschedulable in this plan.
	Evictions []Eviction
	// Nominations say for which node a pod waits while others leave it. Its room there is kept for it.
	Nominations   []core.Placement
	Unschedulable []Unschedulable
	// Deferred counts pods that are left for the next plan: because of Options.Limit, or because placements that came after their turn have
	// made a place for them.
	Deferred int
}

// Eviction asks for a pod to be stopped, with its grace period, so that another can take its room.
type Eviction struct {
	PodID   uuid.UUID
	NodeID  uuid.UUID
	For     uuid.UUID // the pod that gets the room
	Reason  string    // core.ReasonPreempted
	Message string
}

// Unschedulable says why a pod has no place.
type Unschedulable struct {
	PodID       uuid.UUID
	Explanation Explanation
}

// comparePods orders the queue: higher priority first, then older, then by id so that the order is total.
// Source: kube-scheduler queuesort.PrioritySort, with age by creation.
func comparePods(a, b *core.Pod) int {
	switch {
	case a.Priority != b.Priority:
		return cmp32(b.Priority, a.Priority)
	case !a.CreatedAt.Equal(b.CreatedAt):
		return a.CreatedAt.Compare(b.CreatedAt)
	}
	return bytes.Compare(a.ID[:], b.ID[:])
}
