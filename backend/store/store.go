// Package store holds every statement that Stark sends to Postgres. What sqlc generates stays inside; callers see nouns of
// backend/core and DTOs of backend/wire.
//
// Two identities use it. The worker writes with the service connection: decisions, leases, reports. A user's
// request runs as role `authenticated` with the user's verified claims, so row-level security decides what it may see and do.
package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

// Config says where the database is.
type Config struct {
	// URL connects as a role that owns Stark's tables and may SET ROLE authenticated: on Supabase, `postgres`.
	URL string
	// MaxConns bounds the connections, at least 4; default 20.
	MaxConns int32
}

// Store holds connections and the statements that run on them. It is safe for concurrent use.
type Store struct {
	// Requests and registrations come as many as people and agents like. They have a pool of their own, so that the worker, which must
	// renew its lease in time, never waits behind them.
	requests *pgxpool.Pool
	work     *pgxpool.Pool
	q        *db.Queries // on work
}

// maxWork is how many connections the worker can use at a time: a few decisions, a lease, a look at the nodes, a batch each of reports, beats, logs.
const maxWork = 9

// workPlans makes the worker's statements be planned once and not at every call, which costs more than a small batch itself. All of them look
// rows up by their ids, whatever the number. Such a plan may be made while a table is empty and be kept when it is large, so reading tables from
// end to end is ruled out.
var workPlans = map[string]string{"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}

// Open makes the pools. It does not wait for the database: use Ping.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	all := int32(20)
	if cfg.MaxConns > 0 {
		all = max(4, cfg.MaxConns)
	}
	forWork := min(maxWork, all/2)
	work, err := openPool(ctx, cfg.URL, forWork, workPlans)
	if err != nil {
		return nil, err
	}
	requests, err := openPool(ctx, cfg.URL, all-forWork, nil)
	if err != nil {
		work.Close()
		return nil, err
	}
	return &Store{requests: requests, work: work, q: db.New(work)}, nil
}

func openPool(ctx context.Context, url string, maxConns int32, settings map[string]string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("store: database url: %w", err)
	}
	config.MaxConns = maxConns
	config.ConnConfig.RuntimeParams["application_name"] = "stark"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	maps.Copy(config.ConnConfig.RuntimeParams, settings)
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	// After the database restarted, connections made before are dead; a health check finds them before a request does.
	config.HealthCheckPeriod = 5 * time.Second
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return pool, nil
}

// Close ends all connections.
func (s *Store) Close() { s.requests.Close(); s.work.Close() }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return mapError("ping", s.work.Ping(ctx)) }

// asActor runs fn in one transaction as the caller: what it sees and may do is row-level security's decision.
func (s *Store) asActor(ctx context.Context, actor core.Actor, fn func(q *db.Queries) error) error {
	return s.inTx(ctx, func(tx pgx.Tx) error {
		if err := become(ctx, tx, actor); err != nil {
			return err
		}
		return fn(s.q.WithTx(tx))
	})
}

// become sets, for the rest of the transaction, who asks. No statement of a request may hold its connection for ever, for example because
// somebody left a transaction open on the row that it wants.
func become(ctx context.Context, tx pgx.Tx, actor core.Actor) error {
	_, err := tx.Exec(ctx, `select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true),
		set_config('stark.correlation_id', $2, true), set_config('statement_timeout', '30s', true)`, actor.Claims, actor.CorrelationID)
	return err
}

func (s *Store) inTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return inTx(ctx, s.requests, fn)
}

func inTx(ctx context.Context, pool *pgxpool.Pool, fn func(tx pgx.Tx) error) error {
	tx, err := begin(ctx, pool)
	if err != nil {
		return mapError("begin", err)
	}
	if err := fn(tx); err != nil {
		// The connection may be gone with the error that ended fn; then there is nothing to roll back.
		_ = tx.Rollback(context.WithoutCancel(ctx))
		return mapError("transaction", err)
	}
	return mapError("commit", tx.Commit(ctx))
}

// begin starts a transaction. After the database was restarted the pool holds connections that are dead and do not know it; each attempt
// takes one of them out. Nothing has been done on a connection that cannot even begin, so trying another is safe.
func begin(ctx context.Context, pool *pgxpool.Pool) (pgx.Tx, error) {
	for attempt := int32(0); ; attempt++ {
		tx, err := pool.Begin(ctx)
		if err == nil || ctx.Err() != nil || attempt > pool.Config().MaxConns {
			return tx, err
		}
		var unreachable *pgconn.ConnectError
		if errors.As(err, &unreachable) || gaveAnswer(err) {
			return tx, err
		}
	}
}

// farewells are admin_shutdown and crash_shutdown.
var farewells = []string{"57P01", "57P02"}

// gaveAnswer says whether the database has answered, with more than the farewell that it leaves on a connection which it closes: such a connection
// is as dead as one that just broke.
func gaveAnswer(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && !slices.Contains(farewells, answer.Code)
}
