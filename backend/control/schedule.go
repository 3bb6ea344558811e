package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
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
	// explainEvery is how often explanations that are stored already are brought up to date. They carry numbers that change with
	// every pod that comes or goes, and there may be thousands of them.
	explainEvery = 2 * time.Second
)

// schedule places pods whenever something changes. A lone pod waits for nobody; while a statement is on its way more pods gather and make
// the next batch bigger.
func (c *Controller) schedule(ctx context.Context, epoch core.Epoch) {
	s := scheduler{Controller: c, epoch: epoch, retry: retryDelay{min: 5 * time.Millisecond, max: 500 * time.Millisecond}}
	signal(c.wake) // whatever waits already
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
		case ctx.Err() != nil:
			return
		case errors.Is(err, errLost), errors.Is(err, errUnsure):
			c.cfg.Log.Warn("this term of leadership ends", "epoch", epoch.Number, "error", err)
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
	refreshed time.Time            // when what was stored before was last brought up to date
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
			if missed < len(plan.Placements) {
				continue // explanations wait until the placeable are placed
			}
			return s.retry.next(), nil
		}
		unseen, wait, err := s.explain(ctx, plan.Unschedulable)
		if err != nil {
			return s.retry.next(), err
		}
		if missed+unseen > 0 {
			// The feed showed these pods before other connections could see them, or their nodes as they are not any more, or someone holds
			// a row. That passes in a moment.
			return s.retry.next(), nil
		}
		s.retry.reset()
		return wait, nil
	}
}

// assign writes placements and says how many the database did not take.
func (s *scheduler) assign(ctx context.Context, placements []core.Placement) (missed int, err error) {
	placements = s.cfg.Cluster.Assume(placements)
	if len(placements) == 0 {
		return 0, nil
	}
	taken, err := s.write(ctx, placements)
	if err != nil {
		s.cfg.Cluster.Forget(podsOf(placements))
		return 0, err
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

// explain stores why pods are pending, where that changed, and says how many of them the database did not see. A positive wait says
// when older explanations are due.
func (s *scheduler) explain(ctx context.Context, unschedulable []sched.Unschedulable) (unseen int, wait time.Duration, err error) {
	now := time.Now()
	due := s.refreshed.Add(explainEvery)
	current := make(map[uuid.UUID]string, len(unschedulable))
	news := map[uuid.UUID]json.RawMessage{}
	for _, u := range unschedulable {
		text, err := json.Marshal(u.Explanation)
		if err != nil {
			return 0, 0, err
		}
		stored, known := s.explained[u.PodID]
		switch {
		case stored == string(text):
			current[u.PodID] = stored
		case known && now.Before(due):
			current[u.PodID] = stored
			wait = due.Sub(now)
		default:
			news[u.PodID] = text
			if known {
				s.refreshed = now
			}
		}
	}
	seen, err := s.store(ctx, news)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range seen {
		current[id] = string(news[id])
	}
	s.explained = current
	return len(news) - len(seen), wait, nil
}

// store writes explanations, as many in one statement as placements at most, and returns the pods that the database saw.
func (s *scheduler) store(ctx context.Context, why map[uuid.UUID]json.RawMessage) (seen []uuid.UUID, err error) {
	part := map[uuid.UUID]json.RawMessage{}
	for pod, text := range why {
		part[pod] = text
		if len(part) < s.cfg.Batch {
			continue
		}
		more, err := s.storePart(ctx, part)
		if err != nil {
			return nil, err
		}
		seen = append(seen, more...)
		clear(part)
	}
	if len(part) == 0 {
		return seen, nil
	}
	more, err := s.storePart(ctx, part)
	return append(seen, more...), err
}

func (s *scheduler) storePart(ctx context.Context, why map[uuid.UUID]json.RawMessage) ([]uuid.UUID, error) {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	seen, err := s.cfg.Store.ExplainPending(attempt, s.epoch, why)
	if core.CodeOf(err) == core.CodeConflict && !s.holdsLease(attempt) {
		return nil, errLost
	}
	return seen, err
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
