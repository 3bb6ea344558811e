package watch

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

var pods = wire.WatchQuery{Kinds: []wire.WatchKind{wire.WatchPods}}

func pod(n byte, revision int64) thing { return thing{WatchRef: podRef(n), Revision: revision} }

func gonePod(n byte) thing { return thing{WatchRef: podRef(n), gone: true} }

// bubble is a running room in a synctest bubble: time passes when everybody waits.
type bubble struct {
	t    *testing.T
	db   *database
	room *Room
}

// inBubble runs a test of a room that has its first snapshot.
func inBubble(t *testing.T, change func(*Config), test func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		b := &bubble{t: t, db: db, room: newRoom(db, change)}
		b.room.Observe(db.snapshot())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.room.Run(ctx) }()
		test(b)
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Zero(t, b.room.open, "nobody is left in the room")
	})
}

// do commits, and the room hears of it.
func (b *bubble) do(things ...thing) { b.room.Observe(b.db.do(things...)) }

var errBroken = errors.New("broken pipe")

// stream is an open watch whose frames arrive one by one.
type stream struct {
	t      *testing.T
	frames chan wire.WatchFrame
	cancel context.CancelCauseFunc
	ended  chan error
	broken chan struct{} // closed when the connection is
}

func (b *bubble) open(who core.Actor, query wire.WatchQuery) *stream {
	b.t.Helper()
	run, err := b.room.Open(b.t.Context(), who, query)
	require.NoError(b.t, err)
	s := &stream{t: b.t, frames: make(chan wire.WatchFrame), broken: make(chan struct{}), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancelCause(b.t.Context())
	s.cancel = cancel
	go func() {
		s.ended <- run(ctx, func(frames []wire.WatchFrame) error {
			for _, f := range frames {
				select {
				case s.frames <- f:
				case <-s.broken:
					return errBroken
				}
			}
			return nil
		})
	}()
	return s
}

// watch opens a stream and takes its ready.
func (b *bubble) watch(who core.Actor, query wire.WatchQuery) *stream {
	b.t.Helper()
	s := b.open(who, query)
	require.Equal(b.t, wire.WatchReady, (<-s.frames).Event)
	return s
}

// next is the next change or farewell: its event, and the revision, id or reason that it is about.
func (s *stream) next() (wire.WatchEvent, any) {
	s.t.Helper()
	f := <-s.frames
	var data struct {
		Type, ID, Reason string
		Object           thing
	}
	if f.Data != nil {
		require.NoError(s.t, json.Unmarshal(f.Data, &data))
	}
	switch data.Type {
	case wire.WatchUpsert:
		return f.Event, data.Object.Revision
	case wire.WatchDelete:
		return f.Event, data.ID
	}
	return f.Event, data.Reason
}

func (s *stream) expect(event wire.WatchEvent, what any) {
	s.t.Helper()
	got, about := s.next()
	require.Equal(s.t, []any{event, what}, []any{got, about})
}

// quiet checks that nothing has been sent.
func (s *stream) quiet() {
	s.t.Helper()
	synctest.Wait()
	select {
	case f := <-s.frames:
		require.Fail(s.t, "unexpected frame", "%s %s", f.Event, f.Data)
	default:
	}
}

// end closes a stream as Shutdown does.
func (s *stream) end() {
	s.t.Helper()
	s.cancel(errors.New("stop"))
	s.expect(wire.WatchBye, reasonStopping)
	require.ErrorContains(s.t, <-s.ended, "stop")
}

func TestAChangeIsShownAtOnceAndManyBecomeOne(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		s := b.watch(actor(1), pods)
		start := time.Now()
		b.do(pod(1, 1))
		s.expect(wire.WatchChanged, int64(1))
		require.Zero(t, time.Since(start), "the first is not held back")
		for i := range int64(100) {
			b.do(pod(1, 2+i))
		}
		b.do(pod(2, 1), thing{WatchRef: wire.WatchRef{Kind: wire.WatchPacks, ID: uuid.UUID{1}}, Public: true})
		s.expect(wire.WatchChanged, int64(101))
		s.expect(wire.WatchChanged, int64(1))
		require.Equal(t, b.room.cfg.Spacing, time.Since(start))
		b.do(gonePod(1))
		s.expect(wire.WatchChanged, podRef(1).Key())
		s.quiet()
		s.end()
	})
}

// The WAL shows a commit before other sessions see it. Read then, a new row would look as if it were gone.
func TestWhatIsNotVisibleYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		s := b.watch(actor(1), pods)
		n := b.db.commit(pod(1, 1))
		b.room.Observe(b.db.wal[n])
		time.Sleep(time.Second) // of the bubble
		s.quiet()
		early, err := b.room.Open(b.t.Context(), actor(2), wire.WatchQuery{Kinds: pods.Kinds, Cursor: "x"})
		require.Equal(t, core.CodeValidation, core.CodeOf(err))
		require.Nil(t, early)
		impatient, cancel := context.WithTimeout(b.t.Context(), time.Second)
		defer cancel()
		_, err = b.room.Open(impatient, actor(2), pods)
		require.ErrorIs(t, err, context.DeadlineExceeded, "whoever listed after ready could miss it")
		b.db.show(n)
		s.expect(wire.WatchChanged, int64(1))
		s.end()
	})
}

func TestSilenceIsBroken(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		s := b.watch(actor(1), pods)
		start := time.Now()
		s.expect(wire.WatchKeepAlive, "")
		require.Equal(t, 15*time.Second, time.Since(start))
		// What others hear of moves the cursor too: whoever hears nothing can come back all the same.
		before := b.room.ring.position(b.room.ring.next)
		b.do(thing{WatchRef: wire.WatchRef{Kind: wire.WatchPacks, ID: uuid.UUID{1}}, Public: true})
		f := <-s.frames
		require.Equal(t, wire.WatchKeepAlive, f.Event)
		c, err := parseCursor(f.Cursor)
		require.NoError(t, err)
		require.Greater(t, c.position, before)
		s.end()
	})
}

// A watcher who does not read holds nobody up, and finds the latest when they do.
func TestASlowWatcherHoldsNobodyUpAndMissesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		slow, quick := b.watch(actor(1), pods), b.watch(actor(2), pods)
		for i := range int64(50) {
			b.do(pod(1, 1+i), pod(2, 1+i))
			quick.expect(wire.WatchChanged, 1+i)
			quick.expect(wire.WatchChanged, 1+i)
		}
		slow.expect(wire.WatchChanged, int64(1)) // this it was given before it stopped
		slow.expect(wire.WatchChanged, int64(1))
		slow.expect(wire.WatchChanged, int64(50))
		slow.expect(wire.WatchChanged, int64(50))
		slow.quiet()
		slow.end()
		quick.end()
	})
}

func TestASlowWatcherWhomTheRingOvertakesListsAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *Config) { c.Remember = 8 }, func(b *bubble) {
		slow, quick := b.watch(actor(1), pods), b.watch(actor(2), pods)
		for i := range byte(20) {
			b.do(pod(i, 1))
			quick.expect(wire.WatchChanged, int64(1))
		}
		slow.expect(wire.WatchChanged, int64(1))
		slow.expect(wire.WatchResync, reasonSlow)
		b.do(pod(1, 2))
		slow.expect(wire.WatchChanged, int64(2))
		quick.expect(wire.WatchChanged, int64(2))
		slow.end()
		quick.end()
	})
}

// As long as the client has not been told to list again, no frame says that it is further than it is.
func TestUntilItIsToldToListAgainAWatcherStaysWhereItIs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *Config) { c.Remember = 2 }, func(b *bubble) {
		s := b.watch(actor(1), pods)
		b.do(pod(1, 1))
		last := <-s.frames
		b.do(pod(2, 1))
		time.Sleep(time.Second) // it is sending this one
		for i := range byte(3) {
			b.do(pod(3+i, 1))
		}
		time.Sleep(time.Second)
		b.db.fail(errors.New("down"))
		told := <-s.frames
		require.Equal(t, wire.WatchChanged, told.Event)
		require.NotEqual(t, last.Cursor, told.Cursor)
		for range 2 {
			f := <-s.frames
			require.Equal(t, wire.WatchKeepAlive, f.Event)
			require.Equal(t, told.Cursor, f.Cursor)
		}
		b.db.fail(nil)
		f := <-s.frames
		require.Equal(t, wire.WatchResync, f.Event)
		require.NotEqual(t, told.Cursor, f.Cursor)
		s.end()
	})
}

// A client that is cut off comes back with the cursor of the last frame that it has, to this server or another.
func TestComingBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *Config) { c.Remember = 8 }, func(b *bubble) {
		s := b.watch(actor(1), pods)
		b.do(pod(1, 1), pod(2, 1))
		first := <-s.frames
		second := <-s.frames
		require.NotEqual(t, first.Cursor, second.Cursor, "half of a batch is no place to go on from")
		close(s.broken)
		b.do(pod(3, 1))
		require.ErrorIs(t, <-s.ended, errBroken)

		back := func(at string) *stream { return b.watch(actor(1), wire.WatchQuery{Kinds: pods.Kinds, Cursor: at}) }
		half := back(first.Cursor)
		for range 3 {
			half.expect(wire.WatchChanged, int64(1))
		}
		half.end()
		whole := back(second.Cursor)
		whole.expect(wire.WatchChanged, int64(1))
		whole.quiet()
		whole.end()

		other := newRoom(b.db, nil)
		other.Observe(b.db.snapshot())
		elsewhere := &bubble{t: b.t, db: b.db, room: other}
		late := elsewhere.watch(actor(1), wire.WatchQuery{Kinds: pods.Kinds, Cursor: first.Cursor})
		late.expect(wire.WatchResync, reasonTooOld) // that server came later
		late.end()
		foreign := back(cursor{shortHistory("7001.2"), 1 << 40}.String())
		foreign.expect(wire.WatchResync, reasonOther)
		foreign.end()
	})
}

func TestARelistedFeedMakesEverybodyList(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		s := b.watch(actor(1), pods)
		b.db.do(pod(1, 1)) // which this feed never shows
		b.room.Observe(b.db.snapshot())
		s.expect(wire.WatchResync, reasonRelisted)
		b.do(pod(1, 2))
		s.expect(wire.WatchChanged, int64(2))
		s.end()
	})
}

func TestWhoShowsTheSameTokenSharesWhatIsRead(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		one, two, other := b.watch(actor(1), pods), b.watch(actor(1), pods), b.watch(actor(2), pods)
		b.do(pod(1, 1))
		for _, s := range []*stream{one, two, other} {
			s.expect(wire.WatchChanged, int64(1))
		}
		require.Equal(t, 2, b.db.reads, "one for each token")
		for _, s := range []*stream{one, two, other} {
			s.end()
		}
	})
}

func TestAWatchEndsWithItsToken(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		who := actor(1)
		who.ExpiresAt = time.Now().Add(time.Second)
		s := b.watch(who, pods)
		s.expect(wire.WatchBye, reasonExpired)
		require.ErrorIs(t, <-s.ended, errExpired)
	})
}

// Roles take effect at the next statement, for those too who watch already.
func TestRolesCountWhileWatching(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		who := actor(1)
		s := b.watch(who, wire.WatchQuery{Kinds: []wire.WatchKind{wire.WatchPacks, wire.WatchPods}})
		private := thing{WatchRef: wire.WatchRef{Kind: wire.WatchPacks, ID: uuid.UUID{1}}, Owner: uuid.UUID{9}, Revision: 1}
		b.do(private)
		private.Revision++
		b.do(private)
		private.gone = true
		b.do(private)
		time.Sleep(time.Second)
		s.quiet()

		b.db.setRole(who, "admin")
		private.gone, private.Revision = false, 7
		b.do(private)
		s.expect(wire.WatchResync, reasonRole)
		private.Revision++
		b.do(private)
		s.expect(wire.WatchChanged, int64(8))
		private.gone = true
		b.do(private)
		s.expect(wire.WatchChanged, private.Key())

		b.db.setRole(who, "node")
		b.do(pod(1, 1))
		s.expect(wire.WatchBye, reasonForbidden)
		require.Equal(t, core.CodeForbidden, core.CodeOf(<-s.ended))
		_, err := b.room.Open(b.t.Context(), who, pods)
		require.Equal(t, core.CodeForbidden, core.CodeOf(err))
	})
}

func TestADatabaseThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(b *bubble) {
		s := b.watch(actor(1), pods)
		b.db.fail(errors.New("down"))
		b.do(pod(1, 1))
		s.expect(wire.WatchKeepAlive, "")
		b.db.fail(nil)
		s.expect(wire.WatchChanged, int64(1))
		s.end()
	})
}

func TestHowManyMayWatch(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *Config) { c.PerUser, c.Total = 2, 3 }, func(b *bubble) {
		one, two := b.watch(actor(1), pods), b.watch(actor(1), pods)
		_, err := b.room.Open(b.t.Context(), actor(1), pods)
		require.Equal(t, core.CodeRateLimited, core.CodeOf(err))
		three := b.watch(actor(2), pods)
		_, err = b.room.Open(b.t.Context(), actor(2), pods)
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
		one.end()
		again := b.watch(actor(1), pods)
		for _, s := range []*stream{two, three, again} {
			s.end()
		}
	})
}

func TestNothingCanBeWatchedBeforeTheFirstSnapshot(t *testing.T) {
	t.Parallel()
	_, err := newRoom(newDatabase(), nil).Open(t.Context(), actor(1), pods)
	require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{}, {Store: newDatabase()}, {Log: slog.New(slog.DiscardHandler)}} {
		_, err := New(cfg)
		require.Error(t, err)
	}
}
