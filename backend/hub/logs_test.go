package hub

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func newLogs(write func([]core.LogLine) error) (*fakeStore, *logWriter) {
	store := &fakeStore{append: write}
	return store, newLogWriter(store, slog.New(slog.DiscardHandler), func() int64 { return 10 })
}

func lines(pod uuid.UUID, from, to int) (lines []core.LogLine) {
	for i := from; i < to; i++ {
		lines = append(lines, core.LogLine{PodID: pod, Incarnation: 1, At: time.Unix(int64(i), 0), Stream: "stdout", Text: fmt.Sprint(i)})
	}
	return lines
}

func TestLinesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	calls := 0
	store, w := newLogs(func([]core.LogLine) error {
		if calls++; calls == 2 {
			return core.Errorf(core.CodeUnavailable, "the database does not answer")
		}
		return nil
	})
	const n = 2*maxLogBatch + 7
	w.add(lines(ada, 0, n))
	w.drain(t.Context())
	require.Len(t, store.lines, n)
	for i, l := range store.lines {
		require.Equal(t, fmt.Sprint(i), l.Text)
	}
	assert.Zero(t, w.bytes)
	assert.Contains(t, store.trimmed, ada)
}

// What is dropped is counted, and the pod's log says so where the lines are missing.
func TestDroppedLinesAreAccountedFor(t *testing.T) {
	t.Parallel()
	store, w := newLogs(nil)
	w.add(lines(bob, 0, 3))
	w.add(lines(ada, 0, maxLogQueue))
	w.add(lines(ada, maxLogQueue, maxLogQueue+5))
	assert.Len(t, w.lines, maxLogQueue)
	w.drain(t.Context())
	require.Len(t, store.lines, maxLogQueue+2)
	said := map[uuid.UUID]string{}
	for _, l := range store.lines[:2] {
		assert.Equal(t, "system", l.Stream)
		assert.EqualValues(t, 1, l.Incarnation)
		said[l.PodID] = l.Text
	}
	assert.Equal(t, map[uuid.UUID]string{bob: "3 lines were dropped: the database does not keep up", ada: "5 lines were dropped: the database does not keep up"}, said)
	assert.Equal(t, "5", store.lines[2].Text, "the oldest went")
	assert.Empty(t, w.dropped)
	assert.Zero(t, w.bytes)
}

// The queue is bounded in bytes too: a few agents with long lines must not take the server's memory.
func TestTheQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	_, w := newLogs(nil)
	long := strings.Repeat("x", 16<<10)
	for range 5000 {
		w.add([]core.LogLine{{PodID: ada, Text: long}})
	}
	assert.Len(t, w.lines, maxLogBytes/len(long))
	assert.LessOrEqual(t, w.bytes, maxLogBytes)
	assert.Equal(t, 5000-maxLogBytes/len(long), w.dropped[ada].lines)
}

// A line that the database cannot take is found and left out; the rest goes through.
func TestALineThatCannotBeStored(t *testing.T) {
	t.Parallel()
	statements := 0
	store, w := newLogs(func(batch []core.LogLine) error {
		statements++
		for _, l := range batch {
			if l.Text == "666" {
				return errors.New("invalid byte sequence")
			}
		}
		return nil
	})
	w.add(lines(ada, 0, 3000))
	w.drain(t.Context())
	require.Len(t, store.lines, 2999)
	assert.Equal(t, "665", store.lines[665].Text)
	assert.Equal(t, "667", store.lines[666].Text)
	assert.Less(t, statements, 50)
}

func TestTrimming(t *testing.T) {
	t.Parallel()
	store, w := newLogs(nil)
	w.add(lines(ada, 0, trimEvery-1))
	w.drain(t.Context())
	assert.Empty(t, store.trimmed)
	w.add(lines(ada, 0, 1))
	w.drain(t.Context())
	assert.Equal(t, []uuid.UUID{ada}, store.trimmed)
	for range maxCounted + 1 {
		w.sinceTrim[uuid.New()] = 1
	}
	w.add(lines(ada, 0, 1))
	w.drain(t.Context())
	assert.Empty(t, w.sinceTrim, "the map is bounded")
}
