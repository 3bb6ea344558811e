package watch

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// retryAfter is when a watcher tries again whose changes could not be read.
const retryAfter = time.Second

// Why a watcher is told to list again, or told goodbye.
const (
	reasonTooOld   = "cursor_too_old"  // more has happened since than is remembered
	reasonOther    = "another_history" // the cursor is of another database, or of this one before it was restored
	reasonRelisted = "feed_relisted"   // the server lost track of the WAL for a while
	reasonSlow     = "too_slow"        // more happened than was taken off
	reasonRole     = "role_changed"

	reasonExpired   = "token_expired"
	reasonStopping  = "server_stopping"
	reasonForbidden = "forbidden"
)

var errExpired = errors.New("the token has expired")

// watcher is one stream. Its goroutine alone uses it.
type watcher struct {
	room  *Room
	actor core.Actor
	query wire.WatchQuery
	group *group

	next   uint64 // the place in the ring up to which all has been sent
	cursor cursor // says the same to the client
	role   string
	stale  string // why the client must list again; "" when it need not
}

// Open admits a watcher, whose changes begin now, or after its cursor. stream must be called once; it sends until ctx ends, the token expires or send
// fails, and returns why. It never keeps what it hands to send, which is called from one goroutine.
func (r *Room) Open(ctx context.Context, actor core.Actor, query wire.WatchQuery) (stream func(ctx context.Context, send func([]wire.WatchFrame) error) error, err error) {
	w := &watcher{room: r, actor: actor, query: query}
	if err := r.enter(w); err != nil {
		return nil, err
	}
	if err := w.arm(ctx); err != nil {
		r.leave(w)
		return nil, err
	}
	return func(ctx context.Context, send func([]wire.WatchFrame) error) error {
		defer r.leave(w)
		return w.run(ctx, send)
	}, nil
}

// enter counts a watcher in.
func (r *Room) enter(w *watcher) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.history == "":
		return core.Errorf(core.CodeUnavailable, "this server does not follow the database yet")
	case r.streams[w.actor.UserID] >= r.cfg.PerUser:
		return core.Errorf(core.CodeRateLimited, "you have %d watches open here, which is as many as one may", r.cfg.PerUser).WithHint("Close some.")
	case r.open >= r.cfg.Total:
		return core.Errorf(core.CodeUnavailable, "too many watches are open here")
	}
	r.open++
	r.streams[w.actor.UserID]++
	g := r.groups[w.actor.Claims]
	if g == nil {
		g = &group{turn: make(chan struct{}, 1)}
		r.groups[w.actor.Claims] = g
	}
	g.members++
	w.group = g
	return nil
}

func (r *Room) leave(w *watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open--
	if r.streams[w.actor.UserID]--; r.streams[w.actor.UserID] == 0 {
		delete(r.streams, w.actor.UserID)
	}
	if w.group.members--; w.group.members == 0 {
		delete(r.groups, w.actor.Claims)
	}
}

// arm puts a new watcher at its place.
func (w *watcher) arm(ctx context.Context) error {
	var from cursor
	var err error
	if w.query.Cursor != "" {
		if from, err = parseCursor(w.query.Cursor); err != nil {
			return core.Invalid("cursor", "must be the cursor of an earlier frame").WithCause(err)
		}
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	if w.query.Cursor != "" {
		w.resume(from)
	}
	return nil
}

// begin puts the watcher at what is visible now. A client that lists after it has been told misses nothing. On an error it stays where it is: its
// client has not been told.
func (w *watcher) begin(ctx context.Context) error {
	place, at, err := w.room.now(ctx)
	if err != nil {
		return err
	}
	seen, err := w.room.cfg.Store.Watched(ctx, w.actor, nil)
	if err != nil {
		return err
	}
	w.next, w.cursor, w.role = place, at, seen.Role
	return nil
}

// resume puts the watcher back to where its client is, if everything that happened since is still here.
func (w *watcher) resume(from cursor) {
	r := w.room
	r.mu.Lock()
	defer r.mu.Unlock()
	place, ok := r.ring.find(from.position)
	switch {
	case from.history != r.history:
		w.stale = reasonOther
	case !ok:
		w.stale = reasonTooOld
	}
	if w.stale != "" {
		w.cursor = from // until it has been told to list again: the stream may end before that
		return
	}
	if place < w.next {
		w.next, w.cursor = place, from
	}
}

// run is the stream.
func (w *watcher) run(ctx context.Context, send func([]wire.WatchFrame) error) error {
	if !w.actor.ExpiresAt.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, w.actor.ExpiresAt, errExpired)
		defer cancel()
	}
	frames := []wire.WatchFrame{w.frame(wire.WatchReady, wire.WatchPosition{Cursor: w.cursor.String()})}
	silence := time.NewTimer(w.room.cfg.KeepAlive)
	defer silence.Stop()
	for {
		if len(frames) > 0 {
			if err := send(frames); err != nil {
				return err
			}
			silence.Reset(w.room.cfg.KeepAlive)
		}
		visible, moved := w.room.state()
		var err error
		if frames, err = w.advance(ctx, visible); err == nil && len(frames) > 0 {
			continue
		}
		var again <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), send(w.goodbye(context.Cause(ctx))))
		case core.CodeOf(err) == core.CodeForbidden:
			return errors.Join(err, send([]wire.WatchFrame{w.frame(wire.WatchBye, wire.WatchReason{Reason: reasonForbidden})}))
		case err != nil:
			w.room.cfg.Log.Warn("a watcher waits: its changes could not be read", "error", err)
			again = time.After(retryAfter)
			moved = nil
		case w.next < visible:
			continue // there was nothing for this watcher in it
		}
		select {
		case <-moved:
		case <-again:
		case <-silence.C:
			frames = []wire.WatchFrame{{Event: wire.WatchKeepAlive, Cursor: w.cursor.String()}}
		case <-ctx.Done():
		}
	}
}

func (w *watcher) goodbye(cause error) []wire.WatchFrame {
	reason := reasonStopping
	if errors.Is(cause, errExpired) {
		reason = reasonExpired
	}
	return []wire.WatchFrame{w.frame(wire.WatchBye, wire.WatchReason{Reason: reason})}
}

// frame makes one that stands where the watcher stands.
func (w *watcher) frame(event wire.WatchEvent, data any) wire.WatchFrame {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // strings
	}
	return wire.WatchFrame{Event: event, Cursor: w.cursor.String(), Data: raw}
}

// advance takes the next chunk off the ring. The cursor of all its frames but the last says that it is to be sent again if the stream ends before that.
func (w *watcher) advance(ctx context.Context, visible uint64) ([]wire.WatchFrame, error) {
	if w.stale != "" {
		return w.resync(ctx)
	}
	if w.next >= visible {
		return nil, nil
	}
	w.room.mu.Lock()
	began, history := w.room.ring.began, w.room.history
	c, ok := w.room.ring.take(w.next, visible, w.room.cfg.chunk)
	w.room.mu.Unlock()
	if !ok {
		w.stale = reasonSlow
		if w.next < began {
			w.stale = reasonRelisted
		}
		return w.resync(ctx)
	}
	b, err := w.room.read(ctx, w.group, w.actor, c, w.query)
	if err != nil {
		return nil, err
	}
	if b.role != "" && b.role != w.role {
		w.stale = reasonRole
		return w.resync(ctx)
	}
	frames := make([]wire.WatchFrame, len(b.changes))
	for i, change := range b.changes {
		frames[i] = wire.WatchFrame{Event: wire.WatchChanged, Cursor: w.cursor.String(), Data: change}
	}
	w.next, w.cursor = c.to, cursor{history, c.position}
	if len(frames) > 0 {
		frames[len(frames)-1].Cursor = w.cursor.String()
	}
	return frames, nil
}

// resync tells the client to list again, from which moment on it hears of changes as after the beginning.
func (w *watcher) resync(ctx context.Context) ([]wire.WatchFrame, error) {
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	reason := w.stale
	w.stale = ""
	return []wire.WatchFrame{w.frame(wire.WatchResync, wire.WatchReason{Reason: reason})}, nil
}
