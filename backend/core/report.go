package core

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// StatusReport is what an agent says about one pod. NodeID comes from the connection, never from the frame.
type StatusReport struct {
	NodeID      uuid.UUID
	PodID       uuid.UUID
	Incarnation int64
	Status      PodStatus
	Reason      string
	Message     string
	Result      json.RawMessage // nil when there is none
}

// Verdicts on a status report. All but VerdictNotYet are final.
const (
	VerdictAccepted          = ""
	VerdictStaleIncarnation  = "STALE_INCARNATION"
	VerdictNotFound          = "POD_NOT_FOUND"
	VerdictIllegalTransition = "ILLEGAL_TRANSITION"
	VerdictInvalid           = "INVALID"
	// VerdictNotYet: the WAL has shown the assignment that the report is about before the database shows it to other sessions. It
	// will in a moment. It never reaches an agent.
	VerdictNotYet = "NOT_YET"
)

// ReasonUnassignable is why a pod fails whose assignment does not fit a frame.
const ReasonUnassignable = "unassignable"

// LogLine is one line that a pod printed.
type LogLine struct {
	PodID       uuid.UUID
	Incarnation int64
	At          time.Time
	Stream      string // stdout, stderr, system
	Text        string
}

// HeldPod is a pod that an agent says it still holds when it registers.
type HeldPod struct {
	PodID       uuid.UUID
	Incarnation int64
	Status      PodStatus
}

// Registration is what an agent brings when it registers its node.
type Registration struct {
	Name           string
	Runtime        Runtime
	RuntimeVersion string
	AgentVersion   string
	BootID         uuid.UUID
	SessionID      uuid.UUID
	ServerID       string
	Labels         map[string]string
	Annotations    map[string]string
	Taints         []Taint
	Capabilities   json.RawMessage
	CPU            string // quantity
	Memory         string // quantity
	MaxPods        int32
	Held           []HeldPod
}

// Registered is what the database made of a Registration.
type Registered struct {
	NodeID uuid.UUID
	Access Access
	// Pods are those that have their home here now, with the packs that they run.
	Pods []*Pod
	// Stop are pods that the agent holds and should not.
	Stop []HeldPod
}

// Eviction asks a pod to leave its node, and to wait for another place then.
type Eviction struct {
	PodID   uuid.UUID
	NodeID  uuid.UUID
	Reason  string // ReasonPreempted, ReasonDrained or ReasonEvicted
	Message string // for people
	// Grace is how long it has to stop; nil for its own grace period.
	Grace *time.Duration
}

// LeaseRenewal extends the lease of a node for the connection that holds it.
type LeaseRenewal struct {
	NodeID    uuid.UUID
	SessionID uuid.UUID
	Usage     json.RawMessage
}

// NodeLease is when a node was last heard, by the database's clock.
type NodeLease struct {
	NodeID    uuid.UUID
	RenewedAt time.Time
	Status    NodeStatus
}

// Reconcile compares what the database has at home on a node with what its agent holds. It fills r.Pods with what the agent should run
// and r.Stop with what it should not, and returns the pods that the agent has lost: they had been started there and are not held any more.
func (r *Registered) Reconcile(home []*Pod, held []HeldPod) (lost []uuid.UUID) {
	type instance struct {
		pod         uuid.UUID
		incarnation int64
	}
	// An agent can hold two incarnations of a pod: one that runs, and the end of an older one that is not acknowledged yet.
	holds := make(map[instance]bool, len(held))
	for _, h := range held {
		holds[instance{h.PodID, h.Incarnation}] = true
	}
	for _, pod := range home {
		at := instance{pod.ID, pod.Incarnation}
		if !holds[at] && pod.Status != PodScheduled {
			lost = append(lost, pod.ID)
			continue
		}
		delete(holds, at)
		r.Pods = append(r.Pods, pod)
	}
	for _, h := range held {
		if holds[instance{h.PodID, h.Incarnation}] {
			r.Stop = append(r.Stop, h)
		}
	}
	return lost
}
