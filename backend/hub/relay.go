package hub

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Observe relays what changed. It is called by the feed after the cluster state took the change in, and never blocks.
func (h *Hub) Observe(delta cluster.Delta) {
	for _, change := range delta.Pods {
		for _, s := range h.concerned(change) {
			if s != nil {
				s.follow(change)
			}
		}
	}
}

// concerned finds the sessions of the nodes that a pod was and is on. Sessions that are registering get it later, in its turn.
func (h *Hub) concerned(change cluster.PodChange) (told [2]*session) {
	from, to := homeOf(change.Old), homeOf(change.New)
	if from == uuid.Nil && to == uuid.Nil {
		return told
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s, missed := range h.registering {
		if len(missed) == maxMissed {
			s.close(wire.CloseRestart, "registering took too long")
			continue
		}
		h.registering[s] = append(missed, change)
	}
	told[0] = h.live(from)
	if to != from {
		told[1] = h.live(to)
	}
	return told
}

// maxMissed bounds what is kept for a session that registers. It is reached only when the database hangs while the feed races.
const maxMissed = 200_000

// live returns the session that speaks for a node and has caught up; h.mu is held.
func (h *Hub) live(node uuid.UUID) *session {
	s := h.byNode[node]
	if _, catchesUp := h.registering[s]; catchesUp {
		return nil
	}
	return s
}

// homeOf is the node whose room a pod takes, uuid.Nil when there is none.
func homeOf(pod *core.Pod) uuid.UUID {
	if pod == nil || !pod.Status.Active() {
		return uuid.Nil
	}
	return pod.NodeID
}

// follow tells the agent what a change means for it.
func (s *session) follow(change cluster.PodChange) {
	before, after := change.Old, change.New
	was, is := homeOf(before) == s.node, homeOf(after) == s.node
	if was && (!is || after.Incarnation != before.Incarnation) {
		reason := core.ReasonStale
		if after == nil {
			reason = core.ReasonDeleted
		}
		s.stop(before, reason)
	}
	if !is {
		return
	}
	isNew := !was || after.Incarnation != before.Incarnation
	switch {
	case after.Desired == core.DesiredStopped:
		if isNew || before.Desired != core.DesiredStopped {
			s.stop(after, core.ReasonStoppedByUser)
		}
	case after.Eviction != "":
		if isNew || before.Eviction == "" || after.Grace() < before.Grace() {
			s.stop(after, after.Eviction)
		}
	case after.Status == core.PodScheduled && (isNew || before.Status != core.PodScheduled):
		s.assign(after)
	}
}

// assign tells the agent to run a pod. One whose assignment cannot be sent fails here and now: sent or not, it would end every
// connection of every agent that it is given to.
func (s *session) assign(pod *core.Pod) {
	pack := s.hub.cfg.Cluster.Pack(pod.PackID)
	if pack == nil {
		// The foreign key keeps packs of live pods, and the feed shows a pack before its pods: only a picture that is not there yet lacks
		// it, and when it comes the pod is relayed again.
		s.log.Debug("a pack is not known yet", "pod", pod.ID, "pack", pod.PackID)
		return
	}
	frame, err := s.encode(wire.TypePodAssign, wire.AssignmentOf(pod, pack), "")
	if err != nil {
		s.log.Warn("a pod cannot be assigned", "pod", pod.ID, "error", err)
		s.hub.reporter.add(core.StatusReport{NodeID: s.node, PodID: pod.ID, Incarnation: pod.Incarnation, Status: core.PodFailed,
			Reason:  core.ReasonUnassignable,
			Message: "env, args and metadata do not fit a frame of the agent protocol: make them smaller"}, func(string) {})
		return
	}
	s.takeLogs(pod)
	s.enqueue(frame)
}

// takeLogs lets the agent send what a pod prints.
func (s *session) takeLogs(pod *core.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assigned[pod.ID] = pod.Incarnation
}

func (s *session) stop(pod *core.Pod, reason string) {
	s.send(wire.TypePodStop, wire.PodStop{PodID: pod.ID, Incarnation: pod.Incarnation, Reason: reason,
		GracePeriodMS: pod.Grace().Milliseconds()}, "")
}
