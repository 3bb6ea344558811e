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
	maxLogQueue = 100_000  // lines that wait
	maxLogBytes = 64 << 20 // bytes of text that wait; beyond either bound the oldest lines are dropped and counted
	maxLogBatch = 5_000    // lines in one statement
	trimEvery   = 1_000    // lines of one pod between two trims
	maxCounted  = 50_000   // pods whose lines are counted
)

// logStore stores lines and keeps each pod's number of them bounded.
type logStore interface {
	AppendLogs(ctx context.Context, lines []core.LogLine) error
	TrimLogs(ctx context.Context, pods []uuid.UUID, keep int64) error
}

// logWriter stores log lines in batches. Logs are not worth holding anything else up: when the database does not keep up, the oldest
// are dropped, and in their place the pod's log says how many.
type logWriter struct {
	store logStore
	log   *slog.Logger
	keep  func() int64 // lines a pod
	wake  chan struct{}

	mu      sync.Mutex // guards what follows
	lines   []core.LogLine
	bytes   int
	dropped map[uuid.UUID]gap

	limit     int               // of the next batch; only run's goroutine uses this and what follows
	sinceTrim map[uuid.UUID]int // lines stored since a pod was last trimmed
}

// gap is where lines of a pod are missing.
type gap struct {
	lines       int
	incarnation int64
	at          time.Time // of the last of them
}

func newLogWriter(store logStore, log *slog.Logger, keep func() int64) *logWriter {
	return &logWriter{store: store, log: log, keep: keep, wake: make(chan struct{}, 1), dropped: map[uuid.UUID]gap{},
		limit: maxLogBatch, sinceTrim: map[uuid.UUID]int{}}
}

func (w *logWriter) add(lines []core.LogLine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, lines...)
	for _, l := range lines {
		w.bytes += len(l.Text)
	}
	w.shed()
	signal(w.wake)
}

// shed drops the oldest lines until the rest fits; w.mu is held.
func (w *logWriter) shed() {
	for len(w.lines) > maxLogQueue || w.bytes > maxLogBytes {
		w.drop(w.lines[0])
		w.bytes -= len(w.lines[0].Text)
		w.lines[0] = core.LogLine{}
		w.lines = w.lines[1:]
	}
}

// drop counts a line that will not be stored; w.mu is held.
func (w *logWriter) drop(l core.LogLine) {
	g := w.dropped[l.PodID]
	w.dropped[l.PodID] = gap{lines: g.lines + 1, incarnation: l.Incarnation, at: l.At}
}

func (w *logWriter) run(ctx context.Context) {
	drainOn(ctx, w.wake, w.drain)
}

// drain stores until nothing waits or the context ends. As with reports, a line that the database cannot take is found by halving.
func (w *logWriter) drain(ctx context.Context) {
	pause := newPause()
	for ctx.Err() == nil {
		batch := w.take()
		if len(batch) == 0 {
			return
		}
		err := w.write(ctx, batch)
		switch {
		case err == nil:
			pause.reset()
			w.limit = min(2*w.limit, maxLogBatch)
			w.trim(ctx, batch)
		case passes(ctx, err):
			w.log.Warn("storing log lines failed; trying again", "lines", len(batch), "error", err)
			w.putBack(batch)
			pause.wait(ctx)
		case len(batch) > 1:
			w.putBack(batch)
			w.limit = len(batch) / 2
		default:
			w.log.Error("a log line cannot be stored", "pod", batch[0].PodID, "error", err)
			pause.wait(ctx) // should it be true of all lines, we must not race through them
		}
	}
}

func (w *logWriter) write(ctx context.Context, batch []core.LogLine) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return w.store.AppendLogs(ctx, batch)
}

// take picks the next lines.
func (w *logWriter) take() []core.LogLine {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note()
	n := min(len(w.lines), w.limit)
	batch := append([]core.LogLine(nil), w.lines[:n]...)
	for i, l := range batch {
		w.bytes -= len(l.Text)
		w.lines[i] = core.LogLine{} // the array lives on for a while
	}
	w.lines = w.lines[n:]
	return batch
}

// note puts a line in front for every pod that has lost some; w.mu is held.
func (w *logWriter) note() {
	if len(w.dropped) == 0 {
		return
	}
	notes := make([]core.LogLine, 0, len(w.dropped)+len(w.lines))
	total := 0
	for pod, g := range w.dropped {
		total += g.lines
		text := fmt.Sprintf("%d lines were dropped: the database does not keep up", g.lines)
		notes = append(notes, core.LogLine{PodID: pod, Incarnation: g.incarnation, At: g.at, Stream: "system", Text: text})
		w.bytes += len(text)
	}
	w.log.Warn("log lines were dropped: the database does not keep up", "lines", total, "pods", len(w.dropped))
	clear(w.dropped)
	w.lines = append(notes, w.lines...)
}

// putBack makes lines wait again, in front.
func (w *logWriter) putBack(batch []core.LogLine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range batch {
		w.bytes += len(l.Text)
	}
	w.lines = append(batch[:len(batch):len(batch)], w.lines...)
	w.shed()
}

func (w *logWriter) trim(ctx context.Context, batch []core.LogLine) {
	var due []uuid.UUID
	for _, l := range batch {
		w.sinceTrim[l.PodID]++
		if w.sinceTrim[l.PodID] == trimEvery {
			due = append(due, l.PodID)
		}
	}
	for _, pod := range due {
		delete(w.sinceTrim, pod)
	}
	if len(w.sinceTrim) > maxCounted {
		clear(w.sinceTrim) // bounds the map; a pod then keeps at most trimEvery lines more
	}
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := w.store.TrimLogs(ctx, due, w.keep()); err != nil {
		w.log.Warn("trimming logs failed; trying again later", "pods", len(due), "error", err)
	}
}
