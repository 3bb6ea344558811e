// Package migrate applies Stark's migrations and seed over a plain Postgres connection, and records them where the Supabase CLI does
// (supabase_migrations.schema_migrations, supabase_migrations.seed_files), so that the two can take turns on one database.
//
// Source of the record's shape: supabase/cli pkg/migration/history.go and seed.go.
package migrate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lock keeps two runners off one database: the bytes of "starkmig".
const lock int64 = 0x737461726b6d6967

const history = `
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
create table if not exists supabase_migrations.seed_files (path text not null primary key, hash text not null);`

// fileName is what the Supabase CLI takes for a migration.
var fileName = regexp.MustCompile(`^([0-9]+)_(.*)\.sql$`)

// ErrUnknown says that the database has migrations that this program does not know: it is newer, or another project's.
var ErrUnknown = errors.New("the database has migrations that this version does not know")

// Migration is one file of migrations/.
type Migration struct {
	Version string // digits
	Name    string
	SQL     string
}

// Load reads migrations/*.sql in the order of their versions.
func Load(files fs.FS) ([]Migration, error) {
	entries, err := fs.ReadDir(files, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var all []Migration
	for _, entry := range entries {
		m := fileName.FindStringSubmatch(entry.Name())
		if m == nil {
			return nil, fmt.Errorf("migration %q is not named <version>_<name>.sql", entry.Name())
		}
		sql, err := fs.ReadFile(files, path.Join("migrations", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		all = append(all, Migration{Version: m[1], Name: m[2], SQL: string(sql)})
	}
	slices.SortStableFunc(all, func(a, b Migration) int { return strings.Compare(a.Version, b.Version) })
	for i := 1; i < len(all); i++ {
		if one, other := all[i-1], all[i]; one.Version == other.Version {
			return nil, fmt.Errorf("migrations %s_%s and %s_%s have the same version", one.Version, one.Name, other.Version, other.Name)
		}
	}
	return all, nil
}

// Pending returns what Up would apply. It changes nothing; a database without a history has everything pending.
func Pending(ctx context.Context, conn *pgx.Conn, files fs.FS) ([]Migration, error) {
	all, err := Load(files)
	if err != nil {
		return nil, err
	}
	return pending(ctx, conn, all)
}

func pending(ctx context.Context, conn *pgx.Conn, all []Migration) ([]Migration, error) {
	rows, _ := conn.Query(ctx, "select version from supabase_migrations.schema_migrations") // an error comes again from CollectRows
	applied, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000") { // no table, no schema: no history
			return all, nil
		}
		return nil, fmt.Errorf("read the migration history: %w", err)
	}
	var left []Migration
	for _, m := range all {
		if i := slices.Index(applied, m.Version); i >= 0 {
			applied = slices.Delete(applied, i, i+1)
			continue
		}
		left = append(left, m)
	}
	if len(applied) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, strings.Join(applied, ", "))
	}
	return left, nil
}

// Up applies what is pending, each migration in a transaction of its own with its record, and returns the versions applied. told, if not
// nil, hears of each before it starts. Safe to call from several processes at once. conn must be a role that may create
// schemas: on Supabase, `postgres`.
func Up(ctx context.Context, conn *pgx.Conn, files fs.FS, told func(Migration)) (applied []string, err error) {
	all, err := Load(files)
	if err != nil {
		return nil, err
	}
	unlock, err := begin(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	left, err := pending(ctx, conn, all)
	if err != nil {
		return nil, err
	}
	for _, m := range left {
		if told != nil {
			told(m)
		}
		if err := apply(ctx, conn, m); err != nil {
			return applied, err
		}
		applied = append(applied, m.Version)
	}
	return applied, nil
}

// begin takes the lock and makes the tables of the history.
func begin(ctx context.Context, conn *pgx.Conn) (unlock func() error, err error) {
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", lock); err != nil {
		return nil, fmt.Errorf("wait for another migration: %w", err)
	}
	unlock = func() error {
		_, err := conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", lock)
		return err
	}
	if _, err := conn.Exec(ctx, history); err != nil {
		return nil, errors.Join(fmt.Errorf("make the migration history: %w", err), unlock())
	}
	return unlock, nil
}

func apply(ctx context.Context, conn *pgx.Conn, m Migration) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, m.SQL); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)",
			m.Version, m.Name, []string{m.SQL})
		return err
	})
	if err != nil {
		return fmt.Errorf("migration %s_%s: %w", m.Version, m.Name, located(m.SQL, err))
	}
	// A migration may have left settings of its session behind; the next one must not see them.
	if _, err := conn.Exec(ctx, "reset all"); err != nil {
		return fmt.Errorf("after migration %s_%s: %w", m.Version, m.Name, err)
	}
	return nil
}

// located adds the line that Postgres complained about.
func located(sql string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Position < 1 {
		return err
	}
	before := []rune(sql)
	before = before[:min(int(pg.Position)-1, len(before))]
	return fmt.Errorf("line %d: %w", 1+strings.Count(string(before), "\n"), err)
}

// Seed runs seed.sql unless this very content was run before, and reports whether it did.
func Seed(ctx context.Context, conn *pgx.Conn, files fs.FS) (ran bool, err error) {
	sql, err := fs.ReadFile(files, "seed.sql")
	if err != nil {
		return false, fmt.Errorf("read the seed: %w", err)
	}
	sum := sha256.Sum256(sql)
	hash := hex.EncodeToString(sum[:])
	unlock, err := begin(ctx, conn)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	const seedPath = "supabase/seed.sql" // as the CLI writes it
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var done bool
		if err := tx.QueryRow(ctx, "select exists (select from supabase_migrations.seed_files where path = $1 and hash = $2)", seedPath, hash).Scan(&done); err != nil {
			return err
		}
		if done {
			return nil
		}
		if _, err := tx.Exec(ctx, string(sql)); err != nil {
			return located(string(sql), err)
		}
		ran = true
		_, err := tx.Exec(ctx, `insert into supabase_migrations.seed_files (path, hash) values ($1, $2)
			on conflict (path) do update set hash = excluded.hash`, seedPath, hash)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("seed: %w", err)
	}
	return ran, nil
}
