package core

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// PodStatus is where a pod is in its life.
type PodStatus string

// The statuses; docs/how-it-works.md draws the machine.
const (
	PodPending   PodStatus = "pending"
	PodScheduled PodStatus = "scheduled"
	PodStarting  PodStatus = "starting"
	PodRunning   PodStatus = "running"
	PodStopping  PodStatus = "stopping"
	PodStopped   PodStatus = "stopped"
	PodFailed    PodStatus = "failed"
)

// PodStatuses lists them in the order of a pod's life.
var PodStatuses = []PodStatus{PodPending, PodScheduled, PodStarting, PodRunning, PodStopping, PodStopped, PodFailed}

// Active says that the pod has a home: it holds its node's resources.
func (s PodStatus) Active() bool {
	switch s {
	case PodScheduled, PodStarting, PodRunning, PodStopping:
		return true
	}
	return false
}

// Final says that nothing will happen to the pod any more.
func (s PodStatus) Final() bool { return s == PodStopped || s == PodFailed }

// Valid says that it is one of the seven.
func (s PodStatus) Valid() bool { return s == PodPending || s.Active() || s.Final() }

var podTransitions = map[PodStatus][]PodStatus{
	PodPending:   {PodScheduled, PodStopped, PodFailed},
	PodScheduled: {PodStarting, PodRunning, PodStopping, PodStopped, PodFailed, PodPending},
	PodStarting:  {PodRunning, PodStopping, PodStopped, PodFailed, PodPending},
	PodRunning:   {PodStopping, PodStopped, PodFailed, PodPending},
	PodStopping:  {PodStopped, PodFailed, PodPending},
}

// CanBecome mirrors stark.pod_transition_allowed in the database, which is the authority; an integration test holds the two equal.
func (s PodStatus) CanBecome(next PodStatus) bool {
	if s == next {
		return s.Valid()
	}
	for _, to := range podTransitions[s] {
		if to == next {
			return true
		}
	}
	return false
}

// Reasons of a pod's status that the server itself gives. Agents give more: docs/protocol.md lists all.
const (
	ReasonStoppedByUser    = "stopped_by_user"
	ReasonNodeLost         = "node_lost"
	ReasonNodeDisconnected = "node_disconnected"
	ReasonAgentRestarted   = "agent_restarted"
	ReasonDeleted          = "deleted"
	ReasonStale            = "stale"
	ReasonEvicted          = "evicted"
	ReasonPreempted        = "preempted"
	ReasonDrained          = "drained"
)

// DesiredState is what the user wants of a pod.
type DesiredState string

// What a user can want.
const (
	DesiredRunning DesiredState = "running"
	DesiredStopped DesiredState = "stopped"
)

// Pod is an instance of a pack, as the control plane sees it. Values of this type are shared between goroutines: never change one in place.
type Pod struct {
	ID          uuid.UUID
	Name        string
	Namespace   string
	PackID      uuid.UUID
	Env         map[string]string
	Args        json.RawMessage // a JSON array; nil means empty
	Metadata    json.RawMessage // a JSON object; nil means empty
	CPUMillis   int64
	MemoryBytes int64
	Priority    int32
	// NodeSelector holds labels that a node must carry.
	NodeSelector map[string]string
	Tolerations  []Toleration
	Affinity     json.RawMessage // as in Kubernetes: ParseAffinity reads it
	// TopologySpread is a JSON array of constraints as in Kubernetes: ParseTopologySpread reads it.
	TopologySpread json.RawMessage
	NeverPreempts  bool // preemptionPolicy Never: waits for room, takes none from others
	// Group and GroupSize make pods of one namespace a gang; "" is none. GangOf reads them.
	Group       string
	GroupSize   int32
	GracePeriod time.Duration
	CreatedBy   uuid.UUID // uuid.Nil for pods that no user created
	Labels      map[string]string
	Desired     DesiredState
	Status      PodStatus
	Reason      string
	NodeID      uuid.UUID // uuid.Nil while pending
	Incarnation int64
	Restarts    int32
	// Eviction is why it is asked to leave its node, to wait for another place; "" when it is not. EvictionGrace is how long it has when that is less than
	// GracePeriod; nil when it is not.
	Eviction      string
	EvictionGrace *time.Duration
	DeploymentID  uuid.UUID // uuid.Nil when no deployment keeps it
	Generation    int64     // of the deployment, that it was made from
	CreatedAt     time.Time
	ScheduledAt   time.Time // to its present node, or the last; zero when it never was
	StartedAt     time.Time // running since; zero when it is not yet
	FinishedAt    time.Time // zero while it has not ended
	Revision      int64
}

// Leaving says that it has been asked to stop where it is, or is stopping: its room will be free.
func (p *Pod) Leaving() bool {
	return p.Status == PodStopping || p.Desired == DesiredStopped || p.Eviction != ""
}

// Grace is how long it has to stop, once it is asked to.
func (p *Pod) Grace() time.Duration {
	if p.EvictionGrace != nil {
		return min(*p.EvictionGrace, p.GracePeriod)
	}
	return p.GracePeriod
}

// PodFields is a set of columns that a change did not carry because they are large and unchanged (TOAST).
type PodFields uint16

// The fields of a pod that can be large.
const (
	PodEnv PodFields = 1 << iota
	PodArgs
	PodMetadata
	PodNodeSelector
	PodTolerations
	PodAffinity
	PodLabels
	PodReason
	PodTopologySpread
)

// FillFrom returns p with the fields in missing taken from old. It does not change either.
func (p *Pod) FillFrom(old *Pod, missing PodFields) *Pod {
	if missing == 0 || old == nil {
		return p
	}
	c := *p
	if missing&PodEnv != 0 {
		c.Env = old.Env
	}
	if missing&PodArgs != 0 {
		c.Args = old.Args
	}
	if missing&PodMetadata != 0 {
		c.Metadata = old.Metadata
	}
	if missing&PodNodeSelector != 0 {
		c.NodeSelector = old.NodeSelector
	}
	if missing&PodTolerations != 0 {
		c.Tolerations = old.Tolerations
	}
	if missing&PodAffinity != 0 {
		c.Affinity = old.Affinity
	}
	if missing&PodLabels != 0 {
		c.Labels = old.Labels
	}
	if missing&PodReason != 0 {
		c.Reason = old.Reason
	}
	if missing&PodTopologySpread != 0 {
		c.TopologySpread = old.TopologySpread
	}
	return &c
}
