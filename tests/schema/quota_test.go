package schema_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

const insertPods = `insert into public.pods (namespace, pack_id, cpu) select $1, '` + packID + `', $3 from generate_series(1, $2::int)`

// refusedBy is the constraint that refused a statement, or "" when it was not refused by one.
func refusedBy(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23514" {
		return pg.ConstraintName
	}
	return ""
}

func quotaPool(t *testing.T, connections int32) (testdb.DB, *pgxpool.Pool) {
	t.Helper()
	db := testdb.New(t)
	config, err := pgxpool.ParseConfig(db.URL)
	require.NoError(t, err)
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	withPack(t, pool)
	return db, pool
}

func makeNamespace(t *testing.T, pool *pgxpool.Pool, name, quota string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), "insert into public.namespaces (name, resource_quota) values ($1, $2)", name, quota)
	require.NoError(t, err)
}

// requireTrueUsage holds the row of usage against a count, and both against the quota.
func requireTrueUsage(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	rows, err := pool.Query(context.Background(), `
		select u.namespace || ': ' || u.pods || ' ' || u.cpu_millis || ' ' || u.memory_bytes || ' counted ' || c.pods || ' ' || c.cpu || ' ' || c.memory
		from public.namespace_usage u, lateral (
			select count(*) as pods, coalesce(sum(p.cpu_millis), 0) as cpu, coalesce(sum(p.memory_bytes), 0) as memory
			from public.pods p where p.namespace = u.namespace and p.status not in ('stopped', 'failed')) c
		where (u.pods, u.cpu_millis, u.memory_bytes) is distinct from (c.pods, c.cpu, c.memory)
		   or u.pods > u.max_pods or u.cpu_millis > u.max_cpu_millis or u.memory_bytes > u.max_memory_bytes`)
	require.NoError(t, err)
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, wrong)
}

// 32 connections race 5,000 inserts into a namespace for 1,000: it ends with exactly 1,000, and says why it refused the rest.
func TestQuotaUnderFire(t *testing.T) {
	t.Parallel()
	const connections, inserts, limit = 32, 5000, 1000
	_, pool := quotaPool(t, connections)
	makeNamespace(t, pool, "busy", fmt.Sprintf(`{"maxPods": %d}`, limit))
	var next, taken, refused atomic.Int64
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			for next.Add(1) <= inserts {
				_, err := pool.Exec(t.Context(), insertPods, "busy", 1, "10m")
				switch {
				case err == nil:
					taken.Add(1)
				case refusedBy(err) == "namespaces_quota_pods":
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	require.EqualValues(t, limit, taken.Load())
	require.EqualValues(t, inserts-limit, refused.Load())
	var live int
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from public.pods where namespace = 'busy'").Scan(&live))
	require.Equal(t, limit, live)
	requireTrueUsage(t, pool)
}

// Whatever happens at once — batches of any size into several namespaces, pods that stop, fail, wait again or are deleted, quotas that are set, changed and
// taken away, at every isolation level — no quota is exceeded and the usage is what a count says.
func TestQuotaHoldsInAnyInterleaving(t *testing.T) {
	t.Parallel()
	const connections, rounds = 12, 60
	_, pool := quotaPool(t, connections)
	_, err := pool.Exec(t.Context(), "insert into public.nodes (name, runtime_type, access) values ('n', 'node', 'shared')")
	require.NoError(t, err)
	namespaces := []string{"one", "two", "three"}
	for _, ns := range namespaces {
		makeNamespace(t, pool, ns, "{}")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var workers sync.WaitGroup
	for worker := range connections {
		dice := rand.New(rand.NewPCG(seed, uint64(worker)))
		workers.Go(func() {
			for range rounds {
				if err := somethingHappens(t.Context(), pool, dice, namespaces); err != nil && !expected(err) {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	// Limits that were lowered below what was used are no breach, so they are lifted before the comparison.
	_, err = pool.Exec(t.Context(), `update public.namespace_usage set max_pods = null, max_cpu_millis = null, max_memory_bytes = null`)
	require.NoError(t, err)
	requireTrueUsage(t, pool)
}

// expected is what a client has to live with: the quota's refusal, and conflicts that are to be tried again.
func expected(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "40001", "40P01": // serialization failure, deadlock
		return true
	case "23514":
		return pg.ConstraintName == "namespaces_quota_pods" || pg.ConstraintName == "namespaces_quota_cpu" || pg.ConstraintName == "namespaces_quota_memory"
	}
	return false
}

func somethingHappens(ctx context.Context, pool *pgxpool.Pool, dice *rand.Rand, namespaces []string) error {
	ns := namespaces[dice.IntN(len(namespaces))]
	level := []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable}[dice.IntN(4)]
	const few = `with few as (select id from public.pods where namespace = $1 and status = any ($2) order by random() limit $3 for update skip locked) `
	live := []string{"pending", "scheduled", "running"}
	switch dice.IntN(8) {
	case 0: // only read committed may set a quota
		quota := []string{"{}", `{"maxPods": 50}`, `{"maxPods": 200, "maxCpu": "5"}`, `{"maxMemory": "8Gi"}`}[dice.IntN(4)]
		_, err := pool.Exec(ctx, "update public.namespaces set resource_quota = $2 where name = $1", ns, quota)
		return err
	case 1, 2, 3:
		return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, insertPods, ns, 1+dice.IntN(40), []string{"0", "10m", "100m"}[dice.IntN(3)])
			if err == nil && dice.IntN(2) == 0 { // over two namespaces in one transaction
				_, err = tx.Exec(ctx, insertPods, namespaces[dice.IntN(len(namespaces))], 1+dice.IntN(10), "10m")
			}
			return err
		})
	case 4:
		return inTx(ctx, pool, level, few+`update public.pods p set status = 'scheduled', node_id = (select n.id from public.nodes n) from few where p.id = few.id`,
			ns, []string{"pending"}, 1+dice.IntN(60))
	case 5:
		return inTx(ctx, pool, level, few+`update public.pods p set status = case when random() < 0.5 then 'stopped' else 'failed' end from few where p.id = few.id`,
			ns, live, 1+dice.IntN(60))
	case 6:
		return inTx(ctx, pool, level, few+`update public.pods p set status = 'pending', node_id = null from few where p.id = few.id`,
			ns, []string{"scheduled"}, 1+dice.IntN(60))
	default:
		return inTx(ctx, pool, level, few+`delete from public.pods p using few where p.id = few.id`, ns, append(live, "stopped", "failed"), 1+dice.IntN(40))
	}
}

func inTx(ctx context.Context, pool *pgxpool.Pool, level pgx.TxIsoLevel, sql string, args ...any) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

// An open transaction of one namespace makes nobody else wait: not another namespace with a quota, not one without.
func TestNamespacesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	_, pool := quotaPool(t, 4)
	makeNamespace(t, pool, "slow", `{"maxPods": 10}`)
	makeNamespace(t, pool, "other", `{"maxPods": 10}`)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), insertPods, "slow", 1, "10m")
	require.NoError(t, err)

	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "set lock_timeout = '100ms'")
	require.NoError(t, err)
	for _, ns := range []string{"other", "default"} {
		_, err = conn.Exec(t.Context(), insertPods, ns, 3, "10m")
		require.NoError(t, err, ns)
		_, err = conn.Exec(t.Context(), "update public.pods set desired_state = 'stopped' where namespace = $1", ns)
		require.NoError(t, err, ns)
		_, err = conn.Exec(t.Context(), "delete from public.pods where namespace = $1", ns)
		require.NoError(t, err, ns)
	}
	// The namespace itself does wait: nobody knows yet what is left.
	_, err = conn.Exec(t.Context(), insertPods, "slow", 1, "10m")
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "55P03", pg.Code)
	require.NoError(t, tx.Rollback(t.Context()))
	_, err = conn.Exec(t.Context(), insertPods, "slow", 10, "10m")
	require.NoError(t, err, "what was rolled back left nothing behind")
}

// A quota that begins while pods are being added and ended counts them all.
func TestQuotaBeginsAmidInserts(t *testing.T) {
	t.Parallel()
	_, pool := quotaPool(t, 4)
	makeNamespace(t, pool, "late", "{}")
	_, err := pool.Exec(t.Context(), insertPods, "late", 5, "10m")
	require.NoError(t, err)
	adding, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = adding.Exec(t.Context(), insertPods, "late", 3, "10m")
	require.NoError(t, err)
	ending, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = ending.Exec(t.Context(), "update public.pods set desired_state = 'stopped' where id in (select id from public.pods where namespace = 'late' limit 2)")
	require.NoError(t, err)

	set := make(chan error, 1)
	go func() {
		_, err := pool.Exec(t.Context(), `update public.namespaces set resource_quota = '{"maxPods": 7}' where name = 'late'`)
		set <- err
	}()
	waitsForLock(t, pool)
	require.NoError(t, adding.Commit(t.Context()))
	select {
	case err := <-set:
		t.Fatalf("the quota did not wait for the pods that end: %v", err)
	default:
	}
	require.NoError(t, ending.Commit(t.Context()))
	require.NoError(t, <-set)
	requireTrueUsage(t, pool)
	_, err = pool.Exec(t.Context(), insertPods, "late", 2, "10m")
	require.Equal(t, "namespaces_quota_pods", refusedBy(err))
	_, err = pool.Exec(t.Context(), insertPods, "late", 1, "10m")
	require.NoError(t, err)
}

// Under an older snapshot the new quota is invisible; the insert fails to be tried again rather than slip through.
func TestOldSnapshotsDoNotSlipThrough(t *testing.T) {
	t.Parallel()
	_, pool := quotaPool(t, 2)
	makeNamespace(t, pool, "late", "{}")
	old, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	_, err = old.Exec(t.Context(), "select 1 from public.pods") // the snapshot
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `update public.namespaces set resource_quota = '{"maxPods": 0}' where name = 'late'`)
	require.NoError(t, err)
	_, err = old.Exec(t.Context(), insertPods, "late", 1, "10m")
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "40001", pg.Code)
	require.NoError(t, old.Rollback(t.Context()))

	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.Serializable})
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `update public.namespaces set resource_quota = '{"maxPods": 1}' where name = 'late'`)
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "0A000", pg.Code)
	require.NoError(t, tx.Rollback(t.Context()))
}

// waitsForLock returns as soon as some connection of this database waits for a lock.
func waitsForLock(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waiting bool
		err := pool.QueryRow(context.Background(), "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waiting)
		return err == nil && waiting
	}, 20*time.Second, 5*time.Millisecond, "nobody waits")
}
