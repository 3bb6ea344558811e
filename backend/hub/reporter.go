package hub

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

const (
	maxReports     = 100_000 // that wait; beyond it agents are cut off and report again when they are back
	maxReportBatch = 2_000   // in one statement
)

// statusWriter commits a batch of reports, at most one a pod.
type statusWriter interface {
	ReportStatuses(ctx context.Context, reports []core.StatusReport) ([]string, error)
}

// reporter commits status reports: one statement is in flight at a time, and what comes meanwhile makes the next batch. So a lone report waits
// for nobody, and a flood goes in big statements. A pod's reports are committed in their order.
type reporter struct {
	store statusWriter
	log   *slog.Logger
	wake  chan struct{}

	mu    sync.Mutex // guards what follows
	queue map[uuid.UUID][]waiting
	ready []uuid.UUID // pods with something waiting, in order of arrival
	count int
}

type waiting struct {
	report core.StatusReport
	done   func(verdict string)
}

func newReporter(store statusWriter, log *slog.Logger) *reporter {
	return &reporter{store: store, log: log, wake: make(chan struct{}, 1), queue: map[uuid.UUID][]waiting{}}
}

// add queues a report; done is called with the verdict once it is committed. It is false when too many wait.
func (r *reporter) add(report core.StatusReport, done func(string)) bool {
	r.mu.Lock()
	if r.count >= maxReports {
		r.mu.Unlock()
		return false
	}
	if len(r.queue[report.PodID]) == 0 {
		r.ready = append(r.ready, report.PodID)
	}
	r.queue[report.PodID] = append(r.queue[report.PodID], waiting{report, done})
	r.count++
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return true
}

// run commits until the context ends; then it has five seconds for what is left.
func (r *reporter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			r.drain(last)
			return
		case <-r.wake:
			r.drain(ctx)
		}
	}
}

// drain commits until nothing waits or the context ends. A failing database is tried again.
func (r *reporter) drain(ctx context.Context) {
	retry := 50 * time.Millisecond
	for ctx.Err() == nil {
		batch := r.take()
		if len(batch) == 0 {
			return
		}
		reports := make([]core.StatusReport, len(batch))
		for i, w := range batch {
			reports[i] = w.report
		}
		write, cancel := context.WithTimeout(ctx, 10*time.Second)
		verdicts, err := r.store.ReportStatuses(write, reports)
		cancel()
		if err != nil {
			r.log.Warn("committing status reports failed; trying again", "reports", len(batch), "error", err)
			r.putBack(batch)
			select {
			case <-ctx.Done():
			case <-time.After(retry):
			}
			retry = min(2*retry, 2*time.Second)
			continue
		}
		retry = 50 * time.Millisecond
		r.finish(batch)
		for i, w := range batch {
			w.done(verdicts[i])
		}
	}
}

// take picks the first report of each waiting pod; they stay at the head of their queue until finish.
func (r *reporter) take() []waiting {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.ready), maxReportBatch)
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
