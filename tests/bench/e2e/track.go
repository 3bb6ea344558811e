package e2e

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// tracker knows the moments of every pod of one trial, as nanoseconds since its start. A moment that has not come is 0.
type tracker struct {
	start     time.Time
	run       uint32
	pods      []moments
	committed atomic.Int64
	assigned  atomic.Int64
	done      chan struct{} // closed when all are assigned
	strays    atomic.Int64  // frames about pods of other trials, or that came again
}

type moments struct {
	wanted   int64 // by the schedule: what a stall of ours delays counts as latency
	sent     int64
	acked    int64 // the commit was acknowledged
	assigned atomic.Int64
}

func newTracker(n int) *tracker {
	return &tracker{start: time.Now(), run: rand.Uint32(), pods: make([]moments, n), done: make(chan struct{})}
}

func (t *tracker) now() int64 { return max(1, int64(time.Since(t.start))) }

// id makes a pod's id. Its front is random, as gen_random_uuid's is, so that the index sees what it sees in life; its end is the number.
func (t *tracker) id(i int) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint32(id[8:12], t.run)
	binary.BigEndian.PutUint32(id[12:], uint32(i))
	return id
}

// arrive notes an assignment.
func (t *tracker) arrive(id uuid.UUID) {
	at := t.now()
	i := int(binary.BigEndian.Uint32(id[12:]))
	if binary.BigEndian.Uint32(id[8:12]) != t.run || i >= len(t.pods) || !t.pods[i].assigned.CompareAndSwap(0, at) {
		t.strays.Add(1)
		return
	}
	if t.assigned.Add(1) == int64(len(t.pods)) {
		close(t.done)
	}
}

// backlog is how many pods are committed and not assigned.
func (t *tracker) backlog() int64 { return max(0, t.committed.Load()-t.assigned.Load()) }

// latencies are sorted. An assignment can be seen before its commit is acknowledged; it then counts as 0.
func (t *tracker) latencies(from func(*moments) int64) []time.Duration {
	out := make([]time.Duration, 0, len(t.pods))
	for i := range t.pods {
		m := &t.pods[i]
		if at := m.assigned.Load(); at > 0 && from(m) > 0 {
			out = append(out, time.Duration(max(0, at-from(m))))
		}
	}
	slices.Sort(out)
	return out
}

func fromWanted(m *moments) int64 { return m.wanted }
func fromSent(m *moments) int64   { return m.sent }
func fromAcked(m *moments) int64  { return m.acked }
