package testdb_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

func TestDatabasesAreSeparate(t *testing.T) {
	t.Parallel()
	one, two := testdb.New(t).Pool(t), testdb.New(t).Pool(t)
	_, err := one.Exec(t.Context(), "insert into public.namespaces (name) values ('only-here')")
	require.NoError(t, err)
	var here, there int
	const count = "select count(*) from public.namespaces where name = 'only-here'"
	require.NoError(t, one.QueryRow(t.Context(), count).Scan(&here))
	require.NoError(t, two.QueryRow(t.Context(), count).Scan(&there))
	require.Equal(t, []int{1, 0}, []int{here, there})
}

func TestBareHasNothingOfStark(t *testing.T) {
	t.Parallel()
	var tables int
	require.NoError(t, testdb.Bare(t).Pool(t).QueryRow(t.Context(), "select count(*) from pg_tables where schemaname = 'public'").Scan(&tables))
	require.Zero(t, tables)
}
