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
	params["datestyle"] = "ISO"
	params["timezone"] = "UTC"
	params["application_name"] = "stark-feed"
	for k, v := range extra {
		params[k] = v
	}
}

func closeConn(ctx context.Context, conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the connection is given up either way
}

// explain adds the next step to errors that people meet.
func explain(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err.Error()
	}
	hint := ""
	switch {
	case pg.Code == "42704" && strings.Contains(pg.Message, "publication"), errors.Is(err, ErrSchema):
		hint = "apply the migrations: `stark serve --migrate` or `supabase db push`"
	case pg.Code == "55000" && strings.Contains(pg.Message, "wal_level"):
		hint = "set wal_level=logical (hosted Supabase and `supabase start` have it)"
	case pg.Code == "53400":
		hint = "all replication slots are in use: drop unused ones (select * from pg_replication_slots) or raise max_replication_slots"
	case pg.Code == "53300":
		hint = "too many connections or WAL senders: raise max_wal_senders or stop other consumers"
	case pg.Code == "42501":
		hint = "use a role with REPLICATION, on Supabase `postgres`"
	case pg.Code == "08P01" || strings.Contains(pg.Message, "unsupported startup parameter"):
		hint = "logical replication needs the direct connection (db.<ref>.supabase.co:5432), not the pooler"
	}
	if hint == "" {
		return err.Error()
	}
	return fmt.Sprintf("%v (%s)", err, hint)
}
