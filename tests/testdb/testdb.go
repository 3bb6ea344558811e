// Package testdb gives each test a database of its own on a real PostgreSQL with wal_level=logical, one server a test binary.
//
//	func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }
//
// A missing PostgreSQL fails the test; nothing is skipped.
package testdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/local/postgres"
	"github.com/stark-o/stark/supabase/migrate"
)

const (
	superuser = "supabase_admin"
	bare      = "postgres"       // bootstrapped by the server itself
	migrated  = "stark_migrated" // made on first use
)

// shared is the binary's server and its templates.
var shared struct {
	mu      sync.Mutex // guards what follows; held while databases are cloned, since a template must have no other user
	server  *postgres.Server
	err     error
	started bool
	ready   bool // the migrated template is there
	count   atomic.Int64
}

// Main runs a package's tests and stops the server that they used. It returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return code
	}
	if err := shared.server.Stop(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "testdb: stop:", err)
		return max(code, 1)
	}
	return code
}

// DB is one test's database. It is dropped when the test ends.
type DB struct {
	Name string
	// URL connects as `postgres`, the developer's role on Supabase: owner of Stark's tables, no superuser.
	URL string
}

// URLFor connects as another role, for example authenticator or supabase_auth_admin.
func (d DB) URLFor(role string) string { return shared.server.URL(role, d.Name) }

// Pool opens a pool as `postgres` that is closed when the test ends.
func (d DB) Pool(t testing.TB) *pgxpool.Pool { return openPool(t, d.URL) }

// PoolFor opens a pool as another role that is closed when the test ends.
func (d DB) PoolFor(t testing.TB, role string) *pgxpool.Pool { return openPool(t, d.URLFor(role)) }

func openPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// Bare is a database as an empty Supabase project has it: roles, auth, storage, and nothing of Stark's.
func Bare(t testing.TB) DB { return clone(t, bare) }

// New is a database with Stark's migrations and seed.
func New(t testing.TB) DB { return clone(t, migrated) }

func clone(t testing.TB, template string) DB {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(t, start(ctx))
	if template == migrated {
		require.NoError(t, migrateTemplate(ctx))
	}
	name := fmt.Sprintf("test_%d", shared.count.Add(1))
	require.NoError(t, create(ctx, name, template))
	t.Cleanup(func() { require.NoError(t, drop(name)) })
	return DB{Name: name, URL: shared.server.URL("postgres", name)}
}

// drop removes a database and whoever is still connected to it. WITH (FORCE) ends ordinary connections, but a replication slot that is in
// use makes it fail, and the server takes a moment to notice that the other end of one is gone.
func drop(name string) error {
	var err error
	for range 500 {
		err = admin(context.Background(), "template1", `drop database "`+name+`" with (force)`)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55006" {
			return err
		}
		end := `select pg_terminate_backend(active_pid) from pg_replication_slots where active and database = '` + name + `'`
		if err := admin(context.Background(), "template1", end); err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func start(ctx context.Context) error {
	if !shared.started {
		shared.started = true
		shared.server, shared.err = postgres.Start(ctx, postgres.Config{Ephemeral: true})
	}
	return shared.err
}

func create(ctx context.Context, name, template string) error {
	if err := admin(ctx, "template1", `create database "`+name+`" template "`+template+`"`); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, shared.server.URL(superuser, name))
	if err != nil {
		return err
	}
	return errors.Join(postgres.GrantDatabase(ctx, conn), conn.Close(ctx))
}

func migrateTemplate(ctx context.Context) error {
	if shared.ready {
		return nil
	}
	if err := create(ctx, migrated, bare); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, shared.server.URL("postgres", migrated))
	if err != nil {
		return err
	}
	_, err = migrate.Up(ctx, conn, supabase.Files, nil)
	if err == nil {
		_, err = migrate.Seed(ctx, conn, supabase.Files)
	}
	shared.ready = err == nil
	return errors.Join(err, conn.Close(ctx))
}

// admin runs one statement as superuser in a database that is no template of ours.
func admin(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, shared.server.URL(superuser, database))
	if err != nil {
		return fmt.Errorf("testdb: %w", err)
	}
	if _, err := conn.Exec(ctx, sql); err != nil {
		return errors.Join(fmt.Errorf("testdb: %s: %w", sql, err), conn.Close(ctx))
	}
	return conn.Close(ctx)
}
