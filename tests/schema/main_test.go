// Package schema_test proves what supabase/migrations promise: the pgTAP suite of supabase/tests, Supabase's own advisors and linter, and
// what only several connections at once can show.
//
// Besides PostgreSQL it needs Debian's postgresql-15-pgtap and postgresql-15-plpgsql-check, and the npm packages of tests/js.
package schema_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// superuser is who may install extensions that are not trusted.
const superuser = "supabase_admin"

// withExtension is a database with Stark's schema and an extension of a Debian package.
func withExtension(t testing.TB, extension, debian string) testdb.DB {
	t.Helper()
	db := testdb.New(t)
	_, err := connect(t, db.URLFor(superuser)).Exec(context.Background(), "create extension "+extension+" with schema extensions")
	require.NoErrorf(t, err, "install it: apt-get install %s", debian)
	return db
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

const packID = "b0000000-0000-4000-8000-000000000001"

// withPack puts a public pack into the database, for pods to run.
func withPack(t testing.TB, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) {
	t.Helper()
	var id string
	require.NoError(t, conn.QueryRow(context.Background(), `insert into public.packs
		(id, name, version, runtime_tag, visibility, bundle_path, bundle_sha256, bundle_size)
		values ($1, 'hello', '1.0.0', 'node', 'public', 'x/hello.mjs', repeat('a', 64), 1) returning id`, packID).Scan(&id))
}
