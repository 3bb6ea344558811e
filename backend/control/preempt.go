package control

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// victimRetry is the pause before a pod that could not be asked to leave is looked at again: somebody holds its row, or it has not been
// assigned yet as far as the database shows. Meanwhile it counts as leaving.
const victimRetry = 100 * time.Millisecond

// preempt asks pods to leave, so that those of higher priority which have been nominated for their nodes find room. From then on their rows say so:
// whoever leads next sees them as leaving, and asks nobody else.
func (s *scheduler) preempt(ctx context.Context, victims []sched.Eviction) {
	if len(victims) == 0 {
		return
	}
	evictions := make([]core.Eviction, len(victims))
	for i, v := range victims {
		evictions[i] = core.Eviction{PodID: v.PodID, NodeID: v.NodeID, Reason: v.Reason, Message: v.Message}
	}
	s.writers.Go(func() {
		asked, err := s.ask(ctx, evictions)
		s.landed <- func() error {
			if err != nil {
				return err
			}
			s.passedOver(evictions, asked)
			return nil
		}
	})
}

// passedOver remembers who was not asked.
func (s *scheduler) passedOver(evictions []core.Eviction, asked []uuid.UUID) {
	done := make(map[uuid.UUID]bool, len(asked))
	for _, id := range asked {
		done[id] = true
	}
	var rest []uuid.UUID
	for _, e := range evictions {
		if !done[e.PodID] {
			rest = append(rest, e.PodID)
		}
	}
	if len(rest) > 0 {
		s.missed = append(s.missed, missed{victims: rest, due: time.Now().Add(victimRetry)})
	}
}

// ask writes evictions and returns the pods that were asked. An error ends the term.
func (s *scheduler) ask(ctx context.Context, evictions []core.Eviction) ([]uuid.UUID, error) {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	asked, err := s.cfg.Store.Evict(attempt, s.epoch, evictions)
	switch {
	case err == nil:
		return asked, nil
	case !isRefusal(err):
		return nil, fmt.Errorf("%w: %w", errUnsure, err)
	case !s.holdsLease(attempt):
		return nil, errLost
	}
	s.cfg.Log.Warn("the database refuses evictions; trying again", "pods", len(evictions), "error", err)
	return nil, nil
}
