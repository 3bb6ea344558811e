package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/feed"
	"github.com/stark-o/stark/tests/bench/bench"
)

// FeedList measures how long a listing takes: what every start and every lost connection costs.
func FeedList(ctx context.Context, run *bench.Run) (err error) {
	w, err := open(ctx, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	n := run.Int("pods", 100_000)
	p, err := w.fill(ctx, n)
	if err != nil {
		return err
	}
	listed := make(chan []core.Event, 1)
	f, err := feed.New(feed.Config{URL: w.stack.DatabaseURL(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Sink: func(c core.Changes) {
		if c.Snapshot {
			listed <- c.Events
		}
	}})
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	before := heapMiB()
	began := time.Now()
	go func() { defer close(ended); _ = f.Run(following) }() // ends with its context
	select {
	case rows := <-listed:
		took := time.Since(began)
		run.Report(p, "time", bench.Millis(took), "ms")
		run.Report(p, "rate", float64(len(rows))/took.Seconds(), "rows/s")
		run.Report(p, "heap_per_row", (heapMiB()-before)*1024/float64(len(rows)), "KiB")
		runtime.KeepAlive(rows)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	stop()
	<-ended
	return err
}

// fill inserts n pods at once.
func (w *world) fill(ctx context.Context, n int) (bench.Params, error) {
	p, err := w.params(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := w.pool.Exec(ctx, "insert into public.pods (pack_id) select $1 from generate_series(1, $2::integer)", w.pack, n); err != nil {
		return nil, fmt.Errorf("insert %d pods: %w", n, err)
	}
	return p.With(bench.Params{"pods": n}), nil
}

// FeedDecode measures the decoding of what the WAL says, alone: the messages are recorded first.
func FeedDecode(ctx context.Context, run *bench.Run) (err error) {
	w, err := open(ctx, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	const slot = "bench"
	if _, err := w.pool.Exec(ctx, "select pg_create_logical_replication_slot($1, 'pgoutput')", slot); err != nil {
		return fmt.Errorf("create slot: %w", err)
	}
	defer func() {
		_, dropped := w.pool.Exec(context.WithoutCancel(ctx), "select pg_drop_replication_slot($1)", slot)
		err = errors.Join(err, dropped)
	}()
	p, err := w.fill(ctx, run.Int("pods", 100_000))
	if err != nil {
		return err
	}
	rows, err := w.pool.Query(ctx, "select data from pg_logical_slot_peek_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'stark')", slot)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	messages, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	heapMiB()
	began := time.Now()
	transactions, err := feed.Decode(messages)
	took := time.Since(began)
	if err != nil {
		return err
	}
	decoded := 0
	for _, t := range transactions {
		decoded += len(t.Events)
	}
	run.Report(p, "rate", float64(decoded)/took.Seconds(), "rows/s")
	run.Report(p, "time_per_row", float64(took.Microseconds())/float64(decoded), "µs")
	return nil
}
