package e2e

import (
	"context"
	"errors"
	"fmt"

	"github.com/stark-o/stark/tests/bench/bench"
)

// connections is how many clients insert at once, unless -set conns says otherwise.
const connections = 32

// Assign measures the real server: latencies at fixed rates, and the highest rate sustained, beside the ceiling on the same database.
func Assign(ctx context.Context, run *bench.Run) error {
	for _, agents := range run.Ints("agents", 1000, 5000) {
		if err := assign(ctx, run, agents); err != nil {
			return fmt.Errorf("%d agents: %w", agents, err)
		}
	}
	return nil
}

// served is the server with its agents, as a loop.
type served struct{ *fleet }

func (r served) follow(t *tracker) { r.tracker.Store(t) }

func (r served) healthy() error {
	if n := r.lost.Load(); n > 0 {
		return fmt.Errorf("%d agents lost their connection", n)
	}
	return nil
}

func assign(ctx context.Context, run *bench.Run, agents int) (err error) {
	w, err := open(ctx, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	p, err := w.params(ctx)
	if err != nil {
		return err
	}
	p = p.With(bench.Params{"agents": agents})
	in, err := w.inserters(ctx, run.Int("conns", connections))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	rates, err := w.measureServer(ctx, in, agents, p)
	if err != nil || len(rates) == 0 || run.Int("ceiling", 1) == 0 {
		return err
	}
	ceilings, err := w.measureCeiling(ctx, in, agents, p)
	if err != nil {
		return err
	}
	for batch, rate := range rates {
		run.Report(p.With(bench.Params{"batch": batch, "seconds": w.seconds()}), "of_ceiling", rate/ceilings[batch], "ratio")
	}
	return nil
}

func (w *world) seconds() int { return w.run.Int("seconds", 60) }

// measureServer returns the highest rates by rows in a statement.
func (w *world) measureServer(ctx context.Context, in *inserters, agents int, p bench.Params) (rates map[int]float64, err error) {
	token, err := w.token(ctx)
	if err != nil {
		return nil, err
	}
	empty := heapMiB()
	s, err := w.serve(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	w.run.Progressf("connecting %d agents", agents)
	f, err := connect(ctx, s.URL(), token, agents)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	w.run.Report(p, "heap_per_agent", (heapMiB()-empty)*1024/float64(agents), "KiB") // the agent's end of the socket included
	l := served{f}
	if err := w.atRates(ctx, in, l, p); err != nil {
		return nil, err
	}
	return w.atMost(ctx, in, l, p)
}

// atRates measures latencies at fixed rates, of single-row inserts unless -set rateBatch says otherwise.
func (w *world) atRates(ctx context.Context, in *inserters, l loop, p bench.Params) error {
	batch := w.run.Int("rateBatch", 1)
	for _, rate := range w.run.Ints("rates", 100, 1000, 5000) {
		if rate == 0 {
			return nil // -set rates=0
		}
		if err := w.clear(ctx); err != nil {
			return err
		}
		tr := trial{rate: rate, batch: batch, seconds: float64(min(w.seconds(), w.run.Int("latencySeconds", 15)))}
		if _, err := in.try(ctx, l, trial{rate: rate, batch: batch, seconds: 1}); err != nil { // warm-up
			return err
		}
		o, err := in.try(ctx, l, tr)
		if err != nil {
			return fmt.Errorf("at %d/s: %w", rate, err)
		}
		o.report(w.run, p.With(bench.Params{"rate": rate, "batch": batch, "seconds": tr.seconds}))
	}
	return nil
}

// atMost finds the highest rates, for single-row inserts and for batches.
func (w *world) atMost(ctx context.Context, in *inserters, l loop, p bench.Params) (map[int]float64, error) {
	rates := map[int]float64{}
	for _, batch := range w.run.Ints("batches", 1, 100) {
		if batch == 0 {
			break // -set batches=0
		}
		rate, o, err := w.highest(ctx, in, l, batch, float64(w.seconds()), w.run.Int("guess", 4000))
		if err != nil {
			return nil, err
		}
		rates[batch] = rate
		q := p.With(bench.Params{"batch": batch, "seconds": w.seconds()})
		w.run.Report(q, "sustained", rate, "pods/s")
		all := o.latencies(fromAcked)
		w.run.Report(q, "sustained_commit_to_frame_p50", bench.Millis(bench.Percentile(all, 0.50)), "ms")
		w.run.Report(q, "sustained_commit_to_frame_p99", bench.Millis(bench.Percentile(all, 0.99)), "ms")
		w.run.Report(q, "sustained_backlog_at_end", float64(o.left), "pods")
		w.run.Report(q, "heap_per_pod", w.heapPerPod(o), "KiB")
		o.used.report(w.run, q, o.took)
	}
	return rates, nil
}

// heapPerPod is everything alive divided by the pods that are in the picture: an upper bound.
func (w *world) heapPerPod(o *outcome) float64 { return heapMiB() * 1024 / float64(len(o.pods)) }
