package hub

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

const (
	maxReports     = 100_000 // that wait; beyond it agents are cut off and report again when they are back
	maxReportBatch = 2_000   // in one statement

	writeTimeout = 10 * time.Second // of one statement
	lastWrites   = 5 * time.Second  // for what is left at the end
)

// statusWriter commits a batch of reports, at most one a pod.
type statusWriter interface {
	ReportStatuses(ctx context.Context, reports []core.StatusReport) ([]string, error)
}

// reporter commits status reports: one statement is in flight at a time, and what comes meanwhile makes the next batch. So a lone report
// waits for nobody, and a flood goes in big statements. A pod's reports are committed in their order. A report that the database cannot
// take is found by halving its batch; it holds up its own pod and nobody else.
type reporter struct {
	store statusWriter
	log   *slog.Logger
	wake  chan struct{}

	mu    sync.Mutex // guards what follows
	queue map[uuid.UUID][]waiting
	ready []uuid.UUID // pods with something waiting, in order of arrival
	count int

	limit int // of the next batch; only run's goroutine uses it
}

type waiting struct {
	report core.StatusReport
	done   func(verdict string)
	bare   bool // the agent's own words have been taken out
	tries  int  // how often the database did not show yet what the report is about
}

func newReporter(store statusWriter, log *slog.Logger) *reporter {
	return &reporter{store: store, log: log, wake: make(chan struct{}, 1), queue: map[uuid.UUID][]waiting{}, limit: maxReportBatch}
}

// add queues a report; done is called with the verdict once it is committed. It is false when too many wait.
func (r *reporter) add(report core.StatusReport, done func(string)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count >= maxReports {
		return false
	}
	if len(r.queue[report.PodID]) == 0 {
		r.ready = append(r.ready, report.PodID)
	}
	r.queue[report.PodID] = append(r.queue[report.PodID], waiting{report: report, done: done})
	r.count++
	signal(r.wake)
	return true
}

// run commits until the context ends; then it has five seconds for what is left.
func (r *reporter) run(ctx context.Context) {
	drainOn(ctx, r.wake, r.drain)
}

// drain commits until nothing waits or the context ends. A failing database is tried again.
func (r *reporter) drain(ctx context.Context) {
	pause := newPause()
	for ctx.Err() == nil {
		batch := r.take(r.limit)
		if len(batch) == 0 {
			return
		}
		verdicts, err := r.write(ctx, batch)
		switch {
		case err == nil:
			r.settle(batch, verdicts)
			pause.reset()
			r.limit = min(2*r.limit, maxReportBatch)
		case passes(ctx, err):
			r.log.Warn("committing status reports failed; trying again", "reports", len(batch), "error", err)
			r.putBack(batch)
			pause.wait(ctx)
		case len(batch) > 1:
			r.putBack(batch)
			r.limit = len(batch) / 2
		case core.CodeOf(err) == core.CodeValidation:
			r.refuse(batch[0], err)
		default:
			r.log.Error("committing a status report failed; trying again", "pod", batch[0].report.PodID, "error", err)
			r.postpone(batch[0])
			pause.wait(ctx)
		}
	}
}

func (r *reporter) write(ctx context.Context, batch []waiting) ([]string, error) {
	reports := make([]core.StatusReport, len(batch))
	for i, w := range batch {
		reports[i] = w.report
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	verdicts, err := r.store.ReportStatuses(ctx, reports)
	if err == nil && len(verdicts) != len(batch) {
		return nil, fmt.Errorf("%d verdicts on %d reports", len(verdicts), len(batch))
	}
	return verdicts, err
}

// settle hands out the final verdicts, and asks again later about the others.
func (r *reporter) settle(batch []waiting, verdicts []string) {
	for i, w := range batch {
		verdict := verdicts[i]
		if verdict == core.VerdictNotYet {
			if w.tries < maxTries {
				r.later(w)
				continue
			}
			verdict = core.VerdictStaleIncarnation
		}
		r.finish([]waiting{w})
		w.done(verdict)
	}
}

// maxTries is about five seconds.
const maxTries = 56

// later makes a pod wait again after a moment; nobody else waits for it.
func (r *reporter) later(w waiting) {
	delay := min(time.Millisecond<<min(w.tries, 10), 100*time.Millisecond)
	w.tries++
	r.mu.Lock()
	r.queue[w.report.PodID][0] = w
	r.mu.Unlock()
	time.AfterFunc(delay, func() {
		r.postpone(w)
		select {
		case r.wake <- struct{}{}:
		default:
		}
	})
}

// take picks the first report of each waiting pod; they stay at the head of their queue until finish.
func (r *reporter) take(limit int) []waiting {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.ready), limit)
	batch := make([]waiting, n)
	for i, pod := range r.ready[:n] {
		batch[i] = r.queue[pod][0]
	}
	r.ready = r.ready[n:]
	return batch
}

// putBack makes a batch wait again, in front.
func (r *reporter) putBack(batch []waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ready := make([]uuid.UUID, 0, len(batch)+len(r.ready))
	for _, w := range batch {
		ready = append(ready, w.report.PodID)
	}
	r.ready = append(ready, r.ready...)
}

// postpone makes a pod wait again, behind all others.
func (r *reporter) postpone(w waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = append(r.ready, w.report.PodID)
}

// refuse deals with a report that the database cannot store. What it says of the pod counts more than the pack's own words: it is tried
// without them before it is given up.
func (r *reporter) refuse(w waiting, err error) {
	if w.bare {
		r.log.Error("a status report cannot be stored", "pod", w.report.PodID, "status", w.report.Status, "error", err)
		r.finish([]waiting{w})
		w.done(core.VerdictInvalid)
		return
	}
	r.log.Warn("a pod's message or result cannot be stored", "pod", w.report.PodID, "status", w.report.Status, "error", err)
	w.bare, w.report.Result, w.report.Message = true, nil, "the message or result of the agent cannot be stored"
	r.mu.Lock()
	r.queue[w.report.PodID][0] = w
	r.mu.Unlock()
	r.putBack([]waiting{w})
}

// finish removes a committed batch; pods with more to say are queued again.
func (r *reporter) finish(batch []waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range batch {
		pod := w.report.PodID
		rest := r.queue[pod][1:]
		r.count--
		if len(rest) == 0 {
			delete(r.queue, pod)
			continue
		}
		r.queue[pod] = rest
		r.ready = append(r.ready, pod)
	}
}
