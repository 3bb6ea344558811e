package hub

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestReportsAreAcknowledged(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.join("a")
	pod := aPod("p", nodeA, 2, core.PodScheduled)
	for _, tc := range []struct {
		status   core.PodStatus
		verdict  string
		accepted bool
		stops    bool
	}{
		{core.PodStarting, core.VerdictAccepted, true, false},
		{core.PodRunning, core.VerdictStaleIncarnation, false, true},
		{core.PodRunning, core.VerdictNotFound, false, true},
		{core.PodRunning, core.VerdictIllegalTransition, false, false},
		{core.PodFailed, core.VerdictStaleIncarnation, false, false},
		{core.PodStopped, core.VerdictAccepted, true, false},
	} {
		w.store.set(func(f *fakeStore) {
			f.report = func([]core.StatusReport) ([]string, error) { return []string{tc.verdict}, nil }
		})
		a.report(pod, tc.status)
		env := a.next(wire.TypePodStatusAck)
		assert.Equal(t, "re:pod:status", env.CorrelationID)
		var ack wire.PodStatusAck
		require.NoError(t, json.Unmarshal(env.Payload, &ack))
		assert.Equal(t, wire.PodStatusAck{PodID: pod.ID, Incarnation: 2, Status: tc.status, Accepted: tc.accepted, Code: tc.verdict}, ack)
		if tc.stops {
			assert.Equal(t, wire.PodStop{PodID: pod.ID, Incarnation: 2, Reason: core.ReasonStale}, next[wire.PodStop](a, wire.TypePodStop))
		}
		a.settled()
	}
}

// An agent speaks for its own node, whatever it writes.
func TestReportsCarryTheNodeOfTheConnection(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.join("b")
	b.json(`{"type":"pod:status","timestamp":"2026-11-24T08:34:00Z","payload":{"podId":"` + ada.String() + `","incarnation":1,"status":"failed",
		"at":"2026-11-24T08:34:00Z","nodeId":"` + nodeA.String() + `","reason":"crashed","message":"a\u0000b","result":{"x":[1]}}}`)
	b.next(wire.TypePodStatusAck)
	assert.Equal(t, core.StatusReport{NodeID: nodeB, PodID: ada, Incarnation: 1, Status: core.PodFailed, Reason: "crashed", Message: "a\uFFFDb",
		Result: json.RawMessage(`{"x":[1]}`)}, w.store.reported()[0])
}

// One agent that floods us is cut off; the others are not.
func TestOneAgentDoesNotFillTheQueueOfAll(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.MaxReports = 3 })
	goOn := make(chan struct{})
	w.store.report = func(r []core.StatusReport) ([]string, error) { <-goOn; return make([]string, len(r)), nil }
	flood, other := w.join("a"), w.join("b")
	for range 4 {
		flood.report(aPod(uuid.NewString(), nodeA, 1, core.PodRunning), core.PodRunning)
	}
	code, _ := flood.end()
	assert.Equal(t, wire.CloseRestart, code)
	other.report(aPod("p", nodeB, 1, core.PodRunning), core.PodRunning)
	close(goOn)
	other.next(wire.TypePodStatusAck)
}

// journal is a store that only takes reports, and a reporter on it.
type journal struct {
	*fakeStore
	*reporter
	mu       sync.Mutex
	verdicts map[uuid.UUID][]string
}

func newJournal(write func([]core.StatusReport) ([]string, error)) *journal {
	store := &fakeStore{report: write}
	return &journal{fakeStore: store, reporter: newReporter(store, slog.New(slog.DiscardHandler)), verdicts: map[uuid.UUID][]string{}}
}

func (j *journal) put(pod string, status core.PodStatus) bool {
	id := uuid.NewSHA1(uuid.Nil, []byte(pod))
	return j.add(core.StatusReport{PodID: id, Incarnation: 1, Status: status, Message: pod}, func(verdict string) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.verdicts[id] = append(j.verdicts[id], verdict)
	})
}

func all(r []core.StatusReport) []string { return make([]string, len(r)) }

// A pod's reports are committed one after the other, in their order, also when the database fails in between; a batch holds one of each pod.
func TestReportsOfAPodKeepTheirOrder(t *testing.T) {
	t.Parallel()
	calls := 0
	j := newJournal(func(r []core.StatusReport) ([]string, error) {
		seen := map[uuid.UUID]bool{}
		for _, one := range r {
			assert.False(t, seen[one.PodID], "one report a pod in a statement")
			seen[one.PodID] = true
		}
		if calls++; calls%2 == 1 {
			return nil, core.Errorf(core.CodeUnavailable, "the database does not answer")
		}
		return all(r), nil
	})
	order := []core.PodStatus{core.PodStarting, core.PodRunning, core.PodStopping, core.PodStopped}
	for _, status := range order {
		for _, pod := range []string{"p", "q", "r"} {
			require.True(t, j.put(pod, status))
		}
	}
	j.drain(t.Context())
	got := map[uuid.UUID][]core.PodStatus{}
	for _, r := range j.reported() {
		got[r.PodID] = append(got[r.PodID], r.Status)
	}
	require.Len(t, got, 3)
	for _, statuses := range got {
		assert.Equal(t, order, statuses)
	}
	assert.Zero(t, j.count)
	assert.Empty(t, j.queue)
	assert.Empty(t, j.ready)
	for _, verdicts := range j.verdicts {
		assert.Len(t, verdicts, len(order))
	}
}

// A report that the database cannot take is found, tried without the agent's own words, and given up; everybody else's go through.
func TestAReportThatCannotBeStored(t *testing.T) {
	t.Parallel()
	poison := uuid.NewSHA1(uuid.Nil, []byte("poison"))
	wordy := uuid.NewSHA1(uuid.Nil, []byte("wordy"))
	statements := 0
	j := newJournal(func(r []core.StatusReport) ([]string, error) {
		statements++
		for _, one := range r {
			if one.PodID == poison || one.PodID == wordy && one.Message == "wordy" {
				return nil, core.Errorf(core.CodeValidation, "a value is not valid")
			}
		}
		return all(r), nil
	})
	for i := range 1000 {
		require.True(t, j.put(uuid.NewString(), core.PodRunning))
		if i == 300 {
			require.True(t, j.put("poison", core.PodRunning))
			require.True(t, j.put("poison", core.PodFailed))
		}
		if i == 700 {
			require.True(t, j.put("wordy", core.PodFailed))
		}
	}
	j.drain(t.Context())
	assert.Len(t, j.reported(), 1001)
	assert.Equal(t, []string{core.VerdictInvalid, core.VerdictInvalid}, j.verdicts[poison], "each of its reports has its answer")
	assert.Equal(t, []string{core.VerdictAccepted}, j.verdicts[wordy])
	assert.Less(t, statements, 100)
	assert.Zero(t, j.count)
	assert.Empty(t, j.queue)
	assert.Greater(t, j.limit, 1, "batches grow again")
}

// A failure that nobody understands holds up its own pod and nobody else, and is never taken for an answer.
func TestAnErrorThatNobodyUnderstands(t *testing.T) {
	t.Parallel()
	odd := uuid.NewSHA1(uuid.Nil, []byte("odd"))
	failures := 3
	j := newJournal(func(r []core.StatusReport) ([]string, error) {
		for _, one := range r {
			if one.PodID == odd && failures > 0 {
				if len(r) == 1 {
					failures--
				}
				return nil, errors.New("boom")
			}
		}
		return all(r), nil
	})
	require.True(t, j.put("odd", core.PodStopped))
	for range 10 {
		require.True(t, j.put(uuid.NewString(), core.PodRunning))
	}
	j.drain(t.Context())
	reports := j.reported()
	require.Len(t, reports, 11)
	assert.Equal(t, odd, reports[10].PodID, "behind the others")
	assert.Equal(t, []string{core.VerdictAccepted}, j.verdicts[odd])
}

func TestTooFewVerdictsAreAnError(t *testing.T) {
	t.Parallel()
	short := true
	j := newJournal(func(r []core.StatusReport) ([]string, error) {
		if short {
			short = false
			return nil, nil
		}
		return all(r), nil
	})
	require.True(t, j.put("p", core.PodRunning))
	j.drain(t.Context())
	assert.Len(t, j.verdicts, 1)
}

func TestTheQueueOfReportsIsBounded(t *testing.T) {
	t.Parallel()
	j := newJournal(nil)
	for range maxReports {
		require.True(t, j.put("p", core.PodRunning))
	}
	assert.False(t, j.put("p", core.PodRunning))
	assert.False(t, j.put("q", core.PodRunning))

	w := start(t)
	w.hub.reporter.mu.Lock()
	w.hub.reporter.count = maxReports
	w.hub.reporter.mu.Unlock()
	a := w.join("a")
	a.report(aPod("p", nodeA, 1, core.PodRunning), core.PodRunning)
	code, _ := a.end()
	assert.Equal(t, wire.CloseRestart, code)
}

// What waits when the server stops is written, if the database lets it.
func TestWhatIsLeftIsWritten(t *testing.T) {
	t.Parallel()
	w := start(t)
	reached, goOn := make(chan struct{}, 10), make(chan struct{})
	w.store.report = func(r []core.StatusReport) ([]string, error) { reached <- struct{}{}; <-goOn; return all(r), nil }
	w.store.append = func([]core.LogLine) error { return nil }
	require.True(t, w.hub.reporter.add(core.StatusReport{PodID: ada}, func(string) {}))
	<-reached
	require.True(t, w.hub.reporter.add(core.StatusReport{PodID: bob}, func(string) {}))
	w.hub.logs.add([]core.LogLine{{PodID: ada, Text: "last words"}})
	close(goOn)
	w.stop()
	assert.Len(t, w.store.reported(), 2)
	assert.Len(t, w.store.logged(), 1)
}

func TestADeadDatabaseDoesNotKeepTheServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	failing := make(chan struct{}, 1000)
	j := newJournal(func([]core.StatusReport) ([]string, error) {
		failing <- struct{}{}
		return nil, core.Errorf(core.CodeUnavailable, "the database does not answer")
	})
	require.True(t, j.put("p", core.PodRunning))
	ended := make(chan struct{})
	go func() { defer close(ended); j.drain(ctx) }()
	<-failing
	<-failing
	cancel()
	<-ended
	assert.Len(t, j.ready, 1, "it still waits")
	assert.Empty(t, j.verdicts)
}

// The WAL shows an assignment a moment before other sessions can see the row: a claim that comes in between is no stale one. It waits, in its
// order, and holds nobody up; for ever it does not wait either.
func TestAReportThatComesBeforeItsRowIsVisible(t *testing.T) {
	t.Parallel()
	early, never := uuid.NewSHA1(uuid.Nil, []byte("early")), uuid.NewSHA1(uuid.Nil, []byte("never"))
	looks := 0
	j := newJournal(func(r []core.StatusReport) ([]string, error) {
		verdicts := all(r)
		for i, one := range r {
			if one.PodID == early {
				looks++
			}
			if one.PodID == never || one.PodID == early && looks < 4 {
				verdicts[i] = core.VerdictNotYet
			}
		}
		return verdicts, nil
	})
	for _, pod := range []string{"early", "other"} {
		require.True(t, j.put(pod, core.PodStarting))
		require.True(t, j.put(pod, core.PodRunning))
	}
	require.True(t, j.put("never", core.PodStarting))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); j.run(ctx) }()
	require.Eventually(t, func() bool {
		j.reporter.mu.Lock()
		defer j.reporter.mu.Unlock()
		return j.count == 0
	}, time.Minute, time.Millisecond)
	cancel()
	<-ended
	assert.Equal(t, []string{core.VerdictAccepted, core.VerdictAccepted}, j.verdicts[early])
	assert.Equal(t, []string{core.VerdictStaleIncarnation}, j.verdicts[never])
	assert.Equal(t, 5, looks, "three too early, then each of its two")
}
