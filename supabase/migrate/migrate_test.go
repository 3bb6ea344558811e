package migrate_test

import (
	"context"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/migrate"
	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// project is a project's files, given as pairs of name and text.
func project(pairs ...string) fs.FS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func connect(t *testing.T, db testdb.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

func value[T any](t *testing.T, conn *pgx.Conn, sql string) (v T) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func exists(t *testing.T, conn *pgx.Conn, relation string) bool {
	t.Helper()
	return value[bool](t, conn, "select to_regclass('"+relation+"') is not null")
}

func versions(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return value[[]string](t, conn, "select coalesce(array_agg(version order by version), '{}') from supabase_migrations.schema_migrations")
}

func TestLoad(t *testing.T) {
	t.Parallel()
	all, err := migrate.Load(project("migrations/20_b_c.sql", "select 2", "migrations/10_a.sql", "select 1"))
	require.NoError(t, err)
	require.Equal(t, []migrate.Migration{{Version: "10", Name: "a", SQL: "select 1"}, {Version: "20", Name: "b_c", SQL: "select 2"}}, all)
	for _, name := range []string{"first.sql", "10.sql", "10-a.sql", "10_a.SQL", "x10_a.sql"} {
		_, err = migrate.Load(project("migrations/"+name, ""))
		require.ErrorContains(t, err, `"`+name+`" is not named <version>_<name>.sql`)
	}
	_, err = migrate.Load(project("migrations/10_a.sql", "", "migrations/10_b.sql", ""))
	require.ErrorContains(t, err, "migrations 10_a and 10_b have the same version")
	_, err = migrate.Load(project())
	require.ErrorIs(t, err, fs.ErrNotExist)
	own, err := migrate.Load(supabase.Files)
	require.NoError(t, err)
	require.NotEmpty(t, own)
}

func TestUpAppliesWhatIsMissing(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.Bare(t))
	first := project("migrations/10_a.sql", "create table a (v int); set search_path = ''; set statement_timeout = '1h'")
	left, err := migrate.Pending(t.Context(), conn, first)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.False(t, exists(t, conn, "supabase_migrations.schema_migrations"), "looking changes nothing")

	applied, err := migrate.Up(t.Context(), conn, first, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"10"}, applied)
	both := project("migrations/10_a.sql", "a change to what was applied does nothing", "migrations/20_b.sql", "create table b (v int); insert into a values (1)")
	var told []string
	applied, err = migrate.Up(t.Context(), conn, both, func(m migrate.Migration) { told = append(told, m.Name) })
	require.NoError(t, err, "the settings of one migration do not reach the next")
	require.Equal(t, []string{"20"}, applied)
	require.Equal(t, []string{"b"}, told)
	require.NotEqual(t, "1h", value[string](t, conn, "show statement_timeout"))
	require.Equal(t, "b", value[string](t, conn, "select name from supabase_migrations.schema_migrations where version = '20'"))

	applied, err = migrate.Up(t.Context(), conn, both, nil)
	require.NoError(t, err)
	require.Empty(t, applied)
	left, err = migrate.Pending(t.Context(), conn, both)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, []string{"10", "20"}, versions(t, conn))
}

func TestFailingMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.Bare(t))
	files := project("migrations/10_a.sql", "create table a (v int);", "migrations/20_b.sql", "create table b (v int);\n\ninsert into a values ('ä', 1);\nselect nonsense;",
		"migrations/30_c.sql", "create table c (v int);")
	applied, err := migrate.Up(t.Context(), conn, files, nil)
	require.ErrorContains(t, err, "migration 20_b: line 3: ")
	require.Equal(t, []string{"10"}, applied)
	require.Equal(t, []string{"10"}, versions(t, conn))
	require.False(t, exists(t, conn, "public.b"))
	require.False(t, exists(t, conn, "public.c"), "nothing after it was tried")

	_, err = migrate.Up(t.Context(), conn, project("migrations/10_a.sql", "", "migrations/20_b.sql", "do $$ begin raise exception 'no'; end $$"), nil)
	require.ErrorContains(t, err, "migration 20_b: ERROR: no")
	_, err = migrate.Up(t.Context(), conn, project("migrations/10_a.sql", "", "migrations/20_b.sql", "select 1"), nil)
	require.NoError(t, err, "the lock was given back, and a mended migration is applied")
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.Bare(t))
	_, err := migrate.Up(t.Context(), conn, project("migrations/10_a.sql", "select 1", "migrations/30_c.sql", "select 1"), nil)
	require.NoError(t, err)
	older := project("migrations/10_a.sql", "select 1", "migrations/20_b.sql", "create table b (v int)")
	_, err = migrate.Up(t.Context(), conn, older, nil)
	require.ErrorIs(t, err, migrate.ErrUnknown)
	require.ErrorContains(t, err, "30")
	require.False(t, exists(t, conn, "public.b"))
	_, err = migrate.Pending(t.Context(), conn, older)
	require.ErrorIs(t, err, migrate.ErrUnknown)
}

func TestRunnersTakeTurns(t *testing.T) {
	t.Parallel()
	db := testdb.Bare(t)
	files := project("migrations/10_a.sql", "create table a (v int)", "migrations/20_b.sql", "insert into a values (1)", "seed.sql", "insert into a values (2)")
	type result struct {
		applied []string
		seeded  bool
		err     error
	}
	const runners = 4
	results := make(chan result, runners)
	for range runners {
		conn := connect(t, db)
		go func() {
			var r result
			r.applied, r.err = migrate.Up(t.Context(), conn, files, nil)
			if r.err == nil {
				r.seeded, r.err = migrate.Seed(t.Context(), conn, files)
			}
			results <- r
		}()
	}
	var applied []string
	seeded := 0
	for range runners {
		r := <-results
		require.NoError(t, r.err)
		applied = append(applied, r.applied...)
		if r.seeded {
			seeded++
		}
	}
	require.Equal(t, []string{"10", "20"}, applied)
	require.Equal(t, 1, seeded)
	require.Equal(t, 3, value[int](t, connect(t, db), "select sum(v)::int from a"))
}

func TestSeedRunsOncePerContent(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.Bare(t))
	seed := func(sql string) (bool, error) { return migrate.Seed(t.Context(), conn, project("seed.sql", sql)) }
	for _, want := range []bool{true, false} {
		ran, err := seed("create table if not exists a (v int); insert into a values (1)")
		require.NoError(t, err)
		require.Equal(t, want, ran)
	}
	ran, err := seed("insert into a values (2)")
	require.NoError(t, err)
	require.True(t, ran, "another content")
	ran, err = seed("insert into a values (3);\ninsert into nowhere values (1)")
	require.ErrorContains(t, err, "seed: line 2: ")
	require.False(t, ran)
	require.Equal(t, 3, value[int](t, conn, "select sum(v)::int from a"))
	require.Equal(t, 1, value[int](t, conn, "select count(*)::int from supabase_migrations.seed_files"))
	_, err = migrate.Seed(t.Context(), conn, project())
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestWaitingForAnotherCanBeGivenUp(t *testing.T) {
	t.Parallel()
	db := testdb.Bare(t)
	other := connect(t, db)
	inside, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	files := project("migrations/10_a.sql", "select 1")
	go func() {
		_, err := migrate.Up(context.Background(), other, files, func(migrate.Migration) { close(inside); <-goOn })
		done <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	waiting := connect(t, db)
	watching := connect(t, db)
	go func() {
		for waits := false; !waits; { // until the other runner is seen to wait; there is nothing to be notified by
			_ = watching.QueryRow(ctx, `select exists (select from pg_locks l join pg_database d on d.oid = l.database
				where l.locktype = 'advisory' and not l.granted and d.datname = current_database())`).Scan(&waits)
		}
		cancel()
	}()
	_, err := migrate.Up(ctx, waiting, files, nil)
	require.ErrorIs(t, err, context.Canceled)
	close(goOn)
	require.NoError(t, <-done)
}
