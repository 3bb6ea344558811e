package follow_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

// tape plays its streams one after another; the last one is played again and again.
type tape struct {
	streams []played
	cursors []string // with which each was asked for
}

type played struct {
	frames []client.WatchFrame
	err    error // it ends with
}

func (p *tape) Watch(_ context.Context, q wire.WatchQuery, next func(client.WatchFrame) error) error {
	now := p.streams[min(len(p.cursors), len(p.streams)-1)]
	p.cursors = append(p.cursors, q.Cursor)
	for _, f := range now.frames {
		if err := next(f); err != nil {
			return err
		}
	}
	return now.err
}

func ready(cursor string) client.WatchFrame {
	return client.WatchFrame{Event: wire.WatchReady, Cursor: cursor}
}

func changed(cursor, id string) client.WatchFrame {
	return client.WatchFrame{Event: wire.WatchChanged, Cursor: cursor, Change: client.Change{ID: id}}
}

func TestChangesGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := &client.UnreachableError{Cause: io.ErrUnexpectedEOF}
		api := &tape{streams: []played{
			{frames: []client.WatchFrame{ready("1"), changed("2", "a")}, err: io.EOF},
			{err: away},
			{frames: []client.WatchFrame{ready("2"), {Event: wire.WatchKeepAlive, Cursor: "3"}, changed("4", "b")}, err: away},
			{frames: []client.WatchFrame{ready("4"), {Event: wire.WatchResync, Cursor: "9"}, changed("10", "c")}},
		}}
		var seen []string
		err := follow.Changed(t.Context(), api, wire.WatchQuery{}, follow.Changes{
			List: func(context.Context) error { seen = append(seen, "list"); return nil },
			Change: func(_ context.Context, c client.Change) error {
				seen = append(seen, c.ID)
				if c.ID == "c" {
					return follow.ErrDone
				}
				return nil
			},
		}, follow.DefaultPace())
		require.NoError(t, err)
		require.Equal(t, []string{"list", "a", "b", "list", "c"}, seen)
		require.Equal(t, []string{"", "2", "2", "4"}, api.cursors)
	})
}

func TestListThatFailedIsNotForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &tape{streams: []played{{frames: []client.WatchFrame{ready("1")}}}}
		tries := 0
		err := follow.Changed(t.Context(), api, wire.WatchQuery{}, follow.Changes{List: func(context.Context) error {
			if tries++; tries == 1 {
				return &client.UnreachableError{Cause: io.ErrUnexpectedEOF}
			}
			return follow.ErrDone
		}}, follow.DefaultPace())
		require.NoError(t, err)
		require.Equal(t, []string{"", ""}, api.cursors, "without a list there is nothing to go on from")
	})
}

func TestPatienceWithStreamsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := &client.UnreachableError{Cause: io.ErrUnexpectedEOF}
		began := time.Now()
		err := follow.Changed(t.Context(), &tape{streams: []played{{err: away}}}, wire.WatchQuery{}, follow.Changes{}, follow.DefaultPace())
		require.ErrorIs(t, err, away)
		require.Greater(t, time.Since(began), 25*time.Second)
	})
}

func TestChangesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bye := client.WatchFrame{Event: wire.WatchBye, Reason: "forbidden"}
		err := follow.Changed(t.Context(), &tape{streams: []played{{frames: []client.WatchFrame{bye}}}}, wire.WatchQuery{}, follow.Changes{}, follow.DefaultPace())
		require.ErrorContains(t, err, "may not watch")

		boom := errors.New("boom")
		err = follow.Changed(t.Context(), &tape{streams: []played{{frames: []client.WatchFrame{changed("1", "a")}}}}, wire.WatchQuery{},
			follow.Changes{Change: func(context.Context, client.Change) error { return boom }}, follow.DefaultPace())
		require.ErrorIs(t, err, boom)

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(boom)
		err = follow.Changed(ctx, &tape{streams: []played{{err: io.EOF}}}, wire.WatchQuery{}, follow.Changes{}, follow.DefaultPace())
		require.ErrorIs(t, err, boom)
	})
}
