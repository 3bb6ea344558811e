// Package follow watches one pod with short requests until it runs or has ended: what -f and --wait do.
//
// Polling is how a client without a socket follows. It slows down while nothing happens and outlives a restart of the server.
package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

// API is what following needs of the server.
type API interface {
	Pod(ctx context.Context, id uuid.UUID) (wire.Pod, error)
	PodLogs(ctx context.Context, id uuid.UUID, q client.LogQuery) ([]wire.PodLogLine, error)
}

// Pace is how often to ask.
type Pace struct {
	Fast time.Duration // between two questions while things happen
	Slow time.Duration // at most, while nothing does
	// Settle is how long the log must be quiet once the pod has ended: its last lines come in on another way than its status.
	Settle   time.Duration
	Patience time.Duration // how long the server may be away
}

// DefaultPace suits a person who looks on.
func DefaultPace() Pace {
	return Pace{Fast: 300 * time.Millisecond, Slow: 2 * time.Second, Settle: 900 * time.Millisecond, Patience: 30 * time.Second}
}

// Watch says what to do with what is seen. Either function may be nil.
type Watch struct {
	// Status is called with the pod as it is at first and whenever its status or its reason for waiting has changed.
	Status func(wire.Pod) error
	// Line is called with each line of the log in order, once. Without it the log is not read.
	Line func(wire.PodLogLine) error
	// After is the id of the last line that was seen already.
	After int64
	// Until says when to stop early; nil is: when the pod has ended.
	Until func(wire.Pod) bool
}

// Pod watches until the pod has ended (or Until holds) and returns it as it is then, its log read to the end.
// Errors are those of the API and of the Watch; a server that is away for longer than pace.Patience is one.
func Pod(ctx context.Context, api API, id uuid.UUID, w Watch, pace Pace) (wire.Pod, error) {
	f := &follower{api: api, id: id, Watch: w, pace: pace, wait: pace.Fast}
	for {
		done, err := f.step(ctx)
		if err != nil {
			return f.pod, err
		}
		if done {
			return f.pod, nil
		}
		if err := sleep(ctx, f.wait); err != nil {
			return f.pod, err
		}
	}
}

type follower struct {
	Watch
	api  API
	id   uuid.UUID
	pace Pace

	pod   wire.Pod
	seen  bool          // pod has been read
	wait  time.Duration // until the next question
	away  time.Duration // how long the server has not answered
	quiet time.Duration // how long the log has had nothing new since the pod ended
}

// step asks once and says whether that was all.
func (f *follower) step(ctx context.Context) (done bool, err error) {
	busy, ended, err := f.ask(ctx)
	switch {
	case err != nil && transient(err):
		f.away += f.wait
		if f.away > f.pace.Patience {
			return false, err
		}
		f.wait = min(f.wait*2, f.pace.Slow)
		return false, nil
	case err != nil:
		return false, err
	}
	f.away = 0
	if ended {
		if f.Line == nil || f.quiet >= f.pace.Settle {
			return true, nil
		}
		f.quiet += f.pace.Fast
		if busy {
			f.quiet = 0
		}
		f.wait = f.pace.Fast
		return false, nil
	}
	if busy {
		f.wait = f.pace.Fast
	} else {
		f.wait = min(f.wait*5/4, f.pace.Slow)
	}
	return false, nil
}

// ask reads the pod and then its log, so that a pod that has ended is never read before its last lines.
func (f *follower) ask(ctx context.Context) (busy, ended bool, err error) {
	if !f.seen || !f.pod.Status.Final() {
		pod, err := f.api.Pod(ctx, f.id)
		if err != nil {
			return false, false, err
		}
		busy = !f.seen || differs(f.pod, pod)
		f.pod, f.seen = pod, true
		if busy && f.Status != nil {
			if err := f.Status(pod); err != nil {
				return false, false, err
			}
		}
	}
	more, err := f.lines(ctx)
	if err != nil {
		return false, false, err
	}
	ended = f.pod.Status.Final() || f.Until != nil && f.Until(f.pod)
	return busy || more, ended, nil
}

func differs(a, b wire.Pod) bool {
	return a.Status != b.Status || a.Incarnation != b.Incarnation || string(a.Unschedulable) != string(b.Unschedulable)
}

func (f *follower) lines(ctx context.Context) (more bool, err error) {
	if f.Line == nil {
		return false, nil
	}
	last, err := Lines(ctx, f.api, f.id, f.After, f.Line)
	more = last > f.After
	f.After = last
	return more, err
}

// Lines reads the log after a line to its present end and returns the id of the last line read.
func Lines(ctx context.Context, api API, id uuid.UUID, after int64, line func(wire.PodLogLine) error) (last int64, err error) {
	for {
		page, err := api.PodLogs(ctx, id, client.LogQuery{After: after})
		if err != nil {
			return after, err
		}
		for _, l := range page {
			if l.ID <= after {
				return after, fmt.Errorf("the server sent log line %d after line %d", l.ID, after)
			}
			if err := line(l); err != nil {
				return after, err
			}
			after = l.ID
		}
		if len(page) == 0 {
			return after, nil
		}
	}
}

// transient says that trying again may help: the server restarts, or has too much to do.
func transient(err error) bool {
	var unreachable *client.UnreachableError
	return errors.As(err, &unreachable) || errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrRateLimited)
}

// Running is an Until: the pod runs now, or never will.
func Running(p wire.Pod) bool { return p.Status == core.PodRunning || p.Status.Final() }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
