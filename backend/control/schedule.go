package control

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// errLost ends a term: the database says that the epoch is over.
var errLost = errors.New("not the leader any more")

// schedule places pods whenever something changes. A lone pod waits for nobody; while a statement is on its way more pods gather and make
// the next batch bigger.
func (c *Controller) schedule(ctx context.Context, epoch core.Epoch) {
	s := scheduler{Controller: c, epoch: epoch, retry: retryDelay{min: 5 * time.Millisecond, max: 500 * time.Millisecond}}
	c.nudge() // whatever waits already
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-again.C:
		}
		wait, err := s.round(ctx)
		switch {
		case errors.Is(err, errLost), ctx.Err() != nil:
			return
		case err != nil:
			c.cfg.Log.Warn("scheduling failed; trying again", "error", err, "retry_in", wait)
		}
		if wait > 0 {
			again.Reset(wait)
		}
	}
}

type scheduler struct {
	*Controller
	epoch     core.Epoch
	retry     retryDelay
	explained map[uuid.UUID]string // what was last stored about pods that cannot be placed
}

// round plans and writes until nothing more can be placed. A positive wait asks for another round after it.
func (s *scheduler) round(ctx context.Context) (wait time.Duration, err error) {
	for {
		snapshot := s.cfg.Cluster.Snapshot()
		if len(snapshot.Pending) == 0 {
			s.explained = nil
			return 0, nil
		}
		plan := sched.Decide(inputOf(snapshot, s.cfg.Seed, s.cfg.Batch))
		missed, err := s.assign(ctx, plan.Placements)
		if err != nil {
			return s.retry.next(), err
		}
		if plan.Deferred > 0 {
			continue // explanations wait until the placeable are placed
		}
		if err := s.explain(ctx, plan.Unschedulable); err != nil {
			return s.retry.next(), err
		}
		if missed > 0 {
			// The feed showed these pods before other connections could see them. They will be visible in a moment.
			return s.retry.next(), nil
		}
		s.retry.reset()
		return 0, nil
	}
}

// assign writes placements and says how many the database did not take.
func (s *scheduler) assign(ctx context.Context, placements []core.Placement) (missed int, err error) {
	placements = s.cfg.Cluster.Assume(placements)
	if len(placements) == 0 {
		return 0, nil
	}
	taken, err := s.cfg.Store.Assign(ctx, s.epoch, placements)
	if err != nil {
		s.cfg.Cluster.Forget(podsOf(placements))
		if core.CodeOf(err) == core.CodeConflict && !s.holdsLease(ctx) {
			return 0, errLost
		}
		return 0, err
	}
	if len(taken) == len(placements) {
		return 0, nil
	}
	assigned := make(map[uuid.UUID]bool, len(taken))
	for _, id := range taken {
		assigned[id] = true
	}
	var forget []uuid.UUID
	for _, p := range placements {
		if !assigned[p.PodID] {
			forget = append(forget, p.PodID)
		}
	}
	s.cfg.Cluster.Forget(forget)
	return len(forget), nil
}

// holdsLease asks the database. When it cannot say, the keeper of the lease will find out.
func (s *scheduler) holdsLease(ctx context.Context) bool {
	ours, err := s.cfg.Store.RenewLease(ctx, s.epoch, s.cfg.LeaseTTL)
	return err != nil || ours
}

// explain stores why pods are pending, where that changed.
func (s *scheduler) explain(ctx context.Context, unschedulable []sched.Unschedulable) error {
	current := make(map[uuid.UUID]string, len(unschedulable))
	news := map[uuid.UUID]json.RawMessage{}
	for _, u := range unschedulable {
		text, err := json.Marshal(u.Explanation)
		if err != nil {
			return err
		}
		current[u.PodID] = string(text)
		if s.explained[u.PodID] != string(text) {
			news[u.PodID] = text
		}
	}
	if len(news) > 0 {
		if err := s.cfg.Store.ExplainPending(ctx, s.epoch, news); err != nil {
			return err
		}
	}
	s.explained = current
	return nil
}

func inputOf(snapshot cluster.Snapshot, seed uint64, limit int) sched.Input {
	in := sched.Input{Pods: snapshot.Pending, Packs: snapshot.Packs, Seed: seed, Limit: limit, Now: time.Now(),
		Nodes: make([]sched.Node, len(snapshot.Nodes))}
	for i, n := range snapshot.Nodes {
		in.Nodes[i] = sched.Node{Node: n.Node, Used: sched.Resources{
			CPUMillis: n.Used.CPUMillis, MemoryBytes: n.Used.MemoryBytes, Pods: int64(n.Used.Pods)}}
	}
	return in
}

func podsOf(placements []core.Placement) []uuid.UUID {
	ids := make([]uuid.UUID, len(placements))
	for i, p := range placements {
		ids[i] = p.PodID
	}
	return ids
}

// retryDelay doubles from min to max.
type retryDelay struct{ min, max, current time.Duration }

func (r *retryDelay) next() time.Duration {
	r.current = min(r.max, max(r.min, 2*r.current))
	return r.current
}

func (r *retryDelay) reset() { r.current = 0 }
