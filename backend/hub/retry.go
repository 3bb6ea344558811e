package hub

import (
	"context"
	"time"

	"github.com/stark-o/stark/backend/core"
)

// passes says whether an error is the database's or the moment's and not the data's: the same will go through later.
func passes(ctx context.Context, err error) bool {
	return ctx.Err() != nil || core.CodeOf(err) == core.CodeUnavailable
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// pause is the wait between two attempts; it doubles.
type pause struct{ next time.Duration }

func newPause() *pause { return &pause{next: firstPause} }

func (p *pause) reset() { p.next = firstPause }

func (p *pause) wait(ctx context.Context) {
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	p.next = min(2*p.next, maxPause)
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// drainOn drains at every signal until the context ends, and then once more what is left, for lastWrites at most.
func drainOn(ctx context.Context, wake <-chan struct{}, drain func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
			defer cancel()
			drain(last)
			return
		case <-wake:
			drain(ctx)
		}
	}
}
