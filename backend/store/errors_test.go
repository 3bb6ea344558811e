package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

func TestMapError(t *testing.T) {
	t.Parallel()
	require.NoError(t, mapError("op", nil))
	for _, c := range []struct {
		err     error
		code    core.Code
		message string
		field   string
		hint    string
	}{
		{err: pgx.ErrNoRows, code: core.CodeNotFound, message: "not found"},
		{err: context.DeadlineExceeded, code: core.CodeUnavailable, message: "the database does not answer"},
		{err: &net.OpError{Op: "dial", Err: errors.New("refused")}, code: core.CodeUnavailable},
		{err: net.ErrClosed, code: core.CodeUnavailable},
		{err: fmt.Errorf("read: %w", io.ErrUnexpectedEOF), code: core.CodeUnavailable},
		{err: errors.New("conn closed"), code: core.CodeUnavailable},
		{err: errors.New("a mistake in this program"), code: core.CodeInternal},
		{err: &pgconn.PgError{Code: "42501", Message: "permission denied for table pods"}, code: core.CodeForbidden, message: "you may not do that",
			hint: "Ask an admin"},
		{err: &pgconn.PgError{Code: "42501", Message: "new row violates row-level security policy"}, code: core.CodeForbidden, message: "you may not do that"},
		{err: &pgconn.PgError{Code: "42501", Message: "only an admin may change roles"}, code: core.CodeForbidden, message: "only an admin may change roles"},
		{err: &pgconn.PgError{Code: "23505", ConstraintName: "pods_namespace_name_key"}, code: core.CodeConflict, message: "a pod of this name"},
		{err: &pgconn.PgError{Code: "23503", ConstraintName: "nodes_in_use", Hint: "Cordon it"}, code: core.CodeConflict, message: "still has pods", hint: "Cordon"},
		{err: &pgconn.PgError{Code: "23505", ConstraintName: "somebody_elses"}, code: core.CodeConflict, message: "conflicts with what is there"},
		{err: &pgconn.PgError{Code: "23503"}, code: core.CodeConflict},
		{err: &pgconn.PgError{Code: "40001"}, code: core.CodeUnavailable, message: "try again"},
		{err: &pgconn.PgError{Code: "40P01"}, code: core.CodeUnavailable, message: "try again"},
		{err: &pgconn.PgError{Code: "23514", TableName: "pods", ConstraintName: "pods_grace_period_ms_check"}, code: core.CodeValidation, field: "gracePeriodMs"},
		{err: &pgconn.PgError{Code: "23514", TableName: "pods", ConstraintName: "pods_initial_state", Hint: "Insert it"}, code: core.CodeValidation, hint: "Insert it"},
		{err: &pgconn.PgError{Code: "22023", Message: `invalid cpu quantity "x"`, Hint: "Use cores"}, code: core.CodeValidation, message: "invalid cpu", hint: "Use cores"},
		{err: &pgconn.PgError{Code: "22023", Message: "topology_spread: maxSkew is a whole number", ColumnName: "topology_spread"}, code: core.CodeValidation,
			message: "maxSkew", field: "topologySpread"},
		{err: &pgconn.PgError{Code: "42501", Message: "the pack is private to another user", Hint: "Its owner"}, code: core.CodeForbidden, message: "private",
			hint: "Its owner"},
		{err: &pgconn.PgError{Code: "23514", ConstraintName: "namespaces_quota_cpu", Detail: "namespaces_quota_cpu", Message: "not enough left", Hint: "Stop pods"},
			code: core.CodeQuota, message: "not enough left", hint: "Stop pods"},
		{err: &pgconn.PgError{Code: "23514", ConstraintName: "users_last_admin", Detail: "users_last_admin", Message: "the last admin stays"},
			code: core.CodeConflict, message: "the last admin stays"},
		{err: &pgconn.PgError{Code: "23514", ConstraintName: "cluster_config_heartbeat", Detail: "cluster_config_heartbeat", Message: "must be at least twice"},
			code: core.CodeValidation, message: "must be at least twice", field: "value"},
		{err: &pgconn.PgError{Code: "22P02", Message: "secret"}, code: core.CodeValidation, message: "a value is not valid"},
		{err: &pgconn.PgError{Code: "23502"}, code: core.CodeValidation},
		{err: &pgconn.PgError{Code: "57014"}, code: core.CodeUnavailable, message: "took too long"},
		{err: &pgconn.PgError{Code: "57P01"}, code: core.CodeUnavailable},
		{err: &pgconn.PgError{Code: "08006"}, code: core.CodeUnavailable},
		{err: &pgconn.PgError{Code: "53300"}, code: core.CodeUnavailable},
		{err: &pgconn.PgError{Code: "42P01", Message: `relation "public.pods" does not exist`}, code: core.CodeUnavailable, message: "schema does not fit",
			hint: "Apply the migrations"},
		{err: &pgconn.PgError{Code: "XX000"}, code: core.CodeInternal},
		{err: core.Invalid("name", "is taken"), code: core.CodeValidation, message: "is taken", field: "name"},
	} {
		got := mapError("op", c.err)
		require.Equal(t, c.code, core.CodeOf(got), "%v", c.err)
		require.ErrorIs(t, got, c.err)
		var public *core.Error
		if !errors.As(got, &public) {
			require.ErrorContains(t, got, "op: ")
			continue
		}
		require.Contains(t, public.Message, c.message)
		require.Contains(t, public.Hint, c.hint)
		require.Equal(t, c.field, public.Field)
		require.NotContains(t, public.Message, "secret")
	}
}

func TestFieldOf(t *testing.T) {
	t.Parallel()
	for constraint, field := range map[string]string{
		"pods_name_check": "name", "pods_grace_period_ms_check": "gracePeriodMs", "pods_home": "", "other_name_check": "otherName", "pods__check": "",
	} {
		require.Equal(t, field, fieldOf("pods", constraint), constraint)
	}
}

func TestADatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Config{URL: "not a url"})
	require.Error(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close()) // now nobody listens there
	s, err := Open(t.Context(), Config{URL: "postgres://u:p@" + address + "/db"})
	require.NoError(t, err, "a server starts before its database")
	defer s.Close()
	requireCode(t, core.CodeUnavailable, s.Ping(t.Context()))
	_, _, err = s.AcquireLease(t.Context(), "a", 1)
	requireCode(t, core.CodeUnavailable, err)
	_, err = s.Whoami(t.Context(), core.Actor{})
	requireCode(t, core.CodeUnavailable, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Ping(ctx), context.Canceled)
}

func TestAWrongPasswordIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := Open(t.Context(), Config{URL: "postgres://postgres:wrong@" + w.pool.Config().ConnConfig.Host + ":" +
		fmt.Sprint(w.pool.Config().ConnConfig.Port) + "/" + w.db.Name})
	require.NoError(t, err)
	defer s.Close()
	requireCode(t, core.CodeUnavailable, s.Ping(t.Context()))
}

func TestADatabaseWithoutMigrations(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{URL: testdb.Bare(t).URL})
	require.NoError(t, err)
	defer s.Close()
	_, _, err = s.AcquireLease(t.Context(), "a", 1)
	requireCode(t, core.CodeUnavailable, err)
	require.ErrorContains(t, err, "schema does not fit")
}

// After the database restarted, or an administrator ended its connections, every connection that the pool holds is dead, and each has a farewell to
// be read first. No request is answered with it.
func TestConnectionsThatWereEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy := make([]pgx.Tx, w.requests.Config().MaxConns)
	for i := range busy {
		var err error
		busy[i], err = w.requests.Begin(t.Context())
		require.NoError(t, err)
	}
	for _, tx := range busy {
		require.NoError(t, tx.Rollback(t.Context()))
	}
	require.EqualValues(t, len(busy), w.requests.Stat().IdleConns(), "the pool is full of connections that were used a moment ago")
	fixture.Exec(t, w.pool, `select pg_terminate_backend(pid, 10000) from pg_stat_activity
		where datname = current_database() and application_name = 'stark'`)
	_, err := w.Whoami(t.Context(), w.dev)
	require.NoError(t, err)
}
