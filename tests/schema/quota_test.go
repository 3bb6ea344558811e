package schema_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
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
		select u.namespace || ': ' || u.pods || ' ' || u.cpu_millis || ' ' || u.memory_bytes
			|| ' counted ' || c.pods || ' ' || c.cpu || ' ' || c.memory
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

// Whatever happens at once — batches of any size into several namespaces, pods that stop, fail, wait again or are deleted, quotas that are
// set, changed and taken away, at every isolation level — no quota is exceeded and the usage is what a count says.
func TestQuotaHoldsInAnyInterleaving(t *testing.T) {
	t.Parallel()
	const connections, rounds = 12, 60
	db, pool := quotaPool(t, connections)
	_, err := connect(t, db.URLFor(superuser)).Exec(t.Context(), fmt.Sprintf("alter database %q set deadlock_timeout = '20ms'", db.Name))
	require.NoError(t, err)
	pool.Reset() // connections made from now on have it
	_, err = pool.Exec(t.Context(), "insert into public.nodes (name, runtime_type, access) values ('n', 'node', 'shared')")
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
		return strings.HasPrefix(pg.ConstraintName, "namespaces_quota_")
	}
	return false
}

func somethingHappens(ctx context.Context, pool *pgxpool.Pool, dice *rand.Rand, namespaces []string) error {
	ns := namespaces[dice.IntN(len(namespaces))]
	level := []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable}[dice.IntN(4)]
	const few = `with few as (select id from public.pods where namespace = $1 and status = any ($2) order by random() limit $3
		for update skip locked) `
	live := []string{"pending", "scheduled", "running"}
	switch dice.IntN(9) {
	case 0, 8: // only read committed may set a quota
		quota := []string{"{}", `{"maxPods": 50}`, `{"maxPods": 200, "maxCpu": "5"}`, `{"maxMemory": "8Gi"}`}[dice.IntN(4)]
		_, err := pool.Exec(ctx, "update public.namespaces set resource_quota = $2 where name = $1", ns, quota)
		return err
	case 1, 2, 3:
		return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, insertPods, ns, 1+dice.IntN(40), []string{"0", "10m", "100m"}[dice.IntN(3)])
			if err == nil && dice.IntN(2) == 0 { // over two namespaces in one transaction
				_, err = tx.Exec(ctx, insertPods, namespaces[dice.IntN(len(namespaces))], 1+dice.IntN(10), "10m")
			}
			return linger(ctx, tx, err)
		})
	case 4:
		return inTx(ctx, pool, level, few+`update public.pods p
			set status = 'scheduled', node_id = (select n.id from public.nodes n) from few where p.id = few.id`,
			ns, []string{"pending"}, 1+dice.IntN(60))
	case 5:
		return inTx(ctx, pool, level, few+`update public.pods p
			set status = case when random() < 0.5 then 'stopped' else 'failed' end from few where p.id = few.id`,
			ns, live, 1+dice.IntN(60))
	case 6:
		return inTx(ctx, pool, level, few+`update public.pods p set status = 'pending', node_id = null from few where p.id = few.id`,
			ns, []string{"scheduled"}, 1+dice.IntN(60))
	default:
		return inTx(ctx, pool, level, few+`delete from public.pods p using few where p.id = few.id`,
			ns, append(live, "stopped", "failed"), 1+dice.IntN(40))
	}
}

func inTx(ctx context.Context, pool *pgxpool.Pool, level pgx.TxIsoLevel, sql string, args ...any) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return linger(ctx, tx, err)
	})
}

// linger keeps a transaction open for a while, so that others meet it half-done.
func linger(ctx context.Context, tx pgx.Tx, err error) error {
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "select pg_sleep(random() * 0.02)")
	return err
}

// An open transaction of one namespace makes nobody else wait: not another namespace with a quota, not one without.
func TestNamespacesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	_, pool := quotaPool(t, 4)
	makeNamespace(t, pool, "slow", `{"maxPods": 10}`)
	makeNamespace(t, pool, "other", `{"maxPods": 10}`)
	tx := begin(t, pool, pgx.ReadCommitted)
	_, err := tx.Exec(t.Context(), insertPods, "slow", 1, "10m")
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
	require.Equal(t, "55P03", code(err))
	require.NoError(t, tx.Rollback(t.Context()))
	_, err = conn.Exec(t.Context(), insertPods, "slow", 10, "10m")
	require.NoError(t, err, "what was rolled back left nothing behind")
}

// A quota that begins while pods are being added, stopped or deleted waits for that and counts what is then true. So does one that is set to what
// it was already.
func TestQuotaBeginsAmidChanges(t *testing.T) {
	t.Parallel()
	_, pool := quotaPool(t, 4)
	for name, c := range map[string]struct {
		change string
		left   int
	}{
		"adding": {insertPods + ` on conflict do nothing`, 8},
		"stopping": {`update public.pods set desired_state = 'stopped'
			where id in (select id from public.pods where namespace = $1 limit $2::int) and $3 <> ''`, 2},
		"deleting": {`delete from public.pods where id in (select id from public.pods where namespace = $1 limit $2::int) and $3 <> ''`, 2},
	} {
		for again, before := range map[string]string{"": "{}", "-again": `{"maxPods": 9}`} {
			name := name + again
			makeNamespace(t, pool, name, before)
			_, err := pool.Exec(t.Context(), insertPods, name, 5, "10m")
			require.NoError(t, err)
			tx := begin(t, pool, pgx.ReadCommitted)
			_, err = tx.Exec(t.Context(), c.change, name, 3, "10m")
			require.NoError(t, err)
			set := make(chan error, 1)
			go func() {
				_, err := pool.Exec(t.Context(), `update public.namespaces set resource_quota = '{"maxPods": 9}' where name = $1`, name)
				set <- err
			}()
			waitsForLock(t, pool)
			require.NoError(t, tx.Commit(t.Context()))
			require.NoError(t, <-set)
			requireTrueUsage(t, pool)
			_, err = pool.Exec(t.Context(), insertPods, name, 10-c.left, "10m")
			require.Equal(t, "namespaces_quota_pods", refusedBy(err))
			_, err = pool.Exec(t.Context(), insertPods, name, 9-c.left, "10m")
			require.NoError(t, err)
		}
	}
}

// begin opens a transaction that ends with the test, however that ends.
func begin(t *testing.T, pool *pgxpool.Pool, level pgx.TxIsoLevel) pgx.Tx {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: level})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // an error says that it has ended already
	return tx
}

// Under an older snapshot the new quota is invisible: what adds or ends pods fails, to be tried again, rather than slip through.
func TestOldSnapshotsDoNotSlipThrough(t *testing.T) {
	t.Parallel()
	_, pool := quotaPool(t, 4)
	makeNamespace(t, pool, "late", "{}")
	_, err := pool.Exec(t.Context(), insertPods, "late", 3, "10m")
	require.NoError(t, err)
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		for _, change := range []string{
			`insert into public.pods (namespace, pack_id) values ('late', '` + packID + `')`,
			`update public.pods set desired_state = 'stopped' where namespace = 'late'`,
			`delete from public.pods where namespace = 'late'`,
		} {
			_, err = pool.Exec(t.Context(), `update public.namespaces set resource_quota = '{}' where name = 'late'`)
			require.NoError(t, err)
			old := begin(t, pool, level)
			_, err = old.Exec(t.Context(), "select count(*) from public.priority_classes") // the snapshot
			require.NoError(t, err)
			_, err = pool.Exec(t.Context(), `update public.namespaces set resource_quota = '{"maxPods": 3}' where name = 'late'`)
			require.NoError(t, err)
			_, err = old.Exec(t.Context(), change)
			require.Equal(t, "40001", code(err), "%s: %s", level, change)
			require.NoError(t, old.Rollback(t.Context()))
		}
	}
	_, err = begin(t, pool, pgx.Serializable).Exec(t.Context(), `
		update public.namespaces set resource_quota = '{"maxPods": 1}' where name = 'late'`)
	require.Equal(t, "0A000", code(err), "setting a quota itself needs to see what is committed")
}

// code is the SQLSTATE of a Postgres error, "" of any other.
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// waitsForLock returns as soon as some connection of this database waits for a lock.
func waitsForLock(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waiting bool
		err := pool.QueryRow(context.Background(), `select exists (select from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waiting)
		return err == nil && waiting
	}, 20*time.Second, 5*time.Millisecond, "nobody waits")
}
