package feed

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
)

func TestHints(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"apply the migrations":        fmt.Errorf("list: %w", ErrSchema),
		"`supabase db push`":          &pgconn.PgError{Code: "42704", Message: `publication "stark" does not exist`},
		"set wal_level=logical":       &pgconn.PgError{Code: "55000", Message: `logical decoding requires "wal_level" >= "logical"`},
		"drop unused ones":            &pgconn.PgError{Code: "53400", Message: "all replication slots are in use"},
		"raise max_wal_senders":       &pgconn.PgError{Code: "53300", Message: "number of requested standby connections exceeds max_wal_senders"},
		"a role with REPLICATION":     &pgconn.PgError{Code: "42501", Message: "must be superuser or replication role to start walsender"},
		"the direct connection":       &pgconn.PgError{Code: "08P01", Message: "unsupported startup parameter: replication"},
		"not the pooler":              &pgconn.PgError{Code: "42601", Message: `syntax error at or near "CREATE_REPLICATION_SLOT"`},
		"(db.<ref>.supabase.co:5432)": &pgconn.PgError{Message: "unsupported startup parameter in options: replication"},
	} {
		got := withHint(fmt.Errorf("operation: %w", err))
		require.ErrorIs(t, got, err)
		require.ErrorContains(t, got, "operation: ")
		require.ErrorContains(t, got, want)
	}
	for _, err := range []error{errors.New("plain"), &pgconn.PgError{Code: "57P01", Message: "terminating connection"}} {
		require.Equal(t, err, withHint(err))
	}
}

// What people meet when they set it up wrongly, in the words of a real database.
func TestSaysWhatToDo(t *testing.T) {
	t.Parallel()
	run := func(sql string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { fixture.Exec(t, w.pool, sql) }
	}
	for name, c := range map[string]struct {
		breakIt func(t *testing.T, w *world)
		role    string
		want    []string
		is      error
	}{
		"no publication": {breakIt: run("drop publication stark"), want: []string{"not in publication stark", "apply the migrations"}, is: ErrSchema},
		"no publication of what is appended": {breakIt: run("drop publication stark_appended"), want: []string{"not in publication stark_appended", "apply the migrations"},
			is: ErrSchema},
		"table left out": {breakIt: run("alter publication stark drop table public.packs"), want: []string{"table packs is not in"}, is: ErrSchema},
		"column left out": {breakIt: run("alter publication stark drop table public.packs; alter publication stark add table public.packs (id)"),
			want: []string{"lacks column name", "apply the migrations"}, is: ErrSchema},
		"no replication": {role: "supabase_auth_admin", want: []string{"use a role with REPLICATION"}},
		// Without an error it would see an empty cluster.
		"sees not all": {breakIt: run("grant select on all tables in schema public to supabase_etl_admin"), role: "supabase_etl_admin",
			want: []string{"row-level security", "that may read Stark's tables"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.breakIt != nil {
				c.breakIt(t, w)
			}
			w.start(t, func(cfg *Config) {
				if c.role != "" {
					cfg.URL = w.db.URLFor(c.role)
				}
			})
			eventually(t, strings.Join(c.want, ", "), func() bool {
				err := w.feed.Status().Err
				for _, part := range c.want {
					if err == nil || !strings.Contains(err.Error(), part) {
						return false
					}
				}
				return c.is == nil || errors.Is(err, c.is)
			})
			require.Zero(t, w.listings())
			require.False(t, w.feed.Status().Synced)
		})
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	sink := func(core.Changes) {}
	for _, cfg := range []Config{
		{URL: "postgres://x", Sink: sink}, {URL: "postgres://x", Log: slog.Default()}, {URL: "not a url", Sink: sink, Log: slog.Default()},
	} {
		_, err := New(cfg)
		require.Error(t, err)
	}
	f, err := New(Config{URL: "postgres://user:secret@127.0.0.1:1/db", Sink: sink, Log: slog.Default()})
	require.NoError(t, err)
	require.Error(t, f.Status().Err)
	_, err = New(Config{URL: "postgres://user:secret@host:port/db", Sink: sink, Log: slog.Default()})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
