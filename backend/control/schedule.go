package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Both end a term. errLost: the database says that the epoch is over. errUnsure: a decision may be written or not, for example because the
// connection broke on the way. The next term begins with a new epoch, which makes that decision void if it was not written by then, and with a
// picture that holds it if it was; until then nobody can say which room is taken.
var (
	errLost   = errors.New("not the leader any more")
	errUnsure = errors.New("a decision has an unknown outcome")
)

const (
	// writeTimeout is for one statement of the loops.
	writeTimeout = 10 * time.Second
	// maxFlying is how many batches of placements are on their way at most.
	maxFlying = 3
	// flightPatience is how long a batch may be on its way before the next one leaves without waiting for it. A statement of a few rows is back
	// before that, and what gathers meanwhile shares the next; nobody waits for a statement of thousands.
	flightPatience = 3 * time.Millisecond
	// minRetry and maxRetry are the pause before what the database did not take is tried again.
	minRetry = time.Millisecond
	maxRetry = 500 * time.Millisecond
)

// schedule places pods whenever something changes. A lone pod waits for nobody; while statements are on their way more pods gather and make
// the next batch bigger.
func (c *Controller) schedule(ctx context.Context, epoch core.Epoch) {
	ctx, cancel := context.WithCancel(ctx)
	s := newScheduler(c, epoch)
	defer s.close()
	defer cancel()
	again := time.NewTimer(0) // whatever waits already
	defer again.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
			s.stirred = true
		case settle := <-s.landed:
			err = settle()
		case <-again.C:
			s.stirred = true
		}
		if err == nil {
			err = s.step(ctx, time.Now())
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errLost), errors.Is(err, errUnsure):
			c.cfg.Log.Warn("this term of leadership ends", "epoch", epoch.Number, "error", err)
			return
		case err != nil:
			c.cfg.Log.Warn("scheduling failed; trying again", "error", err)
		}
		if wait, due := s.next(time.Now()); due {
			again.Reset(wait)
		}
	}
}

// scheduler is one term's scheduling. One goroutine owns it; statements run in goroutines of their own and hand back what they came to.
type scheduler struct {
	*Controller
	epoch core.Epoch
	brain *brain
	says  explainer

	stirred bool                // something changed since the last round
	landed  chan func() error   // what statements came to; its owner runs it
	writers sync.WaitGroup      // of the statements
	flights map[int]time.Time   // when each batch that is on its way left, by number
	number  int                 // of the last batch
	missed  []missed            // what the database did not take, until it is tried again
	tries   map[uuid.UUID]uint8 // how often each of those was missed
}

// missed are decisions that count as taken until they are tried again.
type missed struct {
	pods    []uuid.UUID // were to be placed
	victims []uuid.UUID // were to leave
	due     time.Time
}

func newScheduler(c *Controller, epoch core.Epoch) *scheduler {
	return &scheduler{
		Controller: c, epoch: epoch, brain: newBrain(c.cfg.Cluster, c.cfg.Seed), says: newExplainer(), stirred: true,
		landed: make(chan func() error), flights: map[int]time.Time{}, tries: map[uuid.UUID]uint8{},
	}
}

// close waits for the statements that are on their way, whose context has ended, and lets go of all that they held.
func (s *scheduler) close() {
	done := make(chan struct{})
	go func() { s.writers.Wait(); close(done) }()
	for {
		select {
		case settle := <-s.landed:
			_ = settle() // the term is over, whatever it came to
		case <-done:
			for _, m := range s.missed {
				s.cfg.Cluster.Forget(m.pods)
			}
			s.brain.close()
			return
		}
	}
}

// step does what can be done now.
func (s *scheduler) step(ctx context.Context, now time.Time) error {
	s.retryMissed(now)
	for s.stirred && s.mayFly(now) {
		s.stirred = false
		plan, changed := s.brain.decide(now, s.cfg.Batch)
		if s.brain.wrong != nil {
			s.cfg.Log.Warn("a setting is ignored", "key", ScoreSetting, "error", s.brain.wrong)
			s.brain.wrong = nil
		}
		s.says.forget(changed)
		s.assign(ctx, s.cfg.Cluster.Assume(plan.Placements))
		s.preempt(ctx, plan.Evictions)
		if err := s.says.take(plan.Unschedulable, s.brain.waiting); err != nil {
			return err
		}
		if plan.Deferred > 0 {
			s.stirred = len(plan.Placements) > 0
			return nil // explanations are written once the placeable are placed
		}
	}
	if !s.says.busy && !s.stirred {
		s.explain(ctx, now)
	}
	return nil
}

// mayFly says whether another batch may leave.
func (s *scheduler) mayFly(now time.Time) bool {
	return len(s.flights) < maxFlying && now.Sub(s.lastLeft()) >= flightPatience
}

// lastLeft is when the last of the batches left that are on their way; long ago when there is none.
func (s *scheduler) lastLeft() (last time.Time) {
	for _, left := range s.flights {
		if left.After(last) {
			last = left
		}
	}
	return last
}

// next says when there is something to do though nothing happens.
func (s *scheduler) next(now time.Time) (wait time.Duration, ok bool) {
	until := func(t time.Time) {
		if w := max(t.Sub(now), 0); !ok || w < wait {
			wait, ok = w, true
		}
	}
	if s.stirred && len(s.flights) < maxFlying {
		until(s.lastLeft().Add(flightPatience))
	}
	for _, m := range s.missed {
		until(m.due)
	}
	if due, is := s.says.due(now); is {
		until(due)
	}
	return wait, ok
}

// assign writes placements.
func (s *scheduler) assign(ctx context.Context, placements []core.Placement) {
	if len(placements) == 0 {
		return
	}
	s.number++
	number := s.number
	s.flights[number] = time.Now()
	s.writers.Go(func() {
		taken, err := s.write(ctx, placements)
		s.landed <- func() error {
			delete(s.flights, number)
			return s.settle(placements, taken, err)
		}
	})
}

// settle takes in what became of a batch. What the database did not take was shown by the feed before other connections could see it, or its
// node is not any more as it was, or someone holds a row: that passes in a moment.
func (s *scheduler) settle(placements []core.Placement, taken []uuid.UUID, err error) error {
	if err != nil { // it ends the term
		s.cfg.Cluster.Forget(podsOf(placements))
		return err
	}
	assigned := make(map[uuid.UUID]struct{}, len(taken))
	for _, id := range taken {
		assigned[id] = struct{}{}
		delete(s.tries, id)
	}
	var rest []uuid.UUID
	worst := uint8(0)
	for _, p := range placements {
		if _, is := assigned[p.PodID]; !is {
			rest = append(rest, p.PodID)
			worst = max(worst, s.tries[p.PodID])
			s.tries[p.PodID] = min(s.tries[p.PodID]+1, 16)
		}
	}
	if len(rest) > 0 {
		s.missed = append(s.missed, missed{pods: rest, due: time.Now().Add(min(minRetry<<worst, maxRetry))})
	}
	return nil
}

// retryMissed lets go of placements that were missed a while ago: they wait for a decision again.
func (s *scheduler) retryMissed(now time.Time) {
	rest := s.missed[:0]
	for _, m := range s.missed {
		if m.due.After(now) {
			rest = append(rest, m)
			continue
		}
		s.cfg.Cluster.Forget(m.pods)
		s.cfg.Cluster.Remind(m.victims)
		s.stirred = true
	}
	s.missed = rest
	if len(rest) == 0 {
		s.missed = nil
	}
}

// write assigns placements and returns the pods that were taken. When a rule of the database refuses a batch, the placement that is at fault is
// searched for by halves, so that it does not hold up the others.
func (s *scheduler) write(ctx context.Context, placements []core.Placement) (taken []uuid.UUID, err error) {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	taken, err = s.cfg.Store.Assign(attempt, s.epoch, placements)
	switch {
	case err == nil:
		return taken, nil
	case !isRefusal(err):
		return nil, fmt.Errorf("%w: %w", errUnsure, err)
	case !s.holdsLease(attempt):
		return nil, errLost
	case len(placements) == 1:
		s.cfg.Log.Warn("the database refuses a placement; trying again", "pod", placements[0].PodID, "node", placements[0].NodeID, "error", err)
		return nil, nil
	}
	half := len(placements) / 2
	first, err := s.write(ctx, placements[:half])
	if err != nil {
		return nil, err
	}
	second, err := s.write(ctx, placements[half:])
	return append(first, second...), err
}

// isRefusal says that the database answered, and wrote nothing.
func isRefusal(err error) bool {
	switch core.CodeOf(err) {
	case core.CodeConflict, core.CodeValidation, core.CodeForbidden, core.CodeNotFound, core.CodeQuota:
		return true
	}
	return false
}

// holdsLease asks the database. When it cannot say, the keeper of the lease will find out.
func (s *scheduler) holdsLease(ctx context.Context) bool {
	_, ours, err := s.cfg.Store.RenewLease(ctx, s.epoch, s.cfg.LeaseTTL)
	return err != nil || ours
}

func podsOf(placements []core.Placement) []uuid.UUID {
	ids := make([]uuid.UUID, len(placements))
	for i, p := range placements {
		ids[i] = p.PodID
	}
	return ids
}
