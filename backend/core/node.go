package core

import (
	"time"

	"github.com/google/uuid"
)

// Runtime is what a node is.
type Runtime string

// The two runtimes.
const (
	RuntimeNode    Runtime = "node"
	RuntimeBrowser Runtime = "browser"
)

// Valid says that it is one of the two.
func (r Runtime) Valid() bool { return r == RuntimeNode || r == RuntimeBrowser }

// NodeStatus is a node's health.
type NodeStatus string

// Healthy nodes take pods. Unknown ones are not connected now, but keep their pods. Unhealthy ones have lost them.
const (
	NodeHealthy   NodeStatus = "healthy"
	NodeUnhealthy NodeStatus = "unhealthy"
	NodeUnknown   NodeStatus = "unknown"
)

// Access says whose pods a node takes.
type Access string

// Shared nodes take anyone's pods, private ones only their owner's.
const (
	AccessShared  Access = "shared"
	AccessPrivate Access = "private"
)

// Effect is what a taint does to pods that do not tolerate it.
type Effect string

// The Kubernetes effects.
const (
	EffectNoSchedule       Effect = "NoSchedule"
	EffectPreferNoSchedule Effect = "PreferNoSchedule"
	EffectNoExecute        Effect = "NoExecute"
)

// Taint keeps pods off a node unless they tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect Effect `json:"effect"`
	// TimeAdded is since when a NoExecute taint is there: tolerationSeconds count from it. The database sets it.
	TimeAdded time.Time `json:"timeAdded,omitzero"`
}

// String is as kubectl writes it: key=value:effect.
func (t Taint) String() string {
	if t.Value == "" {
		return t.Key + ":" + string(t.Effect)
	}
	return t.Key + "=" + t.Value + ":" + string(t.Effect)
}

// Toleration lets a pod onto nodes with matching taints. Semantics as in Kubernetes: an empty Key with Exists
// matches every taint, an empty Effect every effect, an empty Operator means Equal.
type Toleration struct {
	Key               string `json:"key,omitempty"`
	Operator          string `json:"operator,omitempty"`
	Value             string `json:"value,omitempty"`
	Effect            Effect `json:"effect,omitempty"`
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// Tolerates says whether the toleration covers the taint.
// Source: k8s.io/api/core/v1 Toleration.ToleratesTaint.
func (t Toleration) Tolerates(taint Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect {
		return false
	}
	if t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case "", "Equal":
		return t.Key != "" && t.Value == taint.Value
	case "Exists":
		return true
	}
	return false
}

// Node is a runtime that executes pods. Values are shared between goroutines: never change one in place.
type Node struct {
	ID             uuid.UUID
	Name           string
	Runtime        Runtime
	RuntimeVersion string
	OwnerID        uuid.UUID // uuid.Nil when the owner is gone
	Access         Access
	Status         NodeStatus
	Unschedulable  bool // cordoned
	// DrainDeadline is by when its pods are to have left; zero when it is not being drained. DrainedAt is when they had.
	DrainDeadline time.Time
	DrainedAt     time.Time
	Labels        map[string]string
	Taints        []Taint
	MaxPods       int32
	CPUMillis     int64
	MemoryBytes   int64
	CreatedAt     time.Time
	Revision      int64
}

// NodeFields is a set of columns that a change did not carry because they are large and unchanged (TOAST).
type NodeFields uint8

// The fields of a node that can be large.
const (
	NodeLabels NodeFields = 1 << iota
	NodeTaints
	NodeRuntimeVersion
)

// FillFrom returns n with the fields in missing taken from old. It does not change either.
func (n *Node) FillFrom(old *Node, missing NodeFields) *Node {
	if missing == 0 || old == nil {
		return n
	}
	c := *n
	if missing&NodeLabels != 0 {
		c.Labels = old.Labels
	}
	if missing&NodeTaints != 0 {
		c.Taints = old.Taints
	}
	if missing&NodeRuntimeVersion != 0 {
		c.RuntimeVersion = old.RuntimeVersion
	}
	return &c
}
