package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

// ErrNotLeader says that a decision was void: its epoch is over.
var ErrNotLeader = core.Errorf(core.CodeConflict, "this server is not the leader any more")

// Assign writes placements in one statement and returns the pods that it matched. A pod that is missing was not pending, or its row
// is not visible yet although the feed has shown it, or its node takes none any more, or someone holds either row: the caller tries again.
// ErrNotLeader when nothing matched because the epoch is over.
func (s *Store) Assign(ctx context.Context, epoch core.Epoch, placements []core.Placement) ([]uuid.UUID, error) {
	arg := db.AssignParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number,
		Pods: make([]uuid.UUID, len(placements)), Nodes: make([]uuid.UUID, len(placements))}
	for i, p := range placements {
		arg.Pods[i], arg.Nodes[i] = p.PodID, p.NodeID
	}
	assigned, err := s.q.Assign(ctx, arg)
	if err != nil {
		return nil, mapError("assign", err)
	}
	if len(assigned) == 0 && len(placements) > 0 {
		return nil, s.stillLeader(ctx, epoch)
	}
	return assigned, nil
}

func (s *Store) stillLeader(ctx context.Context, epoch core.Epoch) error {
	holds, err := s.q.HoldsLease(ctx, db.HoldsLeaseParams{Name: leaseName, Holder: epoch.Holder, Epoch: epoch.Number})
	if err != nil {
		return mapError("check lease", err)
	}
	if !holds {
		return ErrNotLeader
	}
	return nil
}

// ExplainPending stores why pods are pending and returns the pods that it saw; the others it could not see or lock: the caller tries again.
// It writes only what differs from what is stored. ErrNotLeader as in Assign.
func (s *Store) ExplainPending(ctx context.Context, epoch core.Epoch, why map[uuid.UUID]json.RawMessage) ([]uuid.UUID, error) {
	arg := db.ExplainPendingParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number}
	for pod, explanation := range why {
		arg.Pods = append(arg.Pods, pod)
		arg.Explanations = append(arg.Explanations, explanation)
	}
	seen, err := s.q.ExplainPending(ctx, arg)
	if err != nil {
		return nil, mapError("explain pending", err)
	}
	if len(seen) == 0 && len(why) > 0 {
		return nil, s.stillLeader(ctx, epoch)
	}
	return seen, nil
}

// Evict asks pods to leave their nodes and returns those that it asked. A pod that is missing has left already, is stopping anyway, is not visible
// yet, or someone holds its row. ErrNotLeader as in Assign.
func (s *Store) Evict(ctx context.Context, epoch core.Epoch, evictions []core.Eviction) ([]uuid.UUID, error) {
	arg := db.EvictParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number}
	for _, e := range evictions {
		grace := int32(-1)
		if e.Grace != nil {
			grace = int32(min(max(*e.Grace, 0), maxGrace).Milliseconds())
		}
		arg.Pods, arg.Nodes = append(arg.Pods, e.PodID), append(arg.Nodes, e.NodeID)
		arg.Reasons, arg.Messages, arg.GracesMs = append(arg.Reasons, e.Reason), append(arg.Messages, e.Message), append(arg.GracesMs, grace)
	}
	asked, err := s.q.Evict(ctx, arg)
	if err != nil {
		return nil, mapError("evict", err)
	}
	if len(asked) == 0 && len(evictions) > 0 {
		return nil, s.stillLeader(ctx, epoch)
	}
	return asked, nil
}

// maxGrace is the longest grace period that the schema takes.
const maxGrace = time.Hour

// EndDrains records of nodes that are being drained that they are empty, and returns those that are. ErrNotLeader as in Assign.
func (s *Store) EndDrains(ctx context.Context, epoch core.Epoch, nodes []uuid.UUID) ([]uuid.UUID, error) {
	ended, err := s.q.EndDrains(ctx, db.EndDrainsParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number, Nodes: nodes})
	if err != nil {
		return nil, mapError("end drains", err)
	}
	if len(ended) == 0 && len(nodes) > 0 {
		return nil, s.stillLeader(ctx, epoch)
	}
	return ended, nil
}

// NodeLeases lists the leases of the nodes that somebody still counts on.
func (s *Store) NodeLeases(ctx context.Context) ([]core.NodeLease, error) {
	rows, err := s.q.NodeLeases(ctx)
	if err != nil {
		return nil, mapError("node leases", err)
	}
	leases := make([]core.NodeLease, len(rows))
	for i, r := range rows {
		leases[i] = core.NodeLease{NodeID: r.NodeID, RenewedAt: r.RenewedAt, Status: core.NodeStatus(r.Status)}
	}
	return leases, nil
}

// LoseNodes declares nodes unhealthy whose lease is still the one given, and takes the pods of the first `take` of those nodes back to pending if
// they are unhealthy, all at once. Nodes that were heard meanwhile are left alone. It returns the nodes that became unhealthy and how many
// pods lost their home. ErrNotLeader as in Assign.
func (s *Store) LoseNodes(ctx context.Context, epoch core.Epoch, leases []core.NodeLease, take int) (lost []uuid.UUID, evicted int, err error) {
	arg := db.LoseNodesParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number}
	for _, l := range leases {
		arg.Nodes = append(arg.Nodes, l.NodeID)
		arg.Seen = append(arg.Seen, l.RenewedAt)
	}
	err = inTx(ctx, s.work, func(tx pgx.Tx) error {
		q := s.q.WithTx(tx)
		var err error
		if lost, err = q.LoseNodes(ctx, arg); err != nil {
			return mapError("lose nodes", err)
		}
		pods, err := q.EvictFromUnhealthy(ctx, db.EvictFromUnhealthyParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number,
			Reason: core.ReasonNodeLost, Nodes: arg.Nodes[:take]})
		evicted = len(pods)
		return mapError("evict", err)
	})
	if err != nil {
		return nil, 0, err
	}
	if len(lost) == 0 && evicted == 0 && len(leases) > 0 {
		return nil, 0, s.stillLeader(ctx, epoch)
	}
	return lost, evicted, nil
}
