package control

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// explainEvery is how often explanations that are stored already are brought up to date. They carry numbers that change with
// every pod that comes or goes, and there may be thousands of them.
const explainEvery = 2 * time.Second

// explainer keeps what is to be said of the pods that have no place, and what is stored of it. One goroutine owns it.
type explainer struct {
	stored    map[uuid.UUID]reason
	unsaid    map[uuid.UUID]reason // differs from what is stored
	queue     []uuid.UUID          // of those, what is to be written now
	refreshed time.Time            // when what was stored before was last brought up to date
	busy      bool                 // a statement is on its way
	pause     time.Time            // until when nothing is written, since the last statement did not see everything
	retry     retryDelay
}

// reason is an explanation. An assignment clears what is stored, so it counts for one incarnation.
type reason struct {
	text        string
	incarnation int64
}

func newExplainer() explainer {
	return explainer{stored: map[uuid.UUID]reason{}, unsaid: map[uuid.UUID]reason{}, retry: retryDelay{min: 5 * time.Millisecond, max: maxRetry}}
}

// forget drops pods that wait no more.
func (e *explainer) forget(pods []uuid.UUID) {
	for _, id := range pods {
		delete(e.stored, id)
		delete(e.unsaid, id)
	}
}

// take notes what a plan says.
func (e *explainer) take(unschedulable []sched.Unschedulable, waiting map[uuid.UUID]*core.Pod) error {
	for _, u := range unschedulable {
		pod := waiting[u.PodID]
		if pod == nil {
			continue
		}
		text, err := json.Marshal(u.Explanation)
		if err != nil {
			return fmt.Errorf("explain pod %s: %w", u.PodID, err)
		}
		r := reason{string(text), pod.Incarnation}
		if e.stored[u.PodID] == r {
			delete(e.unsaid, u.PodID)
		} else {
			e.unsaid[u.PodID] = r
		}
	}
	return nil
}

// news is what to write now, at most so many: what is new at once, what replaces something only when that is due.
func (e *explainer) news(now time.Time, limit int) map[uuid.UUID]reason {
	if now.Before(e.pause) {
		return nil
	}
	if len(e.queue) == 0 {
		e.fill(now)
	}
	news := map[uuid.UUID]reason{}
	for len(e.queue) > 0 && len(news) < limit {
		id := e.queue[0]
		e.queue = e.queue[1:]
		if r, still := e.unsaid[id]; still {
			news[id] = r
		}
	}
	return news
}

func (e *explainer) fill(now time.Time) {
	e.queue = nil // so that what was taken from its front is given back
	refresh := !now.Before(e.refreshed.Add(explainEvery))
	for id := range e.unsaid {
		_, known := e.stored[id]
		if known && !refresh {
			continue
		}
		if known {
			e.refreshed = now
		}
		e.queue = append(e.queue, id)
	}
}

// due says when something that waits may be written.
func (e *explainer) due(now time.Time) (time.Time, bool) {
	if len(e.unsaid) == 0 || e.busy {
		return time.Time{}, false
	}
	if e.pause.After(now) {
		return e.pause, true
	}
	if len(e.queue) > 0 {
		return now, true
	}
	return e.refreshed.Add(explainEvery), true
}

// explain stores why pods are pending, where that changed. One statement is on its way at a time.
func (s *scheduler) explain(ctx context.Context, now time.Time) {
	said := s.says.news(now, s.cfg.Batch)
	if len(said) == 0 {
		return
	}
	news := make(map[uuid.UUID]json.RawMessage, len(said))
	for id, r := range said {
		news[id] = json.RawMessage(r.text)
	}
	s.says.busy = true
	s.writers.Go(func() {
		attempt, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		seen, err := s.cfg.Store.ExplainPending(attempt, s.epoch, news)
		if core.CodeOf(err) == core.CodeConflict && !s.holdsLease(attempt) {
			err = errLost
		}
		s.landed <- func() error {
			s.says.settle(said, seen, err, time.Now())
			return err
		}
	})
}

// settle notes what was stored. Pods that the statement did not see are not visible to others yet, or locked.
func (e *explainer) settle(said map[uuid.UUID]reason, seen []uuid.UUID, err error, now time.Time) {
	e.busy = false
	for _, id := range seen {
		e.stored[id] = said[id]
		if e.unsaid[id] == said[id] {
			delete(e.unsaid, id)
		}
	}
	if err != nil || len(seen) < len(said) {
		e.pause = now.Add(e.retry.next())
		return
	}
	e.retry.reset()
}

// retryDelay doubles from min to max.
type retryDelay struct{ min, max, current time.Duration }

func (r *retryDelay) next() time.Duration {
	r.current = min(r.max, max(r.min, 2*r.current))
	return r.current
}

func (r *retryDelay) reset() { r.current = 0 }
