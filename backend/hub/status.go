package hub

import (
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// lateLogs is how long after its end lines of a pod are still taken.
const lateLogs = time.Minute

func (s *session) podStatus(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.PodStatus](env)
	if err != nil {
		return err
	}
	if !s.admit() {
		s.close(wire.CloseRestart, "too many reports wait for the database")
		return nil
	}
	report := core.StatusReport{NodeID: s.node, PodID: in.PodID, Incarnation: in.Incarnation, Status: in.Status,
		Reason: in.Reason, Message: in.Message, Result: in.Result}
	done := func(verdict string) {
		s.acknowledge(report, verdict, env.CorrelationID)
		s.settle()
	}
	if !s.hub.reporter.add(report, done) {
		s.settle()
		s.close(wire.CloseRestart, "the database does not keep up")
	}
	return nil
}

// admit counts a report of this agent. It is false when too many of them wait: one agent must not fill the queue of all.
func (s *session) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reports >= s.hub.cfg.MaxReports {
		return false
	}
	s.reports++
	return true
}

// settle takes one report off the count.
func (s *session) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports--
	if s.reports == 0 && s.settled != nil {
		close(s.settled)
		s.settled = nil
	}
}

// allSettled is closed once no report of this agent waits.
func (s *session) allSettled() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	settled := make(chan struct{})
	if s.reports == 0 {
		close(settled)
		return settled
	}
	s.settled = settled
	return settled
}

func (s *session) acknowledge(r core.StatusReport, verdict, correlationID string) {
	s.send(wire.TypePodStatusAck, wire.PodStatusAck{PodID: r.PodID, Incarnation: r.Incarnation, Status: r.Status,
		Accepted: verdict == core.VerdictAccepted, Code: verdict}, correlationID)
	stale := verdict == core.VerdictStaleIncarnation || verdict == core.VerdictNotFound
	if stale && !r.Status.Final() {
		s.send(wire.TypePodStop, wire.PodStop{PodID: r.PodID, Incarnation: r.Incarnation, Reason: core.ReasonStale}, "")
	}
	if stale || r.Status.Final() {
		// Late lines may still come; the map only has to stop growing.
		time.AfterFunc(lateLogs, func() { s.forgetPod(r.PodID, r.Incarnation) })
	}
}

func (s *session) forgetPod(pod uuid.UUID, incarnation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.assigned[pod] == incarnation {
		delete(s.assigned, pod)
	}
}
