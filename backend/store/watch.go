package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// Visible says whether all these transactions, which have committed or aborted or will, are visible to every statement that begins from now on.
func (s *Store) Visible(ctx context.Context, transactions []uint32) (bool, error) {
	text, err := db.New(s.requests).CurrentSnapshot(ctx)
	if err != nil {
		return false, mapError("read snapshot", err)
	}
	seen, err := parseSnapshot(text)
	if err != nil {
		return false, fmt.Errorf("read snapshot: %w", err)
	}
	return !slices.ContainsFunc(transactions, func(id uint32) bool { return !seen.sees(id) }), nil
}

// snapshot is a pg_snapshot with the lower halves of its ids, which is what the WAL has.
type snapshot struct {
	end     uint32 // the first id that had not ended
	running []uint32
}

// sees compares as Postgres does, on a circle: the ids of transactions that matter are less than 2^31 apart.
func (s snapshot) sees(id uint32) bool {
	return int32(id-s.end) < 0 && !slices.Contains(s.running, id)
}

// parseSnapshot reads xmin:xmax:xip,xip,….
func parseSnapshot(text string) (s snapshot, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return s, fmt.Errorf("not a snapshot: %q", text)
	}
	end, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return s, fmt.Errorf("not a snapshot: %q", text)
	}
	s.end = uint32(end)
	for id := range strings.SplitSeq(parts[2], ",") {
		if id == "" {
			continue
		}
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return s, fmt.Errorf("not a snapshot: %q", text)
		}
		s.running = append(s.running, uint32(n))
	}
	return s, nil
}

// Watched reads rows as the actor sees them now. FORBIDDEN when the actor's role does not watch.
func (s *Store) Watched(ctx context.Context, actor core.Actor, refs []wire.WatchRef) (wire.Watched, error) {
	seen := wire.Watched{Objects: make(map[wire.WatchRef]any, len(refs))}
	ids := map[wire.WatchKind][]uuid.UUID{}
	for _, ref := range refs {
		ids[ref.Kind] = append(ids[ref.Kind], ref.ID)
	}
	err := s.asActor(ctx, actor, func(q *db.Queries) (err error) {
		if seen.Role, err = watcher(ctx, q); err != nil {
			return err
		}
		for kind, of := range ids {
			read, known := watchedKinds[kind]
			if !known {
				return fmt.Errorf("read changes: there is no kind %q", kind)
			}
			if err := read(ctx, q, of, seen.Objects); err != nil {
				return mapError("read changed "+string(kind), err)
			}
		}
		return nil
	})
	return seen, err
}

// watchedKinds reads each kind by ids.
var watchedKinds = map[wire.WatchKind]func(context.Context, *db.Queries, []uuid.UUID, map[wire.WatchRef]any) error{
	wire.WatchPods: func(ctx context.Context, q *db.Queries, ids []uuid.UUID, into map[wire.WatchRef]any) error {
		rows, err := q.WatchedPods(ctx, ids)
		return collect(rows, err, into, wire.WatchPods, func(r db.WatchedPodsRow) (uuid.UUID, any) { return r.ID, podOf(db.ListPodsRow(r)) })
	},
	wire.WatchNodes: func(ctx context.Context, q *db.Queries, ids []uuid.UUID, into map[wire.WatchRef]any) error {
		rows, err := q.WatchedNodes(ctx, ids)
		return collect(rows, err, into, wire.WatchNodes, func(r db.WatchedNodesRow) (uuid.UUID, any) { return r.ID, nodeOf(db.ListNodesRow(r)) })
	},
	wire.WatchPacks: func(ctx context.Context, q *db.Queries, ids []uuid.UUID, into map[wire.WatchRef]any) error {
		rows, err := q.WatchedPacks(ctx, ids)
		return collect(rows, err, into, wire.WatchPacks, func(r db.WatchedPacksRow) (uuid.UUID, any) { return r.ID, packOf(db.ListPacksRow(r)) })
	},
	wire.WatchNamespaces: func(ctx context.Context, q *db.Queries, ids []uuid.UUID, into map[wire.WatchRef]any) error {
		rows, err := q.WatchedNamespaces(ctx, ids)
		return collect(rows, err, into, wire.WatchNamespaces, func(r db.WatchedNamespacesRow) (uuid.UUID, any) {
			return r.ID, namespaceOf(db.ListNamespacesRow(r))
		})
	},
}

func collect[R any](rows []R, err error, into map[wire.WatchRef]any, kind wire.WatchKind, dto func(R) (uuid.UUID, any)) error {
	for _, r := range rows {
		id, object := dto(r)
		into[wire.WatchRef{Kind: kind, ID: id}] = object
	}
	return err
}

// watcher is the role of the one who watches: of those who read the cluster. Agents hear on their socket what they need.
func watcher(ctx context.Context, q *db.Queries) (role string, err error) {
	user, err := q.Whoami(ctx)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", mapError("whoami", err)
	}
	if err != nil || !slices.Contains([]string{"admin", "operator", "developer", "viewer"}, user.Role) {
		return "", core.Errorf(core.CodeForbidden, "your role does not watch the cluster").WithHint("Ask an admin for the role viewer.")
	}
	return user.Role, nil
}
