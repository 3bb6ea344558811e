package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Bounds of a page of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Slice says which part of a list is wanted. Lists are ordered by (created_at, id), newest first.
type Slice struct {
	Limit int    // 1 to MaxLimit
	After Cursor // the last entry of the page before; the zero Cursor starts at the newest
}

// Cursor is a place in a list: the key of one of its entries.
type Cursor struct {
	CreatedAt time.Time // whole microseconds, as in the database
	ID        uuid.UUID
}

// IsZero says that the cursor stands before the first entry.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// cursorBytes is the length of a cursor: microseconds since 1970, big-endian, and the id.
const cursorBytes = 8 + 16

// String is the cursor as clients see it: opaque, safe in a URL. The zero Cursor is "".
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, cursorBytes), uint64(c.CreatedAt.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(raw, c.ID[:]...))
}

// ParseCursor reads what String wrote; "" is the zero Cursor.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) != cursorBytes {
		return Cursor{}, errors.New("not a cursor of this server")
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	if at.Year() < 0 || at.Year() > 9999 { // what the database can compare with
		return Cursor{}, errors.New("not a cursor of this server")
	}
	return Cursor{CreatedAt: at, ID: uuid.UUID(raw[8:])}, nil
}

// PackFilter narrows GET /api/packs. Empty fields do not narrow.
type PackFilter struct {
	Name string
	Slice
}

// Requirement is one part of a label selector: in, notin, exists or absent.
type Requirement struct {
	Key    string   `json:"key"`
	Op     string   `json:"op"`
	Values []string `json:"values,omitempty"`
}

// PodFilter narrows GET /api/pods. Empty fields do not narrow.
type PodFilter struct {
	Namespace string
	Name      string
	Status    core.PodStatus
	NodeID    *uuid.UUID
	PackID    *uuid.UUID
	CreatedBy *uuid.UUID
	// DeploymentID narrows to the pods that a deployment keeps.
	DeploymentID *uuid.UUID
	NotStatus    core.PodStatus
	NodeName     string
	Labels       []Requirement // all of them hold
	Slice
}

// NodeFilter narrows GET /api/nodes. Empty fields do not narrow.
type NodeFilter struct {
	Name        string
	Status      core.NodeStatus
	RuntimeType core.Runtime
	Slice
}

// LogQuery says which lines of a pod's log are wanted; they come oldest first.
type LogQuery struct {
	After int64 // only lines with a greater id; 0 for all
	Tail  int   // only the newest Tail of them; 0 for all
	Limit int   // at most so many lines
}

// DeploymentFilter narrows GET /api/deployments. Empty fields do not narrow.
type DeploymentFilter struct {
	Namespace string
	Name      string
	PackID    *uuid.UUID
	Slice
}

// EventFilter narrows GET /api/events. Empty fields do not narrow.
type EventFilter struct {
	Kind, ObjectName, Namespace, Type, Reason string
	ObjectID                                  *uuid.UUID
	Since                                     time.Time
	Before                                    int64 // id of the last event of the page before; 0 starts at the newest
	Limit                                     int   // 1 to MaxLimit
}
