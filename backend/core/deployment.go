package core

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// DeploymentMode says how a deployment spreads its pods.
type DeploymentMode string

// The two modes: so many pods wherever there is room, or one on each node that suits.
const (
	ModeReplicas  DeploymentMode = "replicas"
	ModeDaemonSet DeploymentMode = "daemonset"
)

// Deployment keeps pods of a pack running and rolls them over to what it says now. Values are shared between goroutines: never change one in place.
type Deployment struct {
	ID           uuid.UUID
	Name         string
	Namespace    string
	PackID       uuid.UUID
	FollowLatest bool
	Mode         DeploymentMode
	Replicas     int32
	Spec         json.RawMessage // the template of its pods, a JSON object
	Strategy     json.RawMessage // how a rollout goes, a JSON object
	Paused       bool
	// Generation grows whenever pack or template change.
	Generation         int64
	ObservedGeneration int64
	Status             json.RawMessage // what the control loop has written last, a JSON object
	CreatedBy          uuid.UUID       // uuid.Nil when that user is gone
	CreatedAt          time.Time
	Revision           int64
}

// DeploymentFields is a set of columns that a change did not carry because they are large and unchanged (TOAST).
type DeploymentFields uint8

// The fields of a deployment that can be large.
const (
	DeploymentSpec DeploymentFields = 1 << iota
	DeploymentStrategy
	DeploymentStatus
)

// FillFrom returns d with the fields in missing taken from old. It does not change either.
func (d *Deployment) FillFrom(old *Deployment, missing DeploymentFields) *Deployment {
	if missing == 0 || old == nil {
		return d
	}
	c := *d
	if missing&DeploymentSpec != 0 {
		c.Spec = old.Spec
	}
	if missing&DeploymentStrategy != 0 {
		c.Strategy = old.Strategy
	}
	if missing&DeploymentStatus != 0 {
		c.Status = old.Status
	}
	return &c
}

// RolloutStep is what is done about a deployment at once, or not at all.
type RolloutStep struct {
	Deployment uuid.UUID
	Generation int64 // that the step was decided for: when it is another by now, nothing is done
	Create     []DeploymentPod
	Stop       []uuid.UUID
	Delete     []uuid.UUID     // pods that have ended
	Status     json.RawMessage // nil leaves it as it is
	Pack       uuid.UUID       // to move to; uuid.Nil for none
	RollbackTo int64           // generation whose pack and template come back; 0 for none
	Events     []RolloutEvent
}

// Empty says that there is nothing to do.
func (s *RolloutStep) Empty() bool {
	return len(s.Create)+len(s.Stop)+len(s.Delete)+len(s.Events) == 0 && s.Status == nil && s.Pack == uuid.Nil && s.RollbackTo == 0
}

// ErrStepVoid says that a step was decided for something that is not so any more, or that somebody holds the deployment's row: nothing was done.
var ErrStepVoid = Errorf(CodeConflict, "the deployment has changed meanwhile")

// DeploymentPod is a pod to be made from what a generation of the deployment was.
type DeploymentPod struct {
	Generation int64
	Node       string // the only node that it may run on; "" for any
}

// RolloutEvent is for people who read a deployment's events.
type RolloutEvent struct {
	Reason  string // as events.reason
	Warning bool
	Message string
}
