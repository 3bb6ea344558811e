package feed

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
)

// Large values are stored apart, and an update that does not touch them does not carry them.
func TestKeepsLargeValuesThatDidNotChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	w.start(t, nil)
	w.synced(t)
	// Random text, so that it is not compressed below the limit.
	const noise = "(select string_agg(md5(i::text || random()::text), '') from generate_series(1, 400) i)"
	pod := fixture.One[uuid.UUID](t, w.pool, `insert into public.pods (pack_id, env, labels)
		select $1, jsonb_build_object('LARGE', `+noise+`), '{"small": "yes"}' returning id`, pack)
	node := fixture.Node(t, w.pool, dev, "n1", 5)
	fixture.Exec(t, w.pool, "update public.nodes set labels = jsonb_build_object('large', "+noise+") where id = $1", node)
	setting(t, w, "large", "text")
	fixture.Exec(t, w.pool, "insert into public.cluster_config (key, value) select 'large', to_jsonb("+noise+")")
	fixture.Exec(t, w.pool, "insert into public.namespaces (name, labels) select 'large', jsonb_build_object('large', "+noise+")")

	fixture.Exec(t, w.pool, "update public.pods set status = 'scheduled', node_id = $2 where id = $1", pod, node)
	fixture.Exec(t, w.pool, "update public.nodes set unschedulable = true where id = $1", node)
	fixture.Exec(t, w.pool, "update public.cluster_config set description = 'x' where key = 'large'")
	fixture.Exec(t, w.pool, "update public.namespaces set resource_quota = '{\"maxPods\": 3}' where name = 'large'")
	w.caughtUp(t)
	got := w.state.Pod(pod)
	require.Equal(t, core.PodScheduled, got.Status)
	require.Len(t, got.Env["LARGE"], 400*32)
	require.Equal(t, map[string]string{"small": "yes"}, got.Labels)
	require.True(t, w.state.Node(node).Unschedulable)
	require.Len(t, w.state.Node(node).Labels["large"], 400*32)
	require.Equal(t, w.list(t).Pod(pod), got)
	require.Equal(t, 1, w.listings())
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Equal(t, core.ConfigUpserted{Key: "large", Unchanged: true}, w.config)
}

// A row that no agent and no scheduler can make sense of must not stop the feed for everybody.
func TestSurvivesRowsThatDoNotFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	// The trigger would refuse it and fills in what is left out here otherwise.
	fixture.Exec(t, w.pool, "alter table public.pods disable trigger pods_guard_insert")
	const odd = `insert into public.pods (name, pack_id, cpu, memory, cpu_millis, memory_bytes, tolerations, created_at)
		values (left(gen_random_uuid()::text, 8), $1, '0', '0', 0, 0, '[1, "x", {"tolerationSeconds": "soon"}]', 'infinity') returning id`
	listed := fixture.One[uuid.UUID](t, w.pool, odd, pack)
	w.start(t, nil)
	w.synced(t)
	watched := fixture.One[uuid.UUID](t, w.pool, odd, pack)
	w.caughtUp(t)
	require.Empty(t, w.state.Pod(listed).Tolerations)
	require.Empty(t, w.state.Pod(watched).Tolerations)
	require.Equal(t, 1, w.listings())
}

func TestIgnoresTablesThatSomebodyElsePublishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, "create table public.diary (id integer primary key, secret text)")
	fixture.Exec(t, w.pool, "alter publication stark add table public.diary")
	w.start(t, nil)
	w.synced(t)
	fixture.Exec(t, w.pool, "insert into public.diary values (1, 'x'), (2, 'y')")
	fixture.Exec(t, w.pool, "update public.diary set id = 3 where id = 1")
	fixture.Exec(t, w.pool, "truncate public.diary")
	fixture.Exec(t, w.pool, "insert into public.namespaces (name) values ('after')")
	w.caughtUp(t)
	require.Equal(t, 1, w.listings())
}

// The position also moves when nothing of ours is written, so that one can wait for it.
func TestPositionMovesWithoutEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, "create table public.other (id integer)")
	w.start(t, nil)
	w.synced(t)
	for range 3 {
		fixture.Exec(t, w.pool, "insert into public.other values (1)")
		w.caughtUp(t)
	}
	require.GreaterOrEqual(t, w.feed.Status().Position, w.state.Position())
}

func TestBothWaysToInsertAPodArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	w.start(t, nil)
	w.synced(t)
	insert := func(role, claims string) (id uuid.UUID) {
		require.NoError(t, pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", role, claims); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), "insert into public.pods (pack_id) values ($1) returning id", pack).Scan(&id)
		}))
		return id
	}
	service := insert("service_role", `{"role": "service_role"}`)
	developer := insert("authenticated", dev.Claims)
	w.caughtUp(t)
	require.Equal(t, uuid.Nil, w.state.Pod(service).CreatedBy)
	require.Equal(t, dev.UserID, w.state.Pod(developer).CreatedBy)
	require.Equal(t, core.PodPending, w.state.Pod(developer).Status)
}

func TestWaitsForOlderTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dev := fixture.User(t, w.pool, "developer")
	pack := fixture.Pack(t, w.pool, dev, "hello")
	older, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	pod := fixture.Pods(t, older, pack, 1)[0]
	w.start(t, nil)
	eventually(t, "waits for its slot", func() bool {
		return fixture.One[bool](t, w.pool, `select exists (select 1 from pg_stat_activity
			where datname = current_database() and backend_type = 'walsender' and wait_event_type = 'Lock')`)
	})
	require.False(t, w.feed.Status().Synced)
	require.NoError(t, older.Commit(t.Context()))
	w.synced(t)
	require.NotNil(t, w.state.Pod(pod))
}

func TestBackoffGrowsAndStartsAnew(t *testing.T) {
	t.Parallel()
	b := backoff{min: 100 * time.Millisecond, max: time.Second}
	var most time.Duration
	for range 100 {
		wait := b.next()
		require.GreaterOrEqual(t, wait, 50*time.Millisecond)
		require.Less(t, wait, 1050*time.Millisecond)
		most = max(most, wait)
	}
	require.Greater(t, most, 200*time.Millisecond)
	b.reset()
	require.LessOrEqual(t, b.next(), 150*time.Millisecond)
}

// Of what is only appended to, insertions come and nothing else: neither a listing of what was there nor what retention deletes.
func TestEventsArriveAsTheyAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, "insert into public.namespaces (name) values ('before')")
	var recorded []core.EventRecorded
	histories := map[string]bool{}
	transactions := map[uint32]bool{}
	w.start(t, func(c *Config) {
		next := c.Sink
		c.Sink = func(changes core.Changes) {
			w.mu.Lock()
			if changes.Snapshot {
				histories[changes.History] = true
			}
			for _, e := range changes.Events {
				if e, ok := e.(core.EventRecorded); ok {
					recorded = append(recorded, e)
					transactions[changes.Transaction] = true
				}
			}
			w.mu.Unlock()
			next(changes)
		}
	})
	w.synced(t)
	xid := fixture.One[int64](t, w.pool, "insert into public.namespaces (name) values ('after') returning pg_current_xact_id()::text::bigint")
	fixture.Exec(t, w.pool, "delete from public.events")
	w.caughtUp(t)
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(t, recorded, 1)
	require.NotZero(t, recorded[0].ID)
	require.Equal(t, map[uint32]bool{uint32(xid): true}, transactions)
	system := fixture.One[string](t, w.pool, "select system_identifier || '.1' from pg_control_system()")
	require.Equal(t, map[string]bool{system: true}, histories)
	require.Equal(t, 1, w.snapshots)
}

func TestADeletionThatSomebodyPublishesIsNoNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t, nil)
	w.synced(t)
	fixture.Exec(t, w.pool, "alter publication stark_appended set (publish = 'insert, delete')")
	fixture.Exec(t, w.pool, "insert into public.namespaces (name) values ('after')")
	fixture.Exec(t, w.pool, "delete from public.events")
	w.caughtUp(t)
	require.Equal(t, 1, w.listings())
}
