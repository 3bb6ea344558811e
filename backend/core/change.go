package core

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Event is one change of one published row. The concrete types below are all there are.
type Event interface{ isEvent() }

// PodUpserted carries a pod's new state. Missing names fields that the stream did not carry because they did not change.
type PodUpserted struct {
	Pod     *Pod
	Missing PodFields
}

// NodeUpserted carries a node's new state. Missing is as in PodUpserted.
type NodeUpserted struct {
	Node    *Node
	Missing NodeFields
}

// PackUpserted carries a pack's new state. PathUnchanged says that the stream did not carry BundlePath: it is what it was.
type PackUpserted struct {
	Pack          *Pack
	PathUnchanged bool
}

// NamespaceUpserted carries a namespace's new state. LabelsUnchanged says that the stream did not carry Labels: they are what they were.
type NamespaceUpserted struct {
	Namespace       *Namespace
	LabelsUnchanged bool
}

// DeploymentUpserted carries a deployment's new state, but for the fields in Missing, which are as they were.
type DeploymentUpserted struct {
	Deployment *Deployment
	Missing    DeploymentFields
}

// PriorityClassUpserted carries a priority class's new state.
type PriorityClassUpserted struct{ PriorityClass *PriorityClass }

// ConfigUpserted carries the value of a cluster_config key. Unchanged says that the stream did not carry it: it is what it was.
type ConfigUpserted struct {
	Key       string
	Value     json.RawMessage
	Unchanged bool
}

// EventRecorded says that a row was added to events. Those rows are never listed, and do not change.
type EventRecorded struct {
	ID        int64
	Namespace string // "" for none
}

type (
	// PodDeleted says that the row is gone; so do the others.
	PodDeleted struct{ ID uuid.UUID }
	// NodeDeleted is as PodDeleted.
	NodeDeleted struct{ ID uuid.UUID }
	// PackDeleted is as PodDeleted.
	PackDeleted struct{ ID uuid.UUID }
	// NamespaceDeleted is as PodDeleted.
	NamespaceDeleted struct{ ID uuid.UUID }
	// DeploymentDeleted is as PodDeleted.
	DeploymentDeleted struct{ ID uuid.UUID }
	// PriorityClassDeleted is as PodDeleted.
	PriorityClassDeleted struct{ Name string }
	// ConfigDeleted is as PodDeleted.
	ConfigDeleted struct{ Key string }
)

func (PodUpserted) isEvent()           {}
func (NodeUpserted) isEvent()          {}
func (PackUpserted) isEvent()          {}
func (NamespaceUpserted) isEvent()     {}
func (DeploymentUpserted) isEvent()    {}
func (PriorityClassUpserted) isEvent() {}
func (ConfigUpserted) isEvent()        {}
func (EventRecorded) isEvent()         {}
func (PodDeleted) isEvent()            {}
func (NodeDeleted) isEvent()           {}
func (PackDeleted) isEvent()           {}
func (NamespaceDeleted) isEvent()      {}
func (DeploymentDeleted) isEvent()     {}
func (PriorityClassDeleted) isEvent()  {}
func (ConfigDeleted) isEvent()         {}

// Changes is what one transaction did, in order; or, with Snapshot set, a whole new picture that replaces what was known. Without events
// it only says how far the picture reaches.
type Changes struct {
	Snapshot bool
	Events   []Event
	// Position is up to where in the WAL (pg_lsn as an integer) everything has been said, this included.
	Position uint64
	// CommitTime is when it committed, by the database's clock; zero for a snapshot.
	CommitTime time.Time
	// Transaction is its id (xid); 0 for a snapshot. The WAL shows a commit a moment before it is visible to other sessions.
	Transaction uint32
	// History names the history that positions are of: the database server and its timeline. Only a snapshot says it.
	History string
}
