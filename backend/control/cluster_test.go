package control_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/control"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/feed"
	"github.com/stark-o/stark/backend/store"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

const patience = time.Minute

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}

// server is what decides in a server process: the feed, the picture, the loops, on a store of its own.
type server struct {
	*control.Controller
	store *store.Store
	feed  *feed.Feed
	stop  func()
}

func (s *server) leads() bool { _, leads := s.Leads(); return leads }

const leaseTTL = time.Second

// options are what a test changes of a server.
type options struct {
	storeURL string                              // its store's own way to the database
	gate     func(context.Context, core.Changes) // its feed waits for it before it shows anything
	wrap     func(s *store.Store) control.Store  // stands between its loops and its store
}

func startServer(t *testing.T, name string, db testdb.DB, o options) *server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil)).With("server", name)
	if o.storeURL == "" {
		o.storeURL = db.URL
	}
	s := &server{}
	var err error
	s.store, err = store.Open(t.Context(), store.Config{URL: o.storeURL, MaxConns: 6})
	require.NoError(t, err)
	var decisions control.Store = s.store
	if o.wrap != nil {
		decisions = o.wrap(s.store)
	}
	state := cluster.New()
	s.Controller, err = control.New(control.Config{ServerID: name, Store: decisions, Cluster: state, Log: log, LeaseTTL: leaseTTL, Batch: 300})
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	s.feed, err = feed.New(feed.Config{URL: db.URL, Log: log, Sink: func(c core.Changes) {
		if o.gate != nil {
			o.gate(ctx, c)
		}
		s.Observe(state.Apply(c))
	}})
	require.NoError(t, err)
	var loops sync.WaitGroup
	loops.Go(func() { _ = s.feed.Run(ctx) })
	loops.Go(func() { _ = s.Run(ctx) })
	s.stop = sync.OnceFunc(func() { cancel(errors.New("stopped")); loops.Wait(); s.store.Close() })
	t.Cleanup(s.stop)
	return s
}

type world struct {
	db   testdb.DB
	pool *pgxpool.Pool
	ops  core.Actor
	pack uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := testdb.New(t)
	w := &world{db: db, pool: db.Pool(t)}
	w.ops = fixture.User(t, w.pool, "operator")
	w.pack = fixture.Pack(t, w.pool, w.ops, "hello")
	return w
}

func (w *world) count(t *testing.T, condition string) int64 {
	t.Helper()
	return fixture.One[int64](t, w.pool, "select count(*) from public.pods where "+condition)
}

// overCapacity are nodes that were given more than they have. It must always be empty.
const overCapacity = `select n.name from public.nodes n join public.pods p on p.node_id = n.id
	where p.status in ('scheduled', 'starting', 'running', 'stopping')
	group by n.id having sum(p.cpu_millis) > n.cpu_millis or sum(p.memory_bytes) > n.memory_bytes or count(*) > n.max_pods`

func oneLeads(servers ...*server) func() bool {
	return func() bool {
		n := 0
		for _, s := range servers {
			if s.leads() {
				n++
			}
		}
		return n == 1
	}
}

func TestOneOfTwoLeadsAndTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 1000)
	a, b := startServer(t, "a", w.db, options{}), startServer(t, "b", w.db, options{})
	eventually(t, "one leads", oneLeads(a, b))
	fixture.Pods(t, w.pool, w.pack, 5)
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 5 })

	leader, other := a, b
	if b.leads() {
		leader, other = b, a
	}
	leader.stop()
	released := time.Now()
	eventually(t, "the other leads", other.leads)
	require.Less(t, time.Since(released), leaseTTL, "it was let go, so nobody waits for it to run out")
	fixture.Pods(t, w.pool, w.pack, 5)
	eventually(t, "placed by the other", func() bool { return w.count(t, "status = 'scheduled'") == 10 })
	require.EqualValues(t, 2, fixture.One[int64](t, w.pool, "select epoch from public.leader_lease"))
}

// holdBack is a gate that nothing passes once a placement came, until it is opened.
func holdBack() (gate func(context.Context, core.Changes), open func()) {
	opened := make(chan struct{})
	return func(ctx context.Context, changes core.Changes) {
		for _, e := range changes.Events {
			if p, is := e.(core.PodUpserted); is && p.Pod.Status == core.PodScheduled {
				select {
				case <-opened:
				case <-ctx.Done():
				}
			}
		}
	}, sync.OnceFunc(func() { close(opened) })
}

// interposed does something before the first assignment, and may keep its answer back.
type interposed struct {
	*store.Store
	once     sync.Once
	before   func(ctx context.Context) error
	forgetIt bool
}

func (i *interposed) Assign(ctx context.Context, epoch core.Epoch, placements []core.Placement) (taken []uuid.UUID, err error) {
	first := false
	i.once.Do(func() { first = true; err = i.before(context.WithoutCancel(ctx)) }) // done even if the term ends meanwhile
	if err != nil {
		return nil, err
	}
	taken, err = i.Store.Assign(ctx, epoch, placements)
	if first && i.forgetIt {
		// A row that the feed has shown may become visible to this connection a moment later; all of the batch is meant to be committed.
		for err == nil && len(taken) < len(placements) && ctx.Err() == nil {
			placements = slices.DeleteFunc(slices.Clone(placements), func(p core.Placement) bool { return slices.Contains(taken, p.PodID) })
			taken, err = i.Store.Assign(ctx, epoch, placements)
		}
		return nil, core.Errorf(core.CodeUnavailable, "the answer was lost")
	}
	return taken, err
}

// morePods inserts ten pods that come before all others.
func (w *world) morePods(ctx context.Context) error {
	// They take room from nobody.
	_, err := w.pool.Exec(ctx, "insert into public.priority_classes (name, value, preemption_policy) values ('first', 1000, 'Never')")
	if err == nil {
		_, err = w.pool.Exec(ctx, "insert into public.pods (pack_id, priority_class) select $1, 'first' from generate_series(1, 10)", w.pack)
	}
	return err
}

// notFooled checks that a leader which does not know yet that the node is full waits until it does.
func (w *world) notFooled(t *testing.T, holder string, open func()) {
	t.Helper()
	eventually(t, "its term goes on for long enough to decide something", func() bool {
		return fixture.One[bool](t, w.pool, `select exists (select 1 from public.leader_lease
			where holder = $1 and epoch >= 2 and renewed_at > acquired_at)`, holder)
	})
	require.EqualValues(t, 10, w.count(t, "status = 'scheduled'"))
	open()
	eventually(t, "the others are explained", func() bool {
		return w.count(t, "status = 'pending' and unschedulable ->> 'text' like '%insufficient cpu%'") == 10
	})
	require.EqualValues(t, 10, w.count(t, "status = 'scheduled'"))
	require.Empty(t, fixture.All[string](t, w.pool, overCapacity))
}

// A new leader whose feed lags does not know yet which room the one before gave away.
func TestANewLeaderGivesNoRoomAwayTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := startServer(t, "a", w.db, options{wrap: func(s *store.Store) control.Store { return &interposed{Store: s, before: w.morePods} }})
	eventually(t, "a leads", a.leads)
	gate, open := holdBack()
	b := startServer(t, "b", w.db, options{gate: gate})
	eventually(t, "b has its first picture", func() bool { return b.feed.Status().Synced })
	fixture.Pods(t, w.pool, w.pack, 10)
	fixture.Node(t, w.pool, w.ops, "n1", 10)
	eventually(t, "placed by a", func() bool { return w.count(t, "status = 'scheduled'") == 10 })
	a.stop()
	eventually(t, "b leads", b.leads)
	w.notFooled(t, "b", open)
}

// The connection breaks after the decision was committed and before its leader heard of it. The room is taken, whatever it thinks.
func TestADecisionWithAnUnknownOutcomeKeepsItsRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate, open := holdBack()
	a := startServer(t, "a", w.db, options{gate: gate, wrap: func(s *store.Store) control.Store {
		return &interposed{Store: s, before: w.morePods, forgetIt: true}
	}})
	eventually(t, "it leads", a.leads)
	fixture.Pods(t, w.pool, w.pack, 10)
	fixture.Node(t, w.pool, w.ops, "n1", 10)
	eventually(t, "committed", func() bool { return w.count(t, "status = 'scheduled'") == 10 })
	w.notFooled(t, "a", open)
}

// A node is taken back by its owner while pods of others are on their way to it. The database refuses those, and only those.
func TestAPlacementThatTheDatabaseRefusesHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	makePrivate := func(ctx context.Context) error {
		for { // the feed may have shown the node before it is visible here
			tag, err := w.pool.Exec(ctx, "update public.nodes set access = 'private'")
			if err != nil || tag.RowsAffected() > 0 {
				return err
			}
		}
	}
	a := startServer(t, "a", w.db, options{wrap: func(s *store.Store) control.Store { return &interposed{Store: s, before: makePrivate} }})
	eventually(t, "it leads", a.leads)
	fixture.Exec(t, w.pool, `insert into public.pods (pack_id, created_by)
		select $1, case when i % 2 = 0 then $2::uuid end from generate_series(1, 10) i`, w.pack, w.ops.UserID)
	fixture.Node(t, w.pool, w.ops, "n1", 100)
	eventually(t, "the owner's are placed", func() bool { return w.count(t, "status = 'scheduled' and created_by is not null") == 5 })
	eventually(t, "the others are explained", func() bool {
		return w.count(t, "status = 'pending' and created_by is null and unschedulable ->> 'text' like '%private node%'") == 5
	})
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select epoch from public.leader_lease"), "in one term")
}

// A leader that the network cuts off is replaced. What it had sent arrives later, from an epoch that is over, and changes nothing.
func TestALeaderThatWasCutOffWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 3 {
		fixture.Node(t, w.pool, w.ops, fmt.Sprintf("n%d", i), 100)
	}
	hole := fixture.NewHole(t, w.db.URL)
	stale := startServer(t, "stale", w.db, options{storeURL: hole.URL}) // its feed goes on: it knows what there is to decide
	eventually(t, "it leads", stale.leads)
	other := startServer(t, "other", w.db, options{})
	require.False(t, other.leads())

	hole.Swallow(true)
	fixture.Pods(t, w.pool, w.pack, 200) // the stale leader decides about them, too
	eventually(t, "the other leads", other.leads)
	require.False(t, stale.leads(), "by its own clock it stopped before")
	eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == 200 })
	hole.Swallow(false)
	fixture.Pods(t, w.pool, w.pack, 50)
	eventually(t, "placed, too", func() bool { return w.count(t, "status = 'scheduled'") == 250 })
	other.stop()
	eventually(t, "it leads again", stale.leads)
	require.Zero(t, w.count(t, "incarnation <> 1"), "each was placed once")
	require.Empty(t, fixture.All[string](t, w.pool, overCapacity))
}

func TestKilledConnectionsDoNotStopTheScheduling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 1000)
	a, b := startServer(t, "a", w.db, options{}), startServer(t, "b", w.db, options{})
	eventually(t, "one leads", oneLeads(a, b))
	admin := w.db.PoolFor(t, "supabase_admin")
	placed := int64(0)
	for range 5 {
		fixture.Pods(t, w.pool, w.pack, 50)
		placed += 50
		fixture.Exec(t, admin, `select pg_terminate_backend(pid) from pg_stat_activity
			where datname = current_database() and application_name in ('stark', 'stark-feed')`)
		fixture.Pods(t, w.pool, w.pack, 50)
		placed += 50
		eventually(t, "placed", func() bool { return w.count(t, "status = 'scheduled'") == placed })
		require.Empty(t, fixture.All[string](t, w.pool, overCapacity))
	}
	eventually(t, "one leads", oneLeads(a, b))
}

// agents registers nodes and lets them go, at random, until the context ends. At the end all are there.
func (w *world) agents(ctx context.Context, s *store.Store, nodes, room int) error {
	random := rand.New(rand.NewPCG(uint64(nodes), uint64(room)))
	type agent struct{ node, session uuid.UUID }
	present := map[int]agent{}
	register := func(i int) error {
		reg := core.Registration{Name: fmt.Sprintf("agent-%d", i), Runtime: core.RuntimeNode, BootID: uuid.New(), SessionID: uuid.New(), ServerID: "s",
			CPU: fmt.Sprintf("%dm", 100*room), Memory: "1Ti", MaxPods: int32(room)}
		out, err := s.RegisterNode(context.WithoutCancel(ctx), w.ops, reg)
		present[i] = agent{out.NodeID, reg.SessionID}
		return err
	}
	for ctx.Err() == nil {
		i := random.IntN(nodes)
		if a, here := present[i]; here && random.IntN(3) == 0 {
			delete(present, i)
			if _, err := s.SetNodeGone(context.WithoutCancel(ctx), a.node, a.session, random.IntN(3) > 0); err != nil {
				return err
			}
		} else if !here {
			if err := register(i); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(random.IntN(20)) * time.Millisecond):
		}
	}
	for i := range nodes {
		if err := register(i); err != nil {
			return err
		}
	}
	return nil
}

// Two thousand pods, nodes that come and go, leaders that change: no node ever has more than it can hold, and in the end each
// pod has a home or an explanation.
func TestEveryPodIsPlacedOrExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var servers [2]*server
	var holes [2]*fixture.Hole
	for i, name := range []string{"a", "b"} {
		holes[i] = fixture.NewHole(t, w.db.URL)
		servers[i] = startServer(t, name, w.db, options{storeURL: holes[i].URL})
	}
	hands, err := store.Open(t.Context(), store.Config{URL: w.db.URL})
	require.NoError(t, err)
	t.Cleanup(hands.Close)
	const nodes, room, total = 20, 75, 2000 // room for 1,500
	ctx, settle := context.WithCancel(t.Context())
	defer settle()
	var world errgroup.Group
	world.Go(func() error { return w.agents(ctx, hands, nodes, room) })
	for i := range 10 {
		fixture.Pods(t, w.pool, w.pack, total/10)
		if i%3 == 1 { // the leader's network breaks for as long as it takes the lease to go to the other
			eventually(t, "one leads", oneLeads(servers[:]...))
			leader := 0
			if servers[1].leads() {
				leader = 1
			}
			holes[leader].Swallow(true)
			eventually(t, "the other leads", servers[1-leader].leads)
			holes[leader].Swallow(false)
		}
		require.Empty(t, fixture.All[string](t, w.pool, overCapacity))
	}
	settle()
	require.NoError(t, world.Wait())
	eventually(t, "all that fit are placed, the others explained", func() bool {
		require.Empty(t, fixture.All[string](t, w.pool, overCapacity))
		return w.count(t, "status = 'scheduled'") == nodes*room && w.count(t, "status = 'pending' and unschedulable is not null") == total-nodes*room
	})
	eventually(t, "one leads", oneLeads(servers[:]...))
	eventually(t, "and the explanation is of now", func() bool {
		return w.count(t, "status = 'pending' and unschedulable ->> 'text' = '0/20 nodes: 20 too many pods'") == total-nodes*room
	})
}
