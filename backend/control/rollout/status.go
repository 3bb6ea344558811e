package rollout

import (
	"encoding/json"
	"time"
)

// Status is deployments.status: what people read of a deployment, and what the next leader goes by.
type Status struct {
	Replicas    int         `json:"replicas"`    // pods that are wanted and have not ended, of any generation
	Updated     int         `json:"updated"`     // of those, of the present generation
	Ready       int         `json:"ready"`       // of all, that run
	Available   int         `json:"available"`   // of all, that have run for minReadySeconds
	Unavailable int         `json:"unavailable"` // how many more are wanted than are available
	Desired     int         `json:"desired"`     // how many are wanted
	Conditions  []Condition `json:"conditions"`
	// Stable is the last generation that was rolled out completely; 0 when none was.
	Stable int64 `json:"stableGeneration"`
	// Ends counts pods of the present generation that ended by themselves, one after the other.
	Ends *Ends `json:"ends,omitempty"`
	// ProgressAt is when the rollout last came nearer to its end.
	ProgressAt time.Time   `json:"progressAt,omitzero"`
	RolledBack *RolledBack `json:"rolledBack,omitempty"`
}

// Condition is a thing that is so or not, as in Kubernetes.
type Condition struct {
	Type    string    `json:"type"`
	Status  bool      `json:"status"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"` // when Status last changed
}

// The conditions.
const (
	// Available: as many pods are available as the strategy asks for at least.
	Available = "Available"
	// Progressing: the rollout goes on, or has come to its end.
	Progressing = "Progressing"
	// Failing: the database refuses pods of this deployment. The message says why.
	Failing = "Failing"
)

// Reasons of Progressing.
const (
	ReasonRollingOut       = "RollingOut"
	ReasonComplete         = "Complete"
	ReasonPaused           = "Paused"
	ReasonDeadlineExceeded = "ProgressDeadlineExceeded"
	ReasonCrashLoop        = "CrashLoop"
	ReasonRolledBack       = "RolledBack"
)

// Reasons of Failing.
const (
	ReasonQuota     = "QuotaExceeded" // the namespace has no room left
	ReasonForbidden = "Forbidden"     // the owner may not run the pack, or make pods, any more
	ReasonRefused   = "Refused"       // anything else
)

// Ends counts how pods of a generation end.
type Ends struct {
	Generation int64     `json:"generation"`
	Count      int       `json:"count"`  // all that ended by themselves since the last long quiet time
	Failed     int       `json:"failed"` // of those, that failed; since the generation began
	LastAt     time.Time `json:"lastAt"`
}

// RolledBack says what the control loop has taken back by itself.
type RolledBack struct {
	From       int64  `json:"from"`       // the generation that did not work
	To         int64  `json:"to"`         // the one whose pack and template came back
	Generation int64  `json:"generation"` // as this
	Version    string `json:"version"`    // of the pack of From: following the latest goes on with what is higher
}

// ParseStatus reads a status. What cannot be read is as if nothing had been said: the control loop says it anew.
func ParseStatus(raw json.RawMessage) Status {
	var s Status
	if len(raw) > 0 && json.Unmarshal(raw, &s) != nil {
		return Status{}
	}
	return s
}

// set puts a condition, which keeps its time while it stays as it is.
func (s *Status) set(now time.Time, kind string, is bool, reason, message string) {
	c := Condition{Type: kind, Status: is, Reason: reason, Message: message, Since: now}
	for i, old := range s.Conditions {
		if old.Type == kind {
			if old.Status == is {
				c.Since = old.Since
			}
			s.Conditions[i] = c
			return
		}
	}
	s.Conditions = append(s.Conditions, c)
}

// unset takes a condition away.
func (s *Status) unset(kind string) {
	kept := s.Conditions[:0]
	for _, c := range s.Conditions {
		if c.Type != kind {
			kept = append(kept, c)
		}
	}
	s.Conditions = kept
}
