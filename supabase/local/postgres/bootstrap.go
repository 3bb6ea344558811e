package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed bootstrap/*.sql
var scripts embed.FS

// bootstrapOrder is the order that the scripts depend on one another in.
var bootstrapOrder = []string{
	"roles", "database", "schemas", "extensions", "auth", "auth_sso", "auth_access", "storage", "storage_functions", "realtime",
}

// bootstrapLock keeps two processes from bootstrapping one database at once: the bytes of "starkboo".
const bootstrapLock int64 = 0x737461726b626f6f

// Bootstrap makes the database that conn is connected to, as a superuser, look like a Supabase project's: roles, schemas, auth, storage.
// It runs once for every version of its scripts and does nothing when that version is in place, so that grants which the user has
// changed since are left alone. Running a newer version over an older one is what the scripts are written for.
func Bootstrap(ctx context.Context, conn *pgx.Conn) error {
	digest, err := bootstrapDigest()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", bootstrapLock); err != nil {
			return fmt.Errorf("bootstrap: wait for another: %w", err)
		}
		var present bool
		if err := tx.QueryRow(ctx, "select to_regclass('stark_local.bootstrap') is not null").Scan(&present); err != nil {
			return fmt.Errorf("bootstrap: %w", err)
		}
		if present {
			if err := tx.QueryRow(ctx, "select exists (select from stark_local.bootstrap where digest = $1)", digest).Scan(&present); err != nil {
				return fmt.Errorf("bootstrap: %w", err)
			}
			if present {
				return nil
			}
		}
		return runScripts(ctx, tx, digest)
	})
}

func runScripts(ctx context.Context, tx pgx.Tx, digest string) error {
	for _, name := range bootstrapOrder {
		if err := runScript(ctx, tx, name); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `
		create schema if not exists stark_local;
		comment on schema stark_local is 'What the local stand-in for Supabase remembers about itself.';
		create table if not exists stark_local.bootstrap (digest text primary key, applied_at timestamptz not null default now());
		insert into stark_local.bootstrap (digest) values ('`+digest+`') on conflict do nothing`) // hex, from ourselves
	if err != nil {
		return fmt.Errorf("bootstrap: record: %w", err)
	}
	return nil
}

// runScript runs one script in the transaction, and leaves the role as it was.
func runScript(ctx context.Context, tx pgx.Tx, name string) error {
	sql, err := scripts.ReadFile("bootstrap/" + name + ".sql")
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	if _, err := tx.Exec(ctx, string(sql)); err != nil {
		return fmt.Errorf("bootstrap %s.sql: %w", name, err)
	}
	if _, err := tx.Exec(ctx, "reset role"); err != nil {
		return fmt.Errorf("bootstrap %s.sql: %w", name, err)
	}
	return nil
}

// GrantDatabase repeats what a database cloned from a bootstrapped one lacks: its owner and who may create in it. conn is a superuser's.
func GrantDatabase(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return runScript(ctx, tx, "database") })
}

func bootstrapDigest() (string, error) {
	h := sha256.New()
	for _, name := range bootstrapOrder {
		sql, err := scripts.ReadFile("bootstrap/" + name + ".sql")
		if err != nil {
			return "", fmt.Errorf("bootstrap: %w", err)
		}
		h.Write(sql)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (s *Server) bootstrap(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, s.URL(superuser, "postgres"))
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	return Bootstrap(ctx, conn)
}
