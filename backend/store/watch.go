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
	of := map[wire.WatchKind][]wire.WatchRef{}
	for _, ref := range refs {
		of[ref.Kind] = append(of[ref.Kind], ref)
	}
	err := s.asActor(ctx, actor, func(q *db.Queries) (err error) {
		if seen.Role, err = watcher(ctx, q); err != nil {
			return err
		}
		for kind, refs := range of {
			read, known := watchedKinds[kind]
			if !known {
				return fmt.Errorf("read changes: there is no kind %q", kind)
			}
			if err := read(ctx, q, refs, seen.Objects); err != nil {
				return mapError("read changed "+string(kind), err)
			}
		}
		return nil
	})
	return seen, err
}

// reader reads rows of one kind into a map.
type reader func(ctx context.Context, q *db.Queries, refs []wire.WatchRef, into map[wire.WatchRef]any) error

var watchedKinds = map[wire.WatchKind]reader{
	wire.WatchPods: readerOf((*db.Queries).WatchedPods, ids, func(r db.WatchedPodsRow) (wire.WatchRef, any) {
		return wire.WatchRef{Kind: wire.WatchPods, ID: r.ID}, podOf(db.ListPodsRow(r))
	}),
	wire.WatchNodes: readerOf((*db.Queries).WatchedNodes, ids, func(r db.WatchedNodesRow) (wire.WatchRef, any) {
		return wire.WatchRef{Kind: wire.WatchNodes, ID: r.ID}, nodeOf(db.ListNodesRow(r))
	}),
	wire.WatchPacks: readerOf((*db.Queries).WatchedPacks, ids, func(r db.WatchedPacksRow) (wire.WatchRef, any) {
		return wire.WatchRef{Kind: wire.WatchPacks, ID: r.ID}, packOf(db.ListPacksRow(r))
	}),
	wire.WatchDeployments: readerOf((*db.Queries).WatchedDeployments, ids, func(r db.WatchedDeploymentsRow) (wire.WatchRef, any) {
		return wire.WatchRef{Kind: wire.WatchDeployments, ID: r.ID}, deploymentOf(r)
	}),
	wire.WatchNamespaces: readerOf((*db.Queries).WatchedNamespaces, ids, func(r db.WatchedNamespacesRow) (wire.WatchRef, any) {
		return wire.WatchRef{Kind: wire.WatchNamespaces, ID: r.ID}, namespaceOf(db.ListNamespacesRow(r))
	}),
	wire.WatchEvents: readerOf((*db.Queries).WatchedEvents, numbers, func(r db.WatchedEventsRow) (wire.WatchRef, any) {
		return wire.WatchRef{Kind: wire.WatchEvents, Number: r.ID}, eventOf(r)
	}),
}

// readerOf makes a reader of a query, of what it takes, and of what becomes of its rows.
func readerOf[R, K any](query func(*db.Queries, context.Context, []K) ([]R, error), keys func([]wire.WatchRef) []K, dto func(R) (wire.WatchRef, any)) reader {
	return func(ctx context.Context, q *db.Queries, refs []wire.WatchRef, into map[wire.WatchRef]any) error {
		rows, err := query(q, ctx, keys(refs))
		for _, r := range rows {
			ref, object := dto(r)
			into[ref] = object
		}
		return err
	}
}

func ids(refs []wire.WatchRef) []uuid.UUID {
	list := make([]uuid.UUID, len(refs))
	for i, ref := range refs {
		list[i] = ref.ID
	}
	return list
}

func numbers(refs []wire.WatchRef) []int64 {
	list := make([]int64, len(refs))
	for i, ref := range refs {
		list[i] = ref.Number
	}
	return list
}

func deploymentOf(r db.WatchedDeploymentsRow) wire.Deployment {
	return wire.Deployment{
		ID: r.ID, Name: r.Name, Namespace: r.Namespace, Labels: stringMap(r.Labels), Annotations: stringMap(r.Annotations), PackID: r.PackID,
		PackName: r.PackName, PackVersion: r.PackVersion, FollowLatest: r.FollowLatest, Mode: r.Mode, Replicas: r.Replicas, Spec: r.Spec,
		Strategy: r.Strategy, Paused: r.Paused, HistoryLimit: r.HistoryLimit, Generation: r.Generation, ObservedGeneration: r.ObservedGeneration,
		Status: r.Status, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Revision: r.Revision,
	}
}

func eventOf(r db.WatchedEventsRow) wire.Event {
	return wire.Event{
		ID: r.ID, At: r.At, Kind: r.Kind, ObjectID: r.ObjectID, ObjectName: r.ObjectName, Namespace: r.Namespace, Type: r.Type, Reason: r.Reason,
		Message: r.Message, Data: r.Data, ActorID: r.ActorID, ActorRole: r.ActorRole, CorrelationID: r.CorrelationID,
	}
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
