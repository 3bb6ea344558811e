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

// news is what to write now: what is new at once, what replaces something only when that is due.
func (e *explainer) news(now time.Time) map[uuid.UUID]json.RawMessage {
	if now.Before(e.pause) {
		return nil
	}
	refresh := !now.Before(e.refreshed.Add(explainEvery))
	news := map[uuid.UUID]json.RawMessage{}
	for id, r := range e.unsaid {
		_, known := e.stored[id]
		if known && !refresh {
			continue
		}
		if known {
			e.refreshed = now
		}
		news[id] = json.RawMessage(r.text)
	}
	return news
}

// due says when something that waits may be written.
func (e *explainer) due(now time.Time) (time.Time, bool) {
	if len(e.unsaid) == 0 || e.busy {
		return time.Time{}, false
	}
	if e.pause.After(now) {
		return e.pause, true
	}
	return e.refreshed.Add(explainEvery), true
}

// explain stores why pods are pending, where that changed. One statement is on its way at a time.
func (s *scheduler) explain(ctx context.Context, now time.Time) error {
	news := s.says.news(now)
	if len(news) == 0 {
		return nil
	}
	said := make(map[uuid.UUID]reason, len(news))
	for id := range news {
		said[id] = s.says.unsaid[id]
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
	return nil
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
