package feed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/stark-o/stark/backend/core"
)

// ErrSchema says that the database lacks what this version expects: apply its migrations.
var ErrSchema = errors.New("the database schema does not fit this version")

// Config says what to follow.
type Config struct {
	// URL is a direct connection (not a pooler) of a role with REPLICATION that may read the published tables.
	URL         string
	Publication string // of the tables that are listed and followed; default "stark"
	Appended    string // of the tables whose insertions are followed and that are not listed; default "stark_appended"
	// Sink takes every batch, in order, from one goroutine. It must not block for long. A batch without events only moves the position:
	// what was committed up to there concerned other tables.
	Sink func(core.Changes)
	Log  *slog.Logger
	// StatusInterval is how often the server is told that we are alive, and asked the same. Default 10 s.
	StatusInterval time.Duration
}

// Status says how the feed is doing.
type Status struct {
	Synced   bool      // a snapshot has been handed over on this connection, and the stream is open
	Position uint64    // up to where in the WAL everything was handed over
	HeardAt  time.Time // when the server last said anything
	Err      error     // why it is not connected; nil when it is
}

// Feed follows one database. Make it with New, then Run it.
type Feed struct {
	cfg Config

	mu     sync.Mutex // guards status
	status Status
}

// New makes a feed; it does not connect yet.
func New(cfg Config) (*Feed, error) {
	if cfg.Publication == "" {
		cfg.Publication = "stark"
	}
	if cfg.Appended == "" {
		cfg.Appended = "stark_appended"
	}
	if cfg.StatusInterval <= 0 {
		cfg.StatusInterval = 10 * time.Second
	}
	if cfg.Sink == nil || cfg.Log == nil {
		return nil, errors.New("feed: Sink and Log are needed")
	}
	if _, err := pgx.ParseConfig(cfg.URL); err != nil {
		return nil, fmt.Errorf("feed: database url: %w", err)
	}
	return &Feed{cfg: cfg, status: Status{Err: errors.New("not connected yet")}}, nil
}

// Status returns how the feed is doing now.
func (f *Feed) Status() Status { f.mu.Lock(); defer f.mu.Unlock(); return f.status }

func (f *Feed) update(change func(*Status)) { f.mu.Lock(); defer f.mu.Unlock(); change(&f.status) }

// Run follows until the context ends; it returns its cause. Every lost connection is followed by a new one and a new listing.
func (f *Feed) Run(ctx context.Context) error {
	backoff := backoff{min: 100 * time.Millisecond, max: 5 * time.Second}
	for {
		started := time.Now()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = withHint(err)
		f.update(func(s *Status) { s.Synced = false; s.Err = err })
		if time.Since(started) > 30*time.Second {
			backoff.reset()
		}
		wait := backoff.next()
		f.cfg.Log.Warn("feed lost; listing again", "error", err, "retry_in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// follow is one connection: slot, list, watch.
func (f *Feed) follow(ctx context.Context) error {
	stream, err := connect(ctx, f.cfg.URL, map[string]string{"replication": "database"})
	if err != nil {
		return fmt.Errorf("connect for replication: %w", err)
	}
	defer closeConn(ctx, stream)

	system, err := pglogrepl.IdentifySystem(ctx, stream)
	if err != nil {
		return fmt.Errorf("identify system: %w", err)
	}
	slot := "stark_" + randomHex(8)
	start, snapshot, err := f.createSlot(ctx, stream, slot)
	if err != nil {
		return err
	}
	events, err := f.list(ctx, snapshot)
	if err != nil {
		return err
	}
	// The exported snapshot lives until the next command on this connection, so the stream starts after the listing.
	err = pglogrepl.StartReplication(ctx, stream, slot, start, pglogrepl.StartReplicationOptions{
		Mode:       pglogrepl.LogicalReplication,
		PluginArgs: []string{"proto_version '1'", "publication_names '" + quotedName(f.cfg.Publication) + "," + quotedName(f.cfg.Appended) + "'"},
	})
	if err != nil {
		return fmt.Errorf("start replication: %w", err)
	}
	history := fmt.Sprintf("%s.%d", system.SystemID, system.Timeline)
	f.cfg.Sink(core.Changes{Snapshot: true, Events: events, Position: uint64(start), History: history})
	f.update(func(s *Status) { *s = Status{Synced: true, Position: uint64(start), HeardAt: time.Now()} })
	f.cfg.Log.Info("feed listed", "rows", len(events), "position", start.String())
	return f.watch(ctx, stream, start)
}

// slotPatience is when a slot that is not there yet is worth a word: Postgres makes it once all older transactions have ended.
const slotPatience = 10 * time.Second

func (f *Feed) createSlot(ctx context.Context, stream *pgconn.PgConn, slot string) (start pglogrepl.LSN, snapshot string, err error) {
	slow := time.AfterFunc(slotPatience, func() {
		f.cfg.Log.Warn("the feed waits for transactions that began before it; " +
			"see: select pid, xact_start, query from pg_stat_activity where xact_start is not null order by xact_start")
	})
	defer slow.Stop()
	created, err := pglogrepl.CreateReplicationSlot(ctx, stream, slot, "pgoutput",
		pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "EXPORT_SNAPSHOT", Mode: pglogrepl.LogicalReplication})
	if err != nil {
		return 0, "", fmt.Errorf("create temporary slot: %w", err)
	}
	if start, err = pglogrepl.ParseLSN(created.ConsistentPoint); err != nil {
		return 0, "", fmt.Errorf("consistent point: %w", err)
	}
	return start, created.SnapshotName, nil
}

// quotedName makes a name safe inside publication_names, which is a list of SQL identifiers in a SQL string.
func quotedName(name string) string {
	return strings.ReplaceAll(pgx.Identifier{name}.Sanitize(), "'", "''")
}

func (f *Feed) list(ctx context.Context, snapshot string) ([]core.Event, error) {
	config, err := pgx.ParseConfig(f.cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	setRuntime(config.RuntimeParams, nil)
	dial, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(dial, config)
	if err != nil {
		return nil, fmt.Errorf("connect for listing: %w", err)
	}
	defer closeConn(ctx, conn.PgConn())
	return list(ctx, conn, f.cfg.Publication, f.cfg.Appended, snapshot)
}

// watch hands transactions over until the connection ends. It alone uses the connection.
func (f *Feed) watch(ctx context.Context, stream *pgconn.PgConn, position pglogrepl.LSN) error {
	assembler := newAssembler()
	heard := time.Now()
	nextStatus := heard.Add(f.cfg.StatusInterval)
	for {
		if now := time.Now(); now.After(nextStatus) {
			if now.Sub(heard) > 3*f.cfg.StatusInterval {
				return fmt.Errorf("the database has been silent for %s", now.Sub(heard).Round(time.Second))
			}
			// Nothing is kept across connections, so everything received may be forgotten by the server. Never send 0:
			// it would acknowledge whatever is there.
			err := pglogrepl.SendStandbyStatusUpdate(ctx, stream, pglogrepl.StandbyStatusUpdate{WALWritePosition: position, ReplyRequested: true})
			if err != nil {
				return fmt.Errorf("send status: %w", err)
			}
			nextStatus = now.Add(f.cfg.StatusInterval)
		}
		receive, cancel := context.WithDeadline(ctx, nextStatus)
		msg, err := stream.ReceiveMessage(receive)
		cancel()
		if err != nil {
			if pgconn.Timeout(err) && ctx.Err() == nil {
				continue
			}
			return fmt.Errorf("receive: %w", err)
		}
		f.update(func(s *Status) { s.HeardAt = time.Now() })
		copyData, ok := msg.(*pgproto3.CopyData)
		if !ok {
			if e, isError := msg.(*pgproto3.ErrorResponse); isError {
				return fmt.Errorf("replication: %w", pgconn.ErrorResponseToPgError(e))
			}
			heard = time.Now()
			continue // parameter status, notices
		}
		if position, err = f.data(copyData.Data, assembler, position, &nextStatus); err != nil {
			return err
		}
		heard = time.Now() // after the sink took it: the time it needed is not the database's silence
	}
}

// data takes one message of the copy stream and returns the position up to which all is handed over.
func (f *Feed) data(data []byte, assembler *assembler, position pglogrepl.LSN, nextStatus *time.Time) (pglogrepl.LSN, error) {
	if len(data) == 0 {
		return position, errors.New("empty replication message")
	}
	switch data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		keepalive, err := pglogrepl.ParsePrimaryKeepaliveMessage(data[1:])
		if err != nil {
			return position, fmt.Errorf("keepalive: %w", err)
		}
		if keepalive.ReplyRequested {
			*nextStatus = time.Time{}
		}
		if keepalive.ServerWALEnd > position {
			// What the server has read and sent, so never ahead of a transaction of ours that is still to come.
			position = keepalive.ServerWALEnd
			f.handOver(core.Changes{Position: uint64(position)})
		}
	case pglogrepl.XLogDataByteID:
		xlog, err := pglogrepl.ParseXLogData(data[1:])
		if err != nil {
			return position, fmt.Errorf("xlog data: %w", err)
		}
		changes, err := assembler.message(xlog.WALData)
		if err != nil {
			return position, err
		}
		if changes == nil {
			return position, nil
		}
		position = max(position, pglogrepl.LSN(changes.Position))
		f.handOver(*changes)
	}
	return position, nil
}

func (f *Feed) handOver(changes core.Changes) {
	f.cfg.Sink(changes)
	f.update(func(s *Status) { s.Position = max(s.Position, changes.Position) })
}

// backoff grows exponentially with full jitter.
type backoff struct {
	min, max, current time.Duration
}

func (b *backoff) reset() { b.current = 0 }

func (b *backoff) next() time.Duration {
	b.current = min(b.max, max(b.min, 2*b.current))
	return b.min/2 + mathrand.N(b.current)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return hex.EncodeToString(b)
}
