package core

import (
	"time"

	"github.com/google/uuid"
)

// Actor is whoever asks, once their token has been verified. Claims is the token's verified payload as JSON: the
// database sees exactly it, as request.jwt.claims, and decides by row-level security.
type Actor struct {
	UserID        uuid.UUID
	Email         string
	Claims        string
	ExpiresAt     time.Time
	CorrelationID string
}

// Placement is a decision to run a pod on a node.
type Placement struct {
	PodID  uuid.UUID
	NodeID uuid.UUID
}

// Epoch identifies one term of leadership. Whatever a leader writes is void unless its epoch is still the current one.
type Epoch struct {
	Holder string
	Number int64
	// Start is a position in the WAL that comes after everything that earlier terms decided. A picture of the cluster that does not reach
	// it may lack some of that.
	Start uint64
}
