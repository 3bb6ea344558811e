package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
)

const patience = time.Minute

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// fakeStore is a database that does what a test says. What it takes it echoes to the picture, as the feed would.
type fakeStore struct {
	state *cluster.State
	tell  func(cluster.Delta)
	hold  func(context.Context, []core.Placement) // is called before an assignment is written

	mu        sync.Mutex
	epoch     int64
	start     uint64 // position at which terms start
	wal       uint64 // its end
	growth    uint64 // of the WAL with each renewal
	heldBy    string
	refuse    bool // the lease
	lost      bool // the lease, without a word
	leaseErr  error
	assignErr []error   // of the next calls; nil takes all
	refused   uuid.UUID // a pod whose placement breaks a rule
	miss      map[uuid.UUID]int
	unseen    map[uuid.UUID]int
	explained map[uuid.UUID]string
	writes    int // explanations
	batches   []int
	released  int
	renewals  int
	leases    []core.NodeLease
	leasesErr error
	loseErr   error
	given     []uuid.UUID // nodes that were declared lost
	drained   []uuid.UUID
	evictions []core.Eviction
}

func newFake() *fakeStore {
	return &fakeStore{state: cluster.New(), miss: map[uuid.UUID]int{}, unseen: map[uuid.UUID]int{}, explained: map[uuid.UUID]string{}}
}

func (f *fakeStore) AcquireLease(_ context.Context, holder string, _ time.Duration) (core.Epoch, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaseErr != nil || f.refuse {
		return core.Epoch{}, false, f.leaseErr
	}
	f.epoch++
	f.heldBy, f.lost = holder, false
	return core.Epoch{Holder: holder, Number: f.epoch, Start: f.start}, true, nil
}

func (f *fakeStore) RenewLease(ctx context.Context, epoch core.Epoch, _ time.Duration) (uint64, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewals++
	f.wal += f.growth
	return f.wal, !f.lost && epoch.Number == f.epoch, errors.Join(f.leaseErr, ctx.Err())
}

func (f *fakeStore) ReleaseLease(context.Context, core.Epoch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released++
	f.heldBy = ""
	return f.leaseErr
}

func (f *fakeStore) Assign(ctx context.Context, epoch core.Epoch, placements []core.Placement) ([]uuid.UUID, error) {
	if f.hold != nil {
		f.hold(ctx, placements)
	}
	taken, echo, err := f.assign(epoch, placements)
	if f.tell != nil && len(echo) > 0 {
		f.tell(f.state.Apply(core.Changes{Events: echo}))
	}
	return taken, err
}

func (f *fakeStore) assign(epoch core.Epoch, placements []core.Placement) (taken []uuid.UUID, echo []core.Event, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost || epoch.Number != f.epoch {
		return nil, nil, core.Errorf(core.CodeConflict, "not the leader")
	}
	if len(f.assignErr) > 0 {
		err, f.assignErr = f.assignErr[0], f.assignErr[1:]
		if err != nil {
			return nil, nil, err
		}
	}
	for _, p := range placements {
		if p.PodID == f.refused {
			return nil, nil, core.Errorf(core.CodeConflict, "breaks a rule")
		}
	}
	f.batches = append(f.batches, len(placements))
	for _, p := range placements {
		if f.miss[p.PodID] > 0 {
			f.miss[p.PodID]--
			continue
		}
		pod := *f.state.Pod(p.PodID)
		pod.Status, pod.NodeID, pod.Incarnation = core.PodScheduled, p.NodeID, pod.Incarnation+1
		taken, echo = append(taken, p.PodID), append(echo, core.PodUpserted{Pod: &pod})
	}
	return taken, echo, nil
}

func (f *fakeStore) ExplainPending(_ context.Context, _ core.Epoch, why map[uuid.UUID]json.RawMessage) (seen []uuid.UUID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	if f.lost {
		return nil, core.Errorf(core.CodeConflict, "not the leader")
	}
	for pod, text := range why {
		if f.unseen[pod] > 0 {
			f.unseen[pod]--
			continue
		}
		f.explained[pod] = string(text)
		seen = append(seen, pod)
	}
	return seen, nil
}

func (f *fakeStore) NodeLeases(context.Context) ([]core.NodeLease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leases, f.leasesErr
}

func (f *fakeStore) LoseNodes(_ context.Context, _ core.Epoch, leases []core.NodeLease, take int) ([]uuid.UUID, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loseErr != nil {
		err := f.loseErr
		f.loseErr = nil
		return nil, 0, err
	}
	var ids []uuid.UUID
	for _, l := range leases {
		ids = append(ids, l.NodeID)
	}
	f.given = append(f.given, ids...)
	return ids, take, nil
}

func (f *fakeStore) EndDrains(_ context.Context, _ core.Epoch, nodes []uuid.UUID) ([]uuid.UUID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drained = append(f.drained, nodes...)
	return nodes, nil
}

func (f *fakeStore) with(change func()) { f.mu.Lock(); defer f.mu.Unlock(); change() }

func (f *fakeStore) is(condition func() bool) func() bool {
	return func() bool { f.mu.Lock(); defer f.mu.Unlock(); return condition() }
}

// run starts a controller over the fake; it is stopped when the test ends.
func (f *fakeStore) run(t *testing.T, change func(*Config)) *Controller {
	t.Helper()
	cfg := Config{ServerID: "me", Store: f, Cluster: f.state, Log: quiet(), LeaseTTL: 300 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	require.NoError(t, err)
	f.tell = c.Observe
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel(errTestOver)
		require.ErrorIs(t, <-done, errTestOver)
		_, leads := c.Leads()
		require.False(t, leads)
	})
	return c
}

var errTestOver = errors.New("the test is over")

// show gives the picture events as the feed would.
func (f *fakeStore) show(c *Controller, changes core.Changes) { c.Observe(f.state.Apply(changes)) }

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 2*time.Millisecond, what)
}

func leading(c *Controller) func() bool { return func() bool { _, leads := c.Leads(); return leads } }

var packID = uuid.UUID{15: 200}

func aPod(n byte, cpu int64) core.Event {
	return core.PodUpserted{Pod: &core.Pod{ID: uuid.UUID{14: 1, 15: n}, PackID: packID, CPUMillis: cpu, Desired: core.DesiredRunning, Status: core.PodPending,
		CreatedAt: time.Unix(int64(n), 0)}}
}

func podID(n byte) uuid.UUID { return uuid.UUID{14: 1, 15: n} }

func aNode(n byte, cpu int64) core.Event {
	return core.NodeUpserted{Node: &core.Node{ID: uuid.UUID{13: 1, 15: n}, Runtime: core.RuntimeNode, Access: core.AccessShared, Status: core.NodeHealthy,
		MaxPods: 1000, CPUMillis: cpu, MemoryBytes: 1 << 30}}
}

func snapshot(events ...core.Event) core.Changes {
	return core.Changes{Snapshot: true, Events: append([]core.Event{core.PackUpserted{Pack: &core.Pack{ID: packID, Tag: core.TagUniversal}}}, events...)}
}

func (f *fakeStore) placed(pods ...byte) func() bool {
	return func() bool {
		for _, n := range pods {
			if p := f.state.Pod(podID(n)); p == nil || p.Status != core.PodScheduled {
				return false
			}
		}
		return true
	}
}

func (f *fakeStore) Evict(_ context.Context, _ core.Epoch, evictions []core.Eviction) (asked []uuid.UUID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.evictions = append(f.evictions, evictions...)
	for _, e := range evictions {
		asked = append(asked, e.PodID)
	}
	return asked, nil
}

func (f *fakeStore) Roll(context.Context, core.Epoch, core.RolloutStep) (uint64, error) {
	return 0, nil
}

func (f *fakeStore) Prune(context.Context, int) (int64, error) { return 0, nil }
