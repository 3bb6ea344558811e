package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/stark-o/stark/tests/bench/bench"
)

// loop is what is measured: something that assigns pods which are inserted, and tells a tracker.
type loop interface {
	follow(t *tracker)
	healthy() error
}

// trial is one load put on a loop.
type trial struct {
	rate, batch int
	seconds     float64
}

// outcome is what became of it.
type outcome struct {
	*tracker
	took     time.Duration // from the first insert wanted to the last commit acknowledged
	backlogs []int64       // sampled evenly over took
	left     int64         // committed and not assigned when the last commit was acknowledged
	drained  time.Duration // from then until all were assigned; -1: not within drainTimeout
	used     usage
}

const (
	sampleEvery  = 50 * time.Millisecond
	drainTimeout = 20 * time.Second
)

func (in *inserters) try(ctx context.Context, l loop, tr trial) (*outcome, error) {
	t := newTracker(int(tr.seconds * float64(tr.rate)))
	l.follow(t)
	o := &outcome{tracker: t, drained: -1}
	stop, sampled := make(chan struct{}), make(chan struct{})
	go func() { defer close(sampled); o.sample(stop) }()
	before := measure()
	err := in.insert(ctx, t, tr.rate, tr.batch)
	o.took, o.left, o.used = time.Duration(t.now()), t.backlog(), measure().since(before)
	close(stop)
	<-sampled
	if err != nil {
		return nil, err
	}
	ended := time.Now()
	select {
	case <-t.done:
		o.drained = time.Since(ended)
	case <-time.After(drainTimeout):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return o, l.healthy()
}

func (o *outcome) sample(stop <-chan struct{}) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			o.backlogs = append(o.backlogs, o.backlog())
		}
	}
}

// sustained says whether the loop kept up: whoever inserts was not held up, all pods were assigned, and no more of them waited towards the end
// than is a moment's work or than waited earlier.
func (o *outcome) sustained(tr trial) bool {
	late := o.took - time.Duration(tr.seconds*float64(time.Second))
	moment := float64(tr.rate) / 5
	n := len(o.backlogs)
	if n < 8 || o.drained < 0 || late > 300*time.Millisecond {
		return false
	}
	early, end := middle(o.backlogs[n/4:n/2]), middle(o.backlogs[3*n/4:])
	return end <= max(moment, early+moment/2)
}

// middle is the median.
func middle(values []int64) float64 {
	floats := make([]float64, len(values))
	for i, v := range values {
		floats[i] = float64(v)
	}
	return bench.Median(floats)
}

// report says what a trial at a given rate came to.
func (o *outcome) report(r *bench.Run, p bench.Params) {
	for _, l := range []struct {
		name string
		from func(*moments) int64
	}{{"commit_to_frame", fromAcked}, {"send_to_frame", fromSent}, {"schedule_to_frame", fromWanted}} {
		all := o.latencies(l.from)
		r.Report(p, l.name+"_p50", bench.Millis(bench.Percentile(all, 0.50)), "ms")
		r.Report(p, l.name+"_p99", bench.Millis(bench.Percentile(all, 0.99)), "ms")
	}
	r.Report(p, "rate", float64(len(o.pods))/o.took.Seconds(), "pods/s")
	r.Report(p, "backlog_at_end", float64(o.left), "pods")
	r.Report(p, "unassigned", float64(int64(len(o.pods))-o.assigned.Load()), "pods")
	o.used.report(r, p, o.took)
}

// highest finds the highest rate that a loop sustains: quick trials close in on it, a long one confirms it. What the long one does not
// confirm is tried a little lower. It returns the rate at which pods were in fact inserted and assigned.
func (w *world) highest(ctx context.Context, in *inserters, l loop, batch int, seconds float64, guess int) (float64, *outcome, error) {
	quick := min(5, seconds)
	try := func(rate int, seconds float64) (*outcome, bool, error) {
		if err := w.clear(ctx); err != nil {
			return nil, false, err
		}
		tr := trial{rate: rate, batch: batch, seconds: seconds}
		o, err := in.try(ctx, l, tr)
		if err != nil {
			return nil, false, fmt.Errorf("at %d/s: %w", rate, err)
		}
		good := o.sustained(tr)
		w.run.Progressf("%d/s for %.0f s: sustained %t, backlog %d, took %s, drained in %s", rate, seconds, good, o.left, o.took.Round(time.Millisecond),
			o.drained.Round(time.Millisecond))
		return o, good, nil
	}
	low, high := 0, 0 // sustained, not sustained
	for rate := guess; high == 0 || low == 0 || float64(high-low) > 0.06*float64(low); {
		_, good, err := try(rate, quick)
		switch {
		case err != nil:
			return 0, nil, err
		case good:
			low = rate
		default:
			high = rate
		}
		switch {
		case high == 0:
			rate = low * 3 / 2
		case low == 0:
			rate = high * 2 / 3
		default:
			rate = (low + high) / 2
		}
		if rate < 10 {
			return 0, nil, fmt.Errorf("not even %d/s are sustained", high)
		}
	}
	for rate := low; rate > 10; rate = rate * 19 / 20 {
		o, good, err := try(rate, seconds)
		if err != nil {
			return 0, nil, err
		}
		if good {
			return float64(len(o.pods)) / o.took.Seconds(), o, nil
		}
	}
	return 0, nil, fmt.Errorf("no rate is sustained for %.0f s", seconds)
}
