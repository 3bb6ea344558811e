package feed

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stark-o/stark/backend/core"
)

// snapshotName is what Postgres calls exported snapshots; SET TRANSACTION SNAPSHOT takes no parameter.
var snapshotName = regexp.MustCompile(`^[0-9A-F]+-[0-9A-F]+-[0-9]+$`)

// list reads every published table as of an exported snapshot, but those that are only appended to.
func list(ctx context.Context, conn *pgx.Conn, publication, appended, snapshot string) ([]core.Event, error) {
	if !snapshotName.MatchString(snapshot) {
		return nil, fmt.Errorf("unexpected snapshot name %q", snapshot)
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // read only: nothing to lose
	if _, err := tx.Exec(ctx, "set transaction snapshot '"+snapshot+"'"); err != nil {
		return nil, fmt.Errorf("set snapshot: %w", err)
	}
	// A role that row-level security applies to would see an empty cluster; better an error.
	if _, err := tx.Exec(ctx, "set local row_security = off"); err != nil {
		return nil, fmt.Errorf("set row_security: %w", err)
	}
	published, err := publishedColumns(ctx, tx, publication)
	if err != nil {
		return nil, err
	}
	// A publication that is missing is an error only once there is something to stream.
	if news, err := publishedColumns(ctx, tx, appended); err != nil {
		return nil, err
	} else if news["events"] == nil {
		return nil, fmt.Errorf("%w: table events is not in publication %s", ErrSchema, appended)
	}
	var events []core.Event
	for _, name := range listOrder {
		columns, ok := published[name]
		if !ok {
			return nil, fmt.Errorf("%w: table %s is not in publication %s", ErrSchema, name, publication)
		}
		if events, err = listTable(ctx, tx.Conn().PgConn(), name, columns, events); err != nil {
			return nil, fmt.Errorf("list %s: %w", name, err)
		}
	}
	return events, nil
}

// listOrder puts what others refer to first.
var listOrder = []string{"cluster_config", "priority_classes", "namespaces", "packs", "nodes", "deployments", "pods"}

func publishedColumns(ctx context.Context, tx pgx.Tx, publication string) (map[string][]string, error) {
	rows, err := tx.Query(ctx, `select tablename::text, attnames::text[] from pg_catalog.pg_publication_tables
		where pubname = $1 and schemaname = 'public'`, publication)
	if err != nil {
		return nil, fmt.Errorf("read publication: %w", err)
	}
	published := map[string][]string{}
	var name string
	var columns []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &columns}, func() error {
		published[name] = slices.Clone(columns)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read publication: %w", err)
	}
	return published, nil
}

func listTable(ctx context.Context, conn *pgconn.PgConn, name string, columns []string, events []core.Event) ([]core.Event, error) {
	d, err := newDecoder(name, columns)
	if err != nil {
		return nil, err
	}
	quoted := ""
	for i, c := range columns {
		if i > 0 {
			quoted += ", "
		}
		quoted += pgx.Identifier{c}.Sanitize()
	}
	result := conn.ExecParams(ctx, "select "+quoted+" from "+pgx.Identifier{"public", name}.Sanitize(), nil, nil, nil, nil)
	cells := make([]cell, len(columns))
	for result.NextRow() {
		for i, text := range result.Values() {
			cells[i] = cell{text: text}
		}
		event, err := d.upsert(cells)
		if err != nil {
			_, _ = result.Close() // the decoding error says more
			return nil, err
		}
		events = append(events, event)
	}
	if _, err := result.Close(); err != nil {
		return nil, err
	}
	return events, nil
}
