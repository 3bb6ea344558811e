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
	maxLogQueue = 100_000 // lines that wait; beyond it the oldest are dropped and counted
	maxLogBatch = 5_000   // lines in one statement
	trimEvery   = 1_000   // lines of one pod between two trims
)

// logStore stores lines and keeps each pod's number of them bounded.
type logStore interface {
	AppendLogs(ctx context.Context, lines []core.LogLine) error
	TrimLogs(ctx context.Context, pods []uuid.UUID, keep int64) error
}

// logWriter stores log lines in batches. Logs are not worth holding anything else up: when the database does not keep up,
// the oldest are dropped, and the log says so.
type logWriter struct {
	store logStore
	log   *slog.Logger
	keep  func() int64 // lines a pod
	wake  chan struct{}

	mu      sync.Mutex // guards what follows
	lines   []core.LogLine
	dropped int

	sinceTrim map[uuid.UUID]int // lines stored since a pod was last trimmed; only run's goroutine uses it
}

func newLogWriter(store logStore, log *slog.Logger, keep func() int64) *logWriter {
	return &logWriter{store: store, log: log, keep: keep, wake: make(chan struct{}, 1), sinceTrim: map[uuid.UUID]int{}}
}

func (w *logWriter) add(lines []core.LogLine) {
	w.mu.Lock()
	w.lines = append(w.lines, lines...)
	if over := len(w.lines) - maxLogQueue; over > 0 {
		w.lines = append(w.lines[:0:0], w.lines[over:]...)
		w.dropped += over
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *logWriter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			w.drain(last)
			return
		case <-w.wake:
			w.drain(ctx)
		}
	}
}

func (w *logWriter) drain(ctx context.Context) {
	retry := 50 * time.Millisecond
	for ctx.Err() == nil {
		batch := w.take()
		if len(batch) == 0 {
			return
		}
		write, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := w.store.AppendLogs(write, batch)
		cancel()
		if err != nil {
			w.log.Warn("storing log lines failed; trying again", "lines", len(batch), "error", err)
			w.mu.Lock()
			w.lines = append(batch, w.lines...)
			w.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(retry):
			}
			retry = min(2*retry, 2*time.Second)
			continue
		}
		retry = 50 * time.Millisecond
		w.trim(ctx, batch)
	}
}

func (w *logWriter) take() []core.LogLine {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropped > 0 {
		w.log.Warn("log lines were dropped: the database does not keep up", "lines", w.dropped)
		w.dropped = 0
	}
	n := min(len(w.lines), maxLogBatch)
	batch := w.lines[:n:n]
	w.lines = w.lines[n:]
	return batch
}

func (w *logWriter) trim(ctx context.Context, batch []core.LogLine) {
	var due []uuid.UUID
	for _, l := range batch {
		w.sinceTrim[l.PodID]++
		if w.sinceTrim[l.PodID] == trimEvery {
			due = append(due, l.PodID)
		}
	}
	if len(w.sinceTrim) > 50_000 {
		clear(w.sinceTrim) // bounds the map; a pod then keeps at most trimEvery lines more
	}
	if len(due) == 0 {
		return
	}
	for _, pod := range due {
		delete(w.sinceTrim, pod)
	}
	if err := w.store.TrimLogs(ctx, due, w.keep()); err != nil {
		w.log.Warn("trimming logs failed; trying again later", "pods", len(due), "error", err)
	}
}
