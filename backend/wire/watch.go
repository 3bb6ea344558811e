package wire

import (
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
)

// WatchKind is a kind of thing whose changes GET /api/watch tells.
type WatchKind string

// The kinds that can be watched.
const (
	WatchPods        WatchKind = "pods"
	WatchNodes       WatchKind = "nodes"
	WatchPacks       WatchKind = "packs"
	WatchDeployments WatchKind = "deployments"
	WatchNamespaces  WatchKind = "namespaces"
	WatchEvents      WatchKind = "events"
)

// WatchKinds are all of them.
var WatchKinds = []WatchKind{WatchPods, WatchNodes, WatchPacks, WatchDeployments, WatchNamespaces, WatchEvents}

// WatchQuery is what a watcher wants to hear of.
type WatchQuery struct {
	Kinds     []WatchKind
	Namespace string // of what has one; "" is all
	Cursor    string // to go on from; "" begins now
}

// WatchRef names a row that changed.
type WatchRef struct {
	Kind   WatchKind
	ID     uuid.UUID
	Number int64 // instead of ID, of an event
}

// Key is the row's id as it is in its DTO.
func (r WatchRef) Key() string {
	if r.Number != 0 {
		return strconv.FormatInt(r.Number, 10)
	}
	return r.ID.String()
}

// Watched is how things are now, as one user sees them. What does not exist, or not for that user, is not in it.
type Watched struct {
	Role    string // the user's
	Objects map[WatchRef]any
}

// WatchEvent names a frame of GET /api/watch.
type WatchEvent string

// The frames; docs/api.md says what a client does on each.
const (
	WatchReady     WatchEvent = "ready"      // WatchPosition
	WatchChanged   WatchEvent = "change"     // WatchChange
	WatchResync    WatchEvent = "resync"     // WatchReason
	WatchBye       WatchEvent = "bye"        // WatchReason
	WatchKeepAlive WatchEvent = "keep-alive" // no data
)

// WatchFrame is one server-sent event. Whoever has it, and all before it, may go on from Cursor.
type WatchFrame struct {
	Event  WatchEvent
	Cursor string
	Data   json.RawMessage
}

// WatchPosition is the data of WatchReady.
type WatchPosition struct {
	Cursor string `json:"cursor"`
}

// WatchReason is the data of WatchResync and WatchBye.
type WatchReason struct {
	Reason string `json:"reason"`
}

// WatchChange is the data of WatchChanged: an object as it is now, or the id of one that is not there any more.
type WatchChange struct {
	Kind   WatchKind `json:"kind"`
	Type   string    `json:"type"` // upsert, delete
	Object any       `json:"object,omitempty"`
	ID     string    `json:"id,omitempty"`
}

// The types of a WatchChange.
const (
	WatchUpsert = "upsert"
	WatchDelete = "delete"
)
