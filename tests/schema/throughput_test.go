package schema_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

// What the rules cost, printed and not judged: 10,000 pods in batches of 500, as a developer under row-level security and as the service,
// with a quota and without; then all of them placed.
func TestThroughput(t *testing.T) { // not parallel: others would be in the figures
	for name, c := range map[string]struct {
		quota string
		as    string
	}{
		"service, no quota":   {"{}", "service_role"},
		"service, quota":      {`{"maxPods": 100000, "maxCpu": "100000", "maxMemory": "100Ti"}`, "service_role"},
		"developer, no quota": {"{}", "authenticated"},
		"developer, quota":    {`{"maxPods": 100000}`, "authenticated"},
	} {
		t.Run(name, func(t *testing.T) {
			pool := testdb.New(t).Pool(t)
			withPack(t, pool)
			makeNamespace(t, pool, "bulk", c.quota)
			developer := newUser(t, pool, "developer")
			rate := insertBatches(t, pool, c.as, developer, 20, 500)
			_, err := pool.Exec(t.Context(), "insert into public.nodes (name, runtime_type, access) values ('n', 'node', 'shared')")
			require.NoError(t, err)
			started := time.Now()
			for range 20 {
				_, err := pool.Exec(t.Context(), `update public.pods p set status = 'scheduled', node_id = (select n.id from public.nodes n)
					from (select id from public.pods where status = 'pending' limit 500) d where p.id = d.id`)
				require.NoError(t, err)
			}
			t.Logf("%s: %.0f pods/s inserted, %.0f pods/s placed", name, rate, 10_000/time.Since(started).Seconds())
			requireTrueUsage(t, pool)
		})
	}
}

// newUser makes an Auth user with a Stark role and returns its id.
func newUser(t *testing.T, pool *pgxpool.Pool, role string) (id string) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), `insert into auth.users (id, aud, role, email)
		values (gen_random_uuid(), 'authenticated', 'authenticated', gen_random_uuid() || '@example.com') returning id`).Scan(&id))
	_, err := pool.Exec(t.Context(), "update public.users set role = $2 where id = $1", id, role)
	require.NoError(t, err)
	return id
}

// insertBatches inserts pods, each batch a transaction as this role and user, and returns pods a second.
func insertBatches(t *testing.T, pool *pgxpool.Pool, role, user string, batches, size int) float64 {
	t.Helper()
	started := time.Now()
	for range batches {
		tx, err := pool.Begin(t.Context())
		require.NoError(t, err)
		require.NoError(t, become(t.Context(), tx, role, user))
		_, err = tx.Exec(t.Context(), insertPods, "bulk", size, "10m")
		require.NoError(t, err)
		require.NoError(t, tx.Commit(context.Background()))
	}
	return float64(batches*size) / time.Since(started).Seconds()
}
