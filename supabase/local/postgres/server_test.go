package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// stateDir is a directory that the server's user can reach, which is not this process's when that is root.
func stateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	return filepath.Join(dir, "state")
}

// start brings up a server that is stopped, at the latest, when the test ends.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s
}

func connect(t *testing.T, s *Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres", "postgres"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server may be gone by then
	return conn
}

func runSQL(t *testing.T, s *Server, sql string) {
	t.Helper()
	_, err := connect(t, s).Exec(t.Context(), sql)
	require.NoError(t, err)
}

func value[T any](t *testing.T, s *Server, sql string) (v T) {
	t.Helper()
	require.NoError(t, connect(t, s).QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func requireGone(t *testing.T, pid int, data string) {
	t.Helper()
	require.False(t, isPostmaster(t.Context(), pid, data), "process %d is still there", pid)
}

func TestRestartKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := start(t, Config{Dir: dir})
	runSQL(t, first, "create table kept (v int); insert into kept values (7); alter role anon set statement_timeout = '7s'")
	pid := first.PID()
	require.NoError(t, first.Stop(t.Context()))
	requireGone(t, pid, first.data)
	require.NoError(t, first.Stop(t.Context()), "a second stop")
	require.NoError(t, first.Err())
	require.ErrorIs(t, first.Ready(t.Context()), ErrStopped)
	require.ErrorIs(t, first.Restart(t.Context()), ErrStopped)

	second := start(t, Config{Dir: dir})
	require.Equal(t, 7, value[int](t, second, "select v from kept"))
	require.Equal(t, []string{"statement_timeout=7s"}, value[[]string](t, second, "select rolconfig from pg_roles where rolname = 'anon'"),
		"the bootstrap ran again over the user's changes")
}

func TestServerIsSupabaseShaped(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Ephemeral: true})
	require.Equal(t, "logical", value[string](t, s, "show wal_level"))
	require.Equal(t, "127.0.0.1", value[string](t, s, "show listen_addresses"))
	require.Equal(t, "on", value[string](t, s, "show synchronous_commit"), "without it commits reach logical decoding late")
	require.GreaterOrEqual(t, s.Major(), minMajor)
	require.Equal(t, 7, value[int](t, s, `select count(*) from pg_roles where rolname in
		('anon', 'authenticated', 'service_role', 'authenticator', 'supabase_auth_admin', 'supabase_storage_admin', 'supabase_admin')`))
	require.False(t, value[bool](t, s, "select rolsuper from pg_roles where rolname = 'postgres'"), "as on hosted Supabase")
	_, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://postgres:wrong@127.0.0.1:%d/postgres?sslmode=disable", s.Port()))
	require.ErrorContains(t, err, "password authentication failed")
}

func TestEphemeralLeavesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Ephemeral: true})
	pid, state := s.PID(), filepath.Dir(s.dir)
	require.DirExists(t, s.data)
	require.NoError(t, s.Stop(t.Context()))
	requireGone(t, pid, s.data)
	require.NoDirExists(t, state)
}

func TestKilledServerComesBack(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Dir: stateDir(t)})
	runSQL(t, s, "create table kept (v int); insert into kept values (7)")
	for range 2 {
		pid, port := s.PID(), s.Port()
		require.NoError(t, s.Kill())
		require.NoError(t, s.Ready(t.Context()))
		require.NotEqual(t, pid, s.PID())
		require.Equal(t, port, s.Port())
		require.Equal(t, 7, value[int](t, s, "select v from kept"))
	}
	require.NoError(t, s.Restart(t.Context()))
	require.Equal(t, 7, value[int](t, s, "select v from kept"))
	select {
	case <-s.Done():
		t.Fatal("a server that came back is not done")
	default:
	}
}

func TestServerThatCannotComeBackIsGivenUp(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Config{Dir: stateDir(t), MaxRestarts: 2})
	require.NoError(t, err)
	require.NoError(t, os.Rename(s.data, s.data+".gone"))
	require.NoError(t, s.Kill())
	<-s.Done()
	require.ErrorContains(t, s.Err(), "postgres does not come up again")
	require.ErrorContains(t, s.Stop(t.Context()), "postgres does not come up again")
	require.NoError(t, Held(filepath.Dir(s.dir)), "the lock is given back")
}

func TestStopWhileComingBack(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Config{Dir: stateDir(t)})
	require.NoError(t, err)
	require.NoError(t, os.Rename(s.data, s.data+".gone")) // so that it stays down
	require.NoError(t, s.Kill())
	require.NoError(t, s.Stop(t.Context()))
	require.Zero(t, s.PID())
}

func TestStateDirectoryHasOneUser(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	require.NoError(t, Held(dir))
	first := start(t, Config{Dir: dir})
	_, err := Start(t.Context(), Config{Dir: dir})
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))
	require.ErrorIs(t, Held(dir), ErrLocked)
	require.Equal(t, 1, value[int](t, first, "select 1"), "the refused one left the other alone")
	require.NoError(t, first.Stop(t.Context()))
	require.NoError(t, Held(dir))
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	other, err := lc.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	dir, port := stateDir(t), other.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Config{Dir: dir, Port: port})
	require.ErrorIs(t, err, ErrPortInUse)
	require.ErrorContains(t, err, strconv.Itoa(port))
	require.NoError(t, Held(dir), "the lock is given back")
}

func TestUnusableDirectories(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Config{})
	require.ErrorIs(t, err, ErrDir)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Start(t.Context(), Config{Dir: file})
	require.ErrorIs(t, err, ErrDir)
	dir := stateDir(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "postgres", "data"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres", "data", "PG_VERSION"), []byte("soon\n"), 0o600))
	_, err = Start(t.Context(), Config{Dir: dir})
	require.ErrorIs(t, err, ErrDir)
	require.ErrorContains(t, err, "PG_VERSION")
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	dir := stateDir(t)
	_, err := Start(ctx, Config{Dir: dir, Progress: func(string) { cancel() }}) // while the cluster is being made
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, Held(dir))
	s := start(t, Config{Dir: dir})
	require.Equal(t, 1, value[int](t, s, "select 1"), "a half-made cluster is in nobody's way")
}

func TestStopDoesNotWaitForTransactions(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Ephemeral: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres", "postgres"))
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "begin; select 1")
	require.NoError(t, err)
	require.NoError(t, s.Stop(ctx), "an open transaction keeps nobody from stopping")
	require.Error(t, conn.Ping(ctx))
}
