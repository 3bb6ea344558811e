package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const connectTimeout = 10 * time.Second

// connect opens a connection whose text output is the same whatever the database's settings are.
func connect(ctx context.Context, url string, extra map[string]string) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	setRuntime(config.RuntimeParams, extra)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return pgconn.ConnectConfig(ctx, config)
}

func setRuntime(params, extra map[string]string) {
	params["client_encoding"] = "UTF8"
	params["datestyle"] = "ISO"
	params["timezone"] = "UTC"
	params["application_name"] = "stark-feed"
	// Listing may take long, and meanwhile the other connection holds the snapshot in an idle transaction.
	params["statement_timeout"] = "0"
	params["idle_in_transaction_session_timeout"] = "0"
	for k, v := range extra {
		params[k] = v
	}
}

func closeConn(ctx context.Context, conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the connection is given up either way
}

// withHint adds the next step to errors that people meet.
func withHint(err error) error {
	hint := hintFor(err)
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, hint)
}

const migrateHint = "apply the migrations: `stark serve --migrate` or `supabase db push`"

func hintFor(err error) string {
	if errors.Is(err, ErrSchema) {
		return migrateHint
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	switch {
	case pg.Code == "42704" && strings.Contains(pg.Message, "publication"):
		return migrateHint
	case pg.Code == "55000" && strings.Contains(pg.Message, "wal_level"):
		return "set wal_level=logical (hosted Supabase and `supabase start` have it)"
	case pg.Code == "53400":
		return "all replication slots are in use: drop unused ones (select * from pg_replication_slots) or raise max_replication_slots"
	case pg.Code == "53300":
		return "too many connections or WAL senders: raise max_wal_senders or stop other consumers"
	case pg.Code == "42501":
		return "use a role with REPLICATION that may read Stark's tables, on Supabase `postgres`"
	// A pooler refuses the startup parameter that asks for replication, or ignores it and takes the replication command for SQL.
	case pg.Code == "08P01", pg.Code == "42601", strings.Contains(pg.Message, "unsupported startup parameter"):
		return "logical replication needs the direct connection (db.<ref>.supabase.co:5432), not the pooler"
	}
	return ""
}
