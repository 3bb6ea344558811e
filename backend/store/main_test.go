package store

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

// suite stops the database server before goroutines are counted.
type suite struct{ *testing.M }

func (s suite) Run() int { return testdb.Main(s.M) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

// world is a store on a database of its own, and a pool of the owner to look behind it.
type world struct {
	*Store
	db   testdb.DB
	pool *pgxpool.Pool
	dev  core.Actor // a developer, who owns pack
	pack uuid.UUID
	// agent is an account of role node: what it registers is shared, and takes pods that no user created.
	agent core.Actor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := testdb.New(t)
	s, err := Open(t.Context(), Config{URL: db.URL, MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &world{Store: s, db: db, pool: db.Pool(t)}
	w.dev = fixture.User(t, w.pool, "developer")
	w.pack = fixture.Pack(t, w.pool, w.dev, "hello")
	w.agent = fixture.User(t, w.pool, "node")
	return w
}

func (w *world) lead(t *testing.T, holder string) core.Epoch {
	t.Helper()
	epoch, ok, err := w.AcquireLease(t.Context(), holder, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	return epoch
}

// deposed is an epoch that another holder has taken over from.
func (w *world) deposed(t *testing.T) core.Epoch {
	t.Helper()
	old := w.lead(t, "old")
	require.NoError(t, w.ReleaseLease(t.Context(), old))
	w.lead(t, "new")
	return old
}

type podRow struct {
	Status      core.PodStatus
	Reason      string
	NodeID      *uuid.UUID
	Incarnation int64
	Restarts    int32
	Message     string
}

func (w *world) row(t *testing.T, pod uuid.UUID) (r podRow) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(context.Background(), "select status, reason, node_id, incarnation, restarts, message from public.pods where id = $1", pod).
		Scan(&r.Status, &r.Reason, &r.NodeID, &r.Incarnation, &r.Restarts, &r.Message))
	return r
}

func (w *world) nodeStatus(t *testing.T, node uuid.UUID) string {
	t.Helper()
	return fixture.One[string](t, w.pool, "select status || ':' || status_reason from public.nodes where id = $1", node)
}

// place assigns pods to a node as a leader would.
func (w *world) place(t *testing.T, node uuid.UUID, pods ...uuid.UUID) {
	t.Helper()
	fixture.Exec(t, w.pool, "update public.pods set status = 'scheduled', node_id = $1 where id = any ($2)", node, pods)
}

// hold runs sql in a transaction that stays open until the function that it returns is called.
func (w *world) hold(t *testing.T, sql string, args ...any) (commit func()) {
	t.Helper()
	tx, err := w.pool.Begin(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	fixture.Exec(t, tx, sql, args...)
	return func() { require.NoError(t, tx.Commit(context.Background())) }
}

// blocked waits until some connection waits for a lock.
func (w *world) blocked(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		return fixture.One[bool](t, w.pool, `select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')`)
	}, 10*time.Second, time.Millisecond, "something waits for a lock")
}

// during runs fn while a transaction of the owner is open.
func during(t *testing.T, w *world, fn func(tx pgx.Tx)) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) error { fn(tx); return nil }))
}

func requireCode(t *testing.T, code core.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, core.CodeOf(err), "%v", err)
}

// fieldIn is the input field that an error blames.
func fieldIn(t *testing.T, err error) string {
	t.Helper()
	var public *core.Error
	require.ErrorAs(t, err, &public)
	return public.Field
}
