package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/migrate"
)

// publications are those that a server follows.
var publications = []string{"stark", "stark_appended"}

func (e *examination) database(ctx context.Context) {
	const check = "database"
	if e.DatabaseURL == "" {
		e.found(check, databaseUnknown, "")
		return
	}
	cfg, err := pgx.ParseConfig(e.DatabaseURL)
	if err != nil { // its text has the URL in it, without the password
		e.found(check, databaseURL, "")
		return
	}
	if pooler(cfg.Host, cfg.Port) {
		e.found(check, databasePooler, fmt.Sprintf("%s:%d", cfg.Host, cfg.Port))
		return
	}
	cfg.ConnectTimeout = checkTimeout
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		e.refused(check, err)
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it has only been read from
	e.ok(check, "%s:%d takes the login of %s", cfg.Host, cfg.Port, cfg.User)
	e.replication(ctx, cfg)
	e.settings(ctx, conn)
	e.schema(ctx, conn)
}

// pooler says whether that is one of Supabase's: Supavisor, or PgBouncer on the database's own host.
func pooler(host string, port uint16) bool {
	return port == 6543 || strings.HasSuffix(host, ".pooler.supabase.com")
}

// refused says why there is no connection.
func (e *examination) refused(check string, err error) {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28"):
		e.found(check, databaseLogin, pg.Message)
	case errors.As(err, &pg):
		e.found(check, databaseAway, pg.Message)
	default:
		e.found(check, databaseAway, cause(err))
	}
}

// cause is the innermost of what went wrong: the texts around it repeat the address.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// replication asks as a server does; a pooler under any name is found out here.
func (e *examination) replication(ctx context.Context, cfg *pgx.ConnConfig) {
	const check = "replication"
	at := cfg.Config.Copy()
	at.RuntimeParams["replication"] = "database"
	conn, err := pgconn.ConnectConfig(ctx, at)
	if err == nil {
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it has only been asked
		_, err = pglogrepl.IdentifySystem(ctx, conn)
	}
	if err == nil {
		e.ok(check, "the connection is direct, and %s may replicate", cfg.User)
		return
	}
	e.found(check, replicationProblem(err), cause(err))
}

// replicationProblem: a pooler refuses the startup parameter that asks for replication, or ignores it and takes the command for SQL.
func replicationProblem(err error) Problem {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return databaseAway
	}
	switch {
	case pg.Code == "42501":
		return databaseRole
	case pg.Code == "08P01", pg.Code == "42601", strings.Contains(pg.Message, "unsupported startup parameter"):
		return databasePooler
	}
	return databaseAway
}

func (e *examination) settings(ctx context.Context, conn *pgx.Conn) {
	var level string
	var slots, used int
	var then time.Time
	asked := e.Now()
	err := conn.QueryRow(ctx, `select current_setting('wal_level'), current_setting('max_replication_slots')::int,
		(select count(*) from pg_catalog.pg_replication_slots), clock_timestamp()`).Scan(&level, &slots, &used, &then)
	if err != nil {
		e.found("database settings", databaseAway, cause(err))
		return
	}
	answered := e.Now()
	if level == "logical" {
		e.ok("wal_level", "logical")
	} else {
		e.found("wal_level", walLevel, level)
	}
	switch free := slots - used; {
	case free <= 0:
		e.found("replication slots", slotsNone, fmt.Sprintf("%d of %d are in use", used, slots))
	case free == 1:
		e.found("replication slots", slotsFew, fmt.Sprintf("%d of %d are in use", used, slots))
	default:
		e.ok("replication slots", "%d of %d are free", free, slots)
	}
	if off, bad := skewed(then, asked, answered, 0); bad {
		e.found("database clock", databaseClock, "by "+off.String())
	} else {
		e.ok("database clock", "agrees with this machine's")
	}
}

func (e *examination) schema(ctx context.Context, conn *pgx.Conn) {
	pending, err := migrate.Pending(ctx, conn, supabase.Files)
	switch {
	case errors.Is(err, migrate.ErrUnknown):
		e.found("migrations", migrationsNewer, err.Error())
	case err != nil:
		e.found("migrations", databaseOwner, cause(err))
		return
	case len(pending) > 0:
		e.found("migrations", migrationsLeft, fmt.Sprintf("%d, from %s on", len(pending), pending[0].Version))
		return
	default:
		e.ok("migrations", "all are applied")
	}
	var hidden bool // by row-level security
	switch err := conn.QueryRow(ctx, "select row_security_active('public.pods')").Scan(&hidden); {
	case err != nil:
		e.found("tables", databaseOwner, cause(err))
	case hidden:
		e.found("tables", databaseOwner, "row-level security hides rows from it")
	default:
		e.ok("tables", "all rows are seen")
	}
	rows, _ := conn.Query(ctx, `select p from unnest($1::text[]) p where not exists (select from pg_catalog.pg_publication where pubname = p)`, publications)
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string]) // Query's error comes again here
	switch {
	case err != nil:
		e.found("publications", databaseAway, cause(err))
	case len(missing) > 0:
		e.found("publications", publication, strings.Join(missing, ", "))
	default:
		e.ok("publications", "%s", strings.Join(publications, ", "))
	}
}
