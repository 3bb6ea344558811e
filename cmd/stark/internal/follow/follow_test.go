package follow_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

// script is a server whose nth question about the pod is answered by its nth step; the last one stays.
type script struct {
	steps []step
	asked int
	log   []wire.PodLogLine
	late  func(s *script) // called with each question about the log
}

type step struct {
	status core.PodStatus
	err    error
	lines  int // how many lines there are from then on
}

func (s *script) Pod(context.Context, uuid.UUID) (wire.Pod, error) {
	now := s.steps[min(s.asked, len(s.steps)-1)]
	s.asked++
	for len(s.log) < now.lines {
		s.add()
	}
	return wire.Pod{Status: now.status}, now.err
}

func (s *script) add() {
	s.log = append(s.log, wire.PodLogLine{ID: int64(10 * (len(s.log) + 1))})
}

func (s *script) PodLogs(_ context.Context, _ uuid.UUID, q client.LogQuery) ([]wire.PodLogLine, error) {
	if s.late != nil {
		s.late(s)
	}
	i := slices.IndexFunc(s.log, func(l wire.PodLogLine) bool { return l.ID > q.After })
	if i < 0 {
		return nil, nil
	}
	return s.log[i:min(i+2, len(s.log))], nil // small pages
}

// recorder notes what is seen.
type recorder struct {
	statuses []core.PodStatus
	lines    []int64
}

func (r *recorder) watch() follow.Watch {
	return follow.Watch{
		Status: func(p wire.Pod) error { r.statuses = append(r.statuses, p.Status); return nil },
		Line:   func(l wire.PodLogLine) error { r.lines = append(r.lines, l.ID); return nil },
	}
}

// Each test runs on a synthetic clock: minutes of waiting take no time.

func TestFollowsToTheEndEachLineOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{
			{status: core.PodPending}, {status: core.PodPending}, {status: core.PodRunning, lines: 5}, {status: core.PodRunning, lines: 5},
			{status: core.PodStopped, lines: 6},
		}}
		var r recorder
		pod, err := follow.Pod(t.Context(), s, uuid.Nil, r.watch(), follow.DefaultPace())
		require.NoError(t, err)
		require.Equal(t, core.PodStopped, pod.Status)
		require.Equal(t, []core.PodStatus{core.PodPending, core.PodRunning, core.PodStopped}, r.statuses)
		require.Equal(t, []int64{10, 20, 30, 40, 50, 60}, r.lines)
	})
}

func TestLinesThatComeAfterTheEndAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		s := &script{steps: []step{{status: core.PodFailed}}}
		s.late = func(s *script) {
			if len(s.log) == 0 && time.Since(started) > 500*time.Millisecond {
				s.add()
			}
		}
		var r recorder
		_, err := follow.Pod(t.Context(), s, uuid.Nil, r.watch(), follow.DefaultPace())
		require.NoError(t, err)
		require.Equal(t, []int64{10}, r.lines)
		require.Less(t, time.Since(started), 5*time.Second)
	})
}

func TestWaitingDoesNotReadTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: core.PodScheduled}, {status: core.PodRunning}}}
		s.late = func(*script) { t.Error("the log was read") }
		pod, err := follow.Pod(t.Context(), s, uuid.Nil, follow.Watch{Until: follow.Running}, follow.DefaultPace())
		require.NoError(t, err)
		require.Equal(t, core.PodRunning, pod.Status)
	})
}

func TestAsksLessOftenWhileNothingHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &script{steps: []step{{status: core.PodRunning}}}
		_, err := follow.Pod(ctx, s, uuid.Nil, follow.Watch{}, follow.DefaultPace())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, s.asked, 45)
		require.Greater(t, s.asked, 25)
	})
}

func TestShortAbsenceOfTheServerIsOutlived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := step{err: &client.UnreachableError{Server: "x", Cause: errors.New("refused")}}
		busy := step{err: &client.Error{Op: "GET", Problem: wire.Problem{Code: core.CodeUnavailable}}}
		s := &script{steps: []step{{status: core.PodRunning}, away, away, busy, {status: core.PodStopped}}}
		pod, err := follow.Pod(t.Context(), s, uuid.Nil, follow.Watch{}, follow.DefaultPace())
		require.NoError(t, err)
		require.Equal(t, core.PodStopped, pod.Status)
	})
}

func TestLongAbsenceIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		s := &script{steps: []step{{err: &client.UnreachableError{Server: "x", Cause: errors.New("refused")}}}}
		_, err := follow.Pod(t.Context(), s, uuid.Nil, follow.Watch{}, follow.DefaultPace())
		var unreachable *client.UnreachableError
		require.ErrorAs(t, err, &unreachable)
		require.InDelta(t, 30, time.Since(started).Seconds(), 5)
	})
}

func TestOtherErrorsEndItAtOnce(t *testing.T) {
	t.Parallel()
	gone := &client.Error{Op: "GET", Problem: wire.Problem{Code: core.CodeNotFound}}
	s := &script{steps: []step{{err: gone}}}
	_, err := follow.Pod(t.Context(), s, uuid.Nil, follow.Watch{}, follow.DefaultPace())
	require.ErrorIs(t, err, client.ErrNotFound)
	require.Equal(t, 1, s.asked)

	full := errors.New("disk full")
	s = &script{steps: []step{{status: core.PodRunning, lines: 1}}}
	_, err = follow.Pod(t.Context(), s, uuid.Nil, follow.Watch{Line: func(wire.PodLogLine) error { return full }}, follow.DefaultPace())
	require.ErrorIs(t, err, full)
}

func TestCancelEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &script{steps: []step{{status: core.PodRunning}}}
	_, err := follow.Pod(ctx, s, uuid.Nil, follow.Watch{Status: func(wire.Pod) error { cancel(); return nil }}, follow.DefaultPace())
	require.ErrorIs(t, err, context.Canceled)
}

func TestServerThatRepeatsLinesIsNotReadForEver(t *testing.T) {
	t.Parallel()
	_, err := follow.Lines(t.Context(), stuck{}, uuid.Nil, 0, func(wire.PodLogLine) error { return nil })
	require.ErrorContains(t, err, "log line 1 after line 1")
}

type stuck struct{ follow.API }

func (stuck) PodLogs(context.Context, uuid.UUID, client.LogQuery) ([]wire.PodLogLine, error) {
	return []wire.PodLogLine{{ID: 1}}, nil
}
