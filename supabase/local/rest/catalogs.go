package rest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	channel    = "pgrst"                // NOTIFY pgrst: the schema has changed
	reloadGap  = 250 * time.Millisecond // between reloads that requests ask for
	listenWait = 500 * time.Millisecond // before the listener connects again
)

// catalogs keeps the catalog of the moment: read at start, again when someone notifies, and when a request misses something in it.
type catalogs struct {
	pool    *pgxpool.Pool
	schemas []string
	log     *slog.Logger
	now     *atomic.Pointer[catalog]
	state   *listenerState
}

type listenerState struct {
	mu      sync.Mutex // held while the catalog is read; guards what follows
	version uint64
	last    time.Time
	once    sync.Once
	cancel  context.CancelFunc
	done    chan struct{}
}

func newCatalogs(cfg Config) catalogs {
	return catalogs{pool: cfg.Pool, schemas: cfg.Schemas, log: cfg.Log, now: &atomic.Pointer[catalog]{}, state: &listenerState{}}
}

func (c catalogs) current() *catalog { return c.now.Load() }

// start listens first and reads then, so that no change is missed in between.
func (c catalogs) start(ctx context.Context) error {
	conn, err := c.listen(ctx)
	if err != nil {
		return fmt.Errorf("rest: %w", err)
	}
	if err := c.reload(ctx); err != nil {
		return fmt.Errorf("rest: %w", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.state.cancel, c.state.done = cancel, make(chan struct{})
	go func() {
		defer close(c.state.done)
		c.follow(run, conn)
	}()
	return nil
}

func (c catalogs) stop() {
	c.state.once.Do(func() {
		if c.state.cancel != nil {
			c.state.cancel()
			<-c.state.done
		}
	})
}

// listen takes a connection of its own, since one of the pool's would be missing there for ever.
func (c catalogs) listen(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, c.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("listen for schema changes: %w", err)
	}
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("listen for schema changes: %w", err)
	}
	return conn, nil
}

// follow reloads at each notification, and after every gap in listening, until ctx ends.
func (c catalogs) follow(ctx context.Context, conn *pgx.Conn) {
	for {
		_, err := conn.WaitForNotification(ctx)
		if err != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
			if conn = c.again(ctx); conn == nil {
				return
			}
		}
		if err := c.reload(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("the schema could not be read again; the API goes on with what it knows", "error", err)
		}
	}
}

// again connects until it succeeds, nil when ctx ends.
func (c catalogs) again(ctx context.Context) *pgx.Conn {
	for {
		timer := time.NewTimer(listenWait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if conn, err := c.listen(ctx); err == nil {
			return conn
		}
	}
}

func (c catalogs) reload(ctx context.Context) error {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	return c.read(ctx)
}

// read needs the lock.
func (c catalogs) read(ctx context.Context) error {
	c.state.last = time.Now()
	next, err := load(ctx, c.pool, c.schemas)
	if err != nil {
		return err
	}
	c.state.version++
	next.version = c.state.version
	c.now.Store(next)
	return nil
}

// newer is a catalog that was read after old, nil where there is none: nobody can make the server read more often than the gap says.
func (c catalogs) newer(ctx context.Context, old *catalog) *catalog {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	if now := c.now.Load(); now.version > old.version {
		return now
	}
	if time.Since(c.state.last) < reloadGap {
		return nil
	}
	if err := c.read(ctx); err != nil {
		return nil
	}
	return c.now.Load()
}
