package cluster

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Assume notes decisions that are being written: the pods are not pending any more and take their node's room.
// A pod that is not pending any more is left out; those that were assumed are returned.
func (s *State) Assume(placements []core.Placement) []core.Placement {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := placements[:0:0]
	for _, p := range placements {
		pod := s.pods[p.PodID]
		if _, waiting := s.pending[p.PodID]; !waiting || pod == nil {
			continue
		}
		s.assume(pod, p.NodeID)
		taken = append(taken, p)
	}
	return taken
}

func (s *State) assume(pod *core.Pod, node uuid.UUID) {
	delete(s.pending, pod.ID)
	s.assumed[pod.ID] = assumption{node: node, incarnation: pod.Incarnation}
	s.settle(pod, node)
}

// isAssumed says whether a decision about the pod is on its way that this state of it is from before of.
func (s *State) isAssumed(pod *core.Pod) bool {
	a, is := s.assumed[pod.ID]
	return is && pod.Incarnation == a.incarnation
}

// Remind makes watches hand out pods again as they are: who keeps an index has changed it for something that did not come about.
func (s *State) Remind(pods []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range pods {
		s.podChanged(id)
	}
}

// Forget takes decisions back that the database did not take. Those that the feed has confirmed meanwhile stay.
func (s *State) Forget(pods []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range pods {
		pod := s.pods[id]
		if _, is := s.assumed[id]; !is || pod == nil {
			continue
		}
		delete(s.assumed, id)
		s.podChanged(id)
		s.settle(pod, uuid.Nil)
		if pod.Status == core.PodPending {
			s.pending[id] = struct{}{}
		}
	}
}
