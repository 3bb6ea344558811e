package follow

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

// Streams is what following changes needs of the server.
type Streams interface {
	Watch(ctx context.Context, q wire.WatchQuery, next func(client.WatchFrame) error) error
}

// ErrDone is what a Changes function returns when it has seen enough; Changed then returns nil.
var ErrDone = errors.New("seen enough")

// Changes says what to do with what is seen.
type Changes struct {
	// List is called at the start and whenever changes may have been missed: read everything anew. It may be nil.
	List func(ctx context.Context) error
	// Change is called with each change after that. One that List has shown already may come again.
	Change func(ctx context.Context, change client.Change) error
}

// Changed follows what changes, across restarts of the server, until one of the functions fails or is done, or ctx ends. A server that is
// away for longer than pace.Patience is an error.
func Changed(ctx context.Context, api Streams, q wire.WatchQuery, do Changes, pace Pace) error {
	w := &changes{Changes: do, pace: pace, query: q, wait: pace.Fast}
	for {
		err := api.Watch(ctx, w.query, func(f client.WatchFrame) error { return w.frame(ctx, f) })
		switch {
		case errors.Is(err, ErrDone):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF): // said goodbye, or was cut off
		case transient(err):
			w.away += w.wait
			if w.away > w.pace.Patience {
				return err
			}
		default:
			return err
		}
		if err := sleep(ctx, w.wait); err != nil {
			return err
		}
		w.wait = min(w.wait*2, w.pace.Slow)
	}
}

type changes struct {
	Changes
	pace  Pace
	query wire.WatchQuery // its cursor is the one to come back with
	wait  time.Duration   // before the next stream
	away  time.Duration   // how long the server has not answered
}

func (w *changes) frame(ctx context.Context, f client.WatchFrame) error {
	w.wait, w.away = w.pace.Fast, 0
	var err error
	switch f.Event {
	case wire.WatchReady:
		if w.query.Cursor != "" { // it goes on where it was
			return nil
		}
		err = w.list(ctx)
	case wire.WatchResync:
		w.query.Cursor = ""
		err = w.list(ctx)
	case wire.WatchChanged:
		err = w.Change(ctx, f.Change)
	case wire.WatchBye:
		if f.Reason == "forbidden" {
			return errForbidden
		}
	}
	if err == nil {
		w.query.Cursor = f.Cursor
	}
	return err
}

func (w *changes) list(ctx context.Context) error {
	if w.List == nil {
		return nil
	}
	return w.List(ctx)
}

var errForbidden = errors.New("you may not watch this any more")
