package feed

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

const patience = 20 * time.Second

// eventually waits for a condition that is about to hold.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}

// world is a feed on a database of its own, and the picture that it draws.
type world struct {
	db    testdb.DB
	pool  *pgxpool.Pool
	feed  *Feed
	state *cluster.State
	stop  func() error
	log   *lockedBuffer

	mu        sync.Mutex
	snapshots int
	seen      map[uuid.UUID][]int64 // revisions of each pod, in the order in which they came
	config    core.ConfigUpserted   // the last one
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) contains(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.String(), text)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := testdb.New(t)
	return &world{db: db, pool: db.Pool(t), state: cluster.New(), seen: map[uuid.UUID][]int64{}, log: &lockedBuffer{}}
}

func (w *world) sink(changes core.Changes) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if changes.Snapshot {
		w.snapshots++
		clear(w.seen)
	}
	for _, e := range changes.Events {
		switch e := e.(type) {
		case core.PodUpserted:
			w.seen[e.Pod.ID] = append(w.seen[e.Pod.ID], e.Pod.Revision)
		case core.ConfigUpserted:
			w.config = e
		}
	}
	w.state.Apply(changes)
}

func (w *world) listings() int { w.mu.Lock(); defer w.mu.Unlock(); return w.snapshots }

// start runs the feed until the test ends or stop is called.
func (w *world) start(t *testing.T, change func(*Config)) {
	t.Helper()
	cfg := Config{URL: w.db.URL, Sink: w.sink, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	if change != nil {
		change(&cfg)
	}
	var err error
	w.feed, err = New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.feed.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(errStopped); return <-done })
	w.stop = stop
	t.Cleanup(func() { _ = stop() })
}

var errStopped = errors.New("the test is over")

func (w *world) synced(t *testing.T) {
	t.Helper()
	eventually(t, "synced", func() bool { return w.feed.Status().Synced })
}

// caughtUp waits until everything that is committed now has arrived.
func (w *world) caughtUp(t *testing.T) {
	t.Helper()
	at := uint64(fixture.One[int64](t, w.pool, "select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"))
	eventually(t, "caught up", func() bool { return w.state.Position() >= at })
}

// list is the truth: a fresh listing, applied to an empty picture.
func (w *world) list(t *testing.T) *cluster.State {
	t.Helper()
	fresh := &world{db: w.db, pool: w.pool, state: cluster.New(), seen: map[uuid.UUID][]int64{}, log: &lockedBuffer{}}
	fresh.start(t, nil)
	fresh.synced(t)
	require.ErrorIs(t, fresh.stop(), errStopped)
	return fresh.state
}

func slots(t *testing.T, w *world) int64 {
	t.Helper()
	return fixture.One[int64](t, w.pool, "select count(*) from pg_replication_slots where database = current_database()")
}

func TestListsThenWatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	before := fixture.Pods(t, w.pool, pack, 3)
	w.start(t, nil)
	w.synced(t)
	nodes, pods, pending := w.state.Counts()
	require.Equal(t, []int{0, 3, 3}, []int{nodes, pods, pending})
	require.EqualValues(t, 10_000, w.state.ConfigInt("heartbeat.intervalMs", 0))
	require.NotNil(t, w.state.Pack(pack))

	fixture.Exec(t, w.pool, "delete from public.pods where id = $1", before[0])
	fixture.Exec(t, w.pool, "update public.pods set labels = '{\"a\": \"b\"}' where id = $1", before[1])
	node := fixture.Node(t, w.pool, dev, "n1", 5)
	fixture.Exec(t, w.pool, "update public.cluster_config set value = '77' where key = 'heartbeat.intervalMs'")
	w.caughtUp(t)
	require.Nil(t, w.state.Pod(before[0]))
	require.Equal(t, map[string]string{"a": "b"}, w.state.Pod(before[1]).Labels)
	require.Equal(t, int64(500), w.state.Node(node).CPUMillis)
	require.EqualValues(t, 77, w.state.ConfigInt("heartbeat.intervalMs", 0))
	require.Equal(t, 1, w.listings())
	status := w.feed.Status()
	require.NoError(t, status.Err)
	require.GreaterOrEqual(t, status.Position, uint64(1))
	require.WithinDuration(t, time.Now(), status.HeardAt, patience)
}

// Every change arrives exactly once, in order, however many write while the feed lists; what it ends with is what a fresh listing shows.
func TestSeesEveryChangeOfConcurrentWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	var writers errgroup.Group
	started := make(chan struct{}, 4)
	for i := range 4 {
		writers.Go(func() error { return scribble(t.Context(), w.pool, pack, rand.New(rand.NewPCG(uint64(i), 1)), started) })
	}
	<-started // so that the listing falls among the writes
	w.start(t, nil)
	require.NoError(t, writers.Wait())
	w.synced(t)
	w.caughtUp(t)

	truth := w.list(t)
	require.Equal(t, 1, w.listings())
	_, pods, pending := w.state.Counts()
	_, wantPods, wantPending := truth.Counts()
	require.Equal(t, []int{wantPods, wantPending}, []int{pods, pending})
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, revisions := range w.seen {
		require.Equal(t, truth.Pod(id), w.state.Pod(id))
		for i, revision := range revisions[1:] {
			require.Equal(t, revisions[i]+1, revision, "pod %s: each revision once, none left out", id)
		}
	}
}

// scribble inserts, changes, stops and deletes pods at random.
func scribble(ctx context.Context, pool *pgxpool.Pool, pack uuid.UUID, random *rand.Rand, started chan<- struct{}) error {
	var mine []uuid.UUID
	for round := range 60 {
		rows, err := pool.Query(ctx, "insert into public.pods (pack_id) select $1 from generate_series(1, $2::integer) returning id", pack, 1+random.IntN(3))
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		mine = append(mine, ids...)
		change := []string{
			"delete from public.pods where id = $1",
			"update public.pods set desired_state = 'stopped' where id = $1",
			"update public.pods set labels = jsonb_build_object('at', clock_timestamp()::text) where id = $1",
			"update public.pods set annotations = jsonb_build_object('at', clock_timestamp()::text) where id = $1",
		}[random.IntN(4)]
		if _, err := pool.Exec(ctx, change, mine[random.IntN(len(mine))]); err != nil {
			return err
		}
		if round == 5 {
			started <- struct{}{}
		}
	}
	return nil
}

func TestListsAgainAfterItsConnectionWasKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	w.start(t, nil)
	w.synced(t)
	require.EqualValues(t, 1, slots(t, w))
	killed := fixture.All[bool](t, w.db.PoolFor(t, "supabase_admin"),
		"select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()")
	require.Equal(t, []bool{true}, killed)
	pods := fixture.Pods(t, w.pool, pack, 2) // perhaps while nobody watches
	eventually(t, "listed again", func() bool { return w.listings() == 2 })
	w.caughtUp(t)
	require.NotNil(t, w.state.Pod(pods[0]))
	require.True(t, w.log.contains("feed lost; listing again"))
	eventually(t, "one slot", func() bool { return slots(t, w) == 1 })
}

func TestLeavesNoSlotBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t, nil)
	w.synced(t)
	require.EqualValues(t, 1, slots(t, w))
	require.True(t, fixture.One[bool](t, w.pool, "select temporary from pg_replication_slots where database = current_database()"))
	require.ErrorIs(t, w.stop(), errStopped)
	eventually(t, "no slot", func() bool { return slots(t, w) == 0 })
}

func TestTruncateListsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pod := fixture.Pods(t, w.pool, fixture.Pack(t, w.pool, dev, "hello"), 1)[0]
	w.start(t, nil)
	w.synced(t)
	require.NotNil(t, w.state.Pod(pod))
	fixture.Exec(t, w.pool, "alter table public.pods disable trigger pods_no_truncate") // what only the owner can
	fixture.Exec(t, w.pool, "truncate public.pods cascade")
	eventually(t, "listed again", func() bool { return w.listings() == 2 })
	require.Nil(t, w.state.Pod(pod))
}

func TestKeyChangeListsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t, nil)
	w.synced(t)
	setting(t, w, "other.name", "integer")
	fixture.Exec(t, w.pool, "update public.cluster_config set key = 'other.name' where key = 'heartbeat.intervalMs'")
	eventually(t, "listed again", func() bool { return w.listings() == 2 })
	require.EqualValues(t, -1, w.state.ConfigInt("heartbeat.intervalMs", -1))
	require.EqualValues(t, 10_000, w.state.ConfigInt("other.name", -1))
}

// setting makes a key known that cluster_config may hold.
func setting(t *testing.T, w *world, key, kind string) {
	t.Helper()
	fixture.Exec(t, w.pool, "insert into stark.config_keys (key, type, default_value, description) values ($1, $2, 'null', '')", key, kind)
}
