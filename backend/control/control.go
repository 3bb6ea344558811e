// Package control holds the loops that decide: scheduling and the lifecycle of nodes. Only the server that holds the lease runs them, and
// every decision carries the lease's epoch, so that one which lost it without noticing writes nothing.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
)

// leaser hands out the one lease.
type leaser interface {
	AcquireLease(ctx context.Context, holder string, ttl time.Duration) (core.Epoch, bool, error)
	RenewLease(ctx context.Context, epoch core.Epoch, ttl time.Duration) (position uint64, ours bool, err error)
	ReleaseLease(ctx context.Context, epoch core.Epoch) error
}

// decider carries decisions out.
type decider interface {
	Assign(ctx context.Context, epoch core.Epoch, placements []core.Placement) ([]uuid.UUID, error)
	ExplainPending(ctx context.Context, epoch core.Epoch, why map[uuid.UUID]json.RawMessage) ([]uuid.UUID, error)
	Evict(ctx context.Context, epoch core.Epoch, evictions []core.Eviction) ([]uuid.UUID, error)
	Prune(ctx context.Context, most int) (deleted int64, err error)
	Roll(ctx context.Context, epoch core.Epoch, step core.RolloutStep) (position uint64, err error)
	EndDrains(ctx context.Context, epoch core.Epoch, nodes []uuid.UUID) ([]uuid.UUID, error)
	NodeLeases(ctx context.Context) ([]core.NodeLease, error)
	LoseNodes(ctx context.Context, epoch core.Epoch, leases []core.NodeLease, take int) (lost []uuid.UUID, evicted int, err error)
}

// picture is the cluster as the feed shows it.
type picture interface {
	Position() uint64
	Watch() *cluster.Watch
	Assume(placements []core.Placement) []core.Placement
	Forget(pods []uuid.UUID)
	Remind(pods []uuid.UUID)
	Nodes() []*core.Node
	Pod(id uuid.UUID) *core.Pod
	PodsOn(node uuid.UUID) []*core.Pod
	Pack(id uuid.UUID) *core.Pack
	Packs(name string) []*core.Pack
	Deployment(id uuid.UUID) *core.Deployment
	Deployments() []*core.Deployment
	PodsOf(deployment uuid.UUID) []*core.Pod
	ConfigInt(key string, fallback int64) int64
	SettingsVersion() uint64
	Settings() cluster.Settings
}

// Store is what the loops need of the database.
type Store interface {
	leaser
	decider
}

// Config says what the loops work with.
type Config struct {
	ServerID string // names this process among its peers; unique for each start
	Store    Store
	Cluster  picture
	Log      *slog.Logger
	LeaseTTL time.Duration // default 6 s: how long the cluster goes without a decider after one was killed
	Batch    int           // placements in one statement, at most; default 2,000
	Seed     uint64        // of the scheduler's tie-breaks
}

// Controller runs the loops while this server leads. Make it with New, then Run it.
type Controller struct {
	cfg   Config
	wake  chan struct{} // something changed that could let a pod be placed
	moved chan struct{} // the picture reaches further than before
	leave chan struct{} // something changed where pods are to leave
	roll  chan struct{} // something happened to deployments, or the picture shows what came of a step
	leads atomic.Pointer[core.Epoch]
	// driving are the nodes that send pods away, as the loop has last seen them.
	driving  atomic.Pointer[map[uuid.UUID]struct{}]
	touched  touched       // deployments that something happened to
	refusing atomic.Bool   // the database refuses some of them pods
	awaited  atomic.Uint64 // the position at which the next outcome of a step is in the picture; 0 for none
	synced   chan struct{} // closed once the first snapshot is in
	once     sync.Once
	behind   atomic.Uint64 // a position that the picture did not reach in time; no lease before it does
}

// New makes a controller.
func New(cfg Config) (*Controller, error) {
	if cfg.ServerID == "" || cfg.Store == nil || cfg.Cluster == nil || cfg.Log == nil {
		return nil, errors.New("control: ServerID, Store, Cluster and Log are needed")
	}
	if cfg.LeaseTTL <= 0 {
		cfg.LeaseTTL = 6 * time.Second
	}
	if cfg.Batch <= 0 {
		cfg.Batch = 2000
	}
	return &Controller{cfg: cfg, wake: make(chan struct{}, 1), moved: make(chan struct{}, 1), leave: make(chan struct{}, 1), roll: make(chan struct{}, 1), synced: make(chan struct{})}, nil
}

// Observe takes notice of a change. It never blocks.
func (c *Controller) Observe(delta cluster.Delta) {
	if delta.Snapshot {
		c.once.Do(func() { close(c.synced) })
		c.behind.Store(0) // a new picture is of now
	}
	if delta.Reschedule {
		signal(c.wake)
	}
	if c.concernsLeaving(delta) {
		signal(c.leave)
	}
	if awaited := c.awaited.Load(); c.touched.add(delta, c.refusing.Load()) || (awaited != 0 && c.cfg.Cluster.Position() >= awaited) {
		signal(c.roll)
	}
	signal(c.moved)
}

// signal leaves one notice in a channel that holds one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Leads says whether this server decides now, and in which epoch.
func (c *Controller) Leads() (core.Epoch, bool) {
	if e := c.leads.Load(); e != nil {
		return *e, true
	}
	return core.Epoch{}, false
}

// Run tries for the lease and, while it holds it, decides. It returns when the context ends, having let the lease go.
func (c *Controller) Run(ctx context.Context) error {
	select {
	case <-c.synced: // a leader that knows nothing must not decide
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	retry := time.NewTicker(c.cfg.LeaseTTL / 6)
	defer retry.Stop()
	failing := false
	for {
		if c.cfg.Cluster.Position() >= c.behind.Load() {
			failing = c.try(ctx, failing)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-retry.C:
		}
	}
}

// try asks for the lease and leads if it is given. It logs a failure unless there was one before already.
func (c *Controller) try(ctx context.Context, failedBefore bool) (failed bool) {
	attempt, cancel := context.WithTimeout(ctx, c.cfg.LeaseTTL/2)
	began := time.Now()
	epoch, ok, err := c.cfg.Store.AcquireLease(attempt, c.cfg.ServerID, c.cfg.LeaseTTL)
	cancel()
	switch {
	case err != nil && !failedBefore && ctx.Err() == nil:
		c.cfg.Log.Warn("trying for the lease failed; trying again", "error", err)
	case ok:
		c.lead(ctx, epoch, began)
	}
	return err != nil
}

// catchUp waits until the picture holds everything that earlier terms decided. Room that they gave away would be given away again otherwise. It is
// false when the term ends before.
func (c *Controller) catchUp(ctx context.Context, epoch core.Epoch) bool {
	for c.cfg.Cluster.Position() < epoch.Start {
		select {
		case <-ctx.Done():
			return false
		case <-c.moved:
		}
	}
	return true
}

// patienceTTLs is how far behind a leader's feed may fall, in lengths of the lease.
const patienceTTLs = 5

// lag watches that a picture keeps up with the WAL.
type lag struct {
	target uint64 // to be reached
	since  time.Time
}

// tooLong says whether the picture has not reached a position for longer than patience that was the end of the WAL then.
func (l *lag) tooLong(picture, end uint64, now time.Time, patience time.Duration) bool {
	if picture >= l.target {
		l.target, l.since = end, now
	}
	return now.Sub(l.since) > patience
}

// lead runs the loops for one term of leadership.
func (c *Controller) lead(parent context.Context, epoch core.Epoch, began time.Time) {
	ctx, resign := context.WithCancel(parent)
	defer resign()
	c.leads.Store(&epoch)
	c.cfg.Log.Info("leading", "epoch", epoch.Number)
	var loops sync.WaitGroup
	loops.Go(func() {
		defer resign()
		if !c.catchUp(ctx, epoch) {
			return
		}
		loops.Go(func() { c.evict(ctx, epoch) })
		loops.Go(func() { defer resign(); c.rollOut(ctx, epoch) })
		c.schedule(ctx, epoch)
	})
	loops.Go(func() { defer resign(); c.watchNodes(ctx, epoch) })
	loops.Go(func() { c.tidy(ctx) })
	c.keep(ctx, epoch, began)
	c.leads.Store(nil)
	resign()
	loops.Wait()
	c.cfg.Log.Info("not leading any more", "epoch", epoch.Number)
	release, cancel := context.WithTimeout(context.WithoutCancel(parent), 2*time.Second)
	defer cancel()
	if err := c.cfg.Store.ReleaseLease(release, epoch); err != nil {
		c.cfg.Log.Warn("releasing the lease failed; it will run out", "error", err)
	}
}

// keep renews the lease until it is lost or the context ends. By our own clock the lease lasts from before the last good renewal was
// asked for, so we stop before another server can start. It lets go when the feed has fallen behind for too long: a leader that does not
// see the cluster only keeps others, whose feed may be well, from leading.
func (c *Controller) keep(ctx context.Context, epoch core.Epoch, renewed time.Time) {
	ticker := time.NewTicker(c.cfg.LeaseTTL / 3)
	defer ticker.Stop()
	feed := lag{target: epoch.Start, since: renewed}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		attempt, cancel := context.WithDeadline(ctx, renewed.Add(c.cfg.LeaseTTL))
		position, ours, err := c.cfg.Store.RenewLease(attempt, epoch, c.cfg.LeaseTTL)
		cancel()
		switch {
		case err == nil && !ours:
			c.cfg.Log.Warn("the lease was taken over", "epoch", epoch.Number)
			return
		case err == nil:
			renewed = asked
			if feed.tooLong(c.cfg.Cluster.Position(), position, asked, patienceTTLs*c.cfg.LeaseTTL) {
				c.behind.Store(feed.target)
				c.cfg.Log.Warn("the feed does not keep up; letting the lease go", "epoch", epoch.Number)
				return
			}
		case time.Since(renewed) >= c.cfg.LeaseTTL:
			c.cfg.Log.Warn("the lease ran out: the database does not answer", "epoch", epoch.Number, "error", err)
			return
		}
	}
}
