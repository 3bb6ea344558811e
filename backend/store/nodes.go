package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// CreateNode registers a node before its agent comes. It is private unless the actor's role may share nodes.
func (s *Store) CreateNode(ctx context.Context, actor core.Actor, in wire.NodeCreate) (wire.Node, error) {
	var node wire.Node
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		id, err := q.InsertNode(ctx, db.InsertNodeParams{
			Name: in.Name, RuntimeType: string(in.RuntimeType), Labels: jsonOf(in.Labels, "{}"), Annotations: jsonOf(in.Annotations, "{}"),
			Taints: jsonOf(in.Taints, "[]"), Cpu: in.Resources.CPU, Memory: in.Resources.Memory, MaxPods: in.Resources.Pods,
		})
		if err != nil {
			return mapError("insert node", err)
		}
		row, err := q.GetNode(ctx, db.GetNodeParams{ID: &id})
		if err != nil {
			return mapError("read new node", err)
		}
		node = nodeOf(db.ListNodesRow(row))
		return nil
	})
	return node, err
}

// Node reads one node by its id or its name; NOT_FOUND when the actor may not see it.
func (s *Store) Node(ctx context.Context, actor core.Actor, idOrName string) (wire.Node, error) {
	var node wire.Node
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.GetNode(ctx, nodeKey(idOrName))
		if err != nil {
			return notFound("get node", "node", err)
		}
		node = nodeOf(db.ListNodesRow(row))
		return nil
	})
	return node, err
}

func nodeKey(idOrName string) db.GetNodeParams {
	key := db.GetNodeParams{Name: idOrName}
	if id, err := uuid.Parse(idOrName); err == nil && len(idOrName) == 36 {
		key.ID = &id
	}
	return key
}

// ListNodes lists what the actor may see, newest first, and gives the cursor of the next page.
func (s *Store) ListNodes(ctx context.Context, actor core.Actor, f wire.NodeFilter) (nodes []wire.Node, next string, err error) {
	after, size := slice(f.Slice)
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListNodes(ctx, db.ListNodesParams{
			Name: f.Name, Status: string(f.Status), RuntimeType: string(f.RuntimeType), AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size,
		})
		nodes, next = page(rows, size, nodeOf, func(n wire.Node) wire.Cursor { return wire.Cursor{CreatedAt: n.CreatedAt, ID: n.ID} })
		return mapError("list nodes", err)
	})
	return nodes, next, err
}

// VisibleNodes gives those of the nodes that the actor may see, in no order.
func (s *Store) VisibleNodes(ctx context.Context, actor core.Actor, ids []uuid.UUID) (seen []uuid.UUID, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) (err error) {
		seen, err = q.VisibleNodes(ctx, ids)
		return mapError("see nodes", err)
	})
	return seen, err
}

// DeleteNode deletes a node by its id or its name. CONFLICT while pods have their home there.
func (s *Store) DeleteNode(ctx context.Context, actor core.Actor, idOrName string) error {
	return s.asActor(ctx, actor, func(q *db.Queries) error {
		node, err := q.GetNode(ctx, nodeKey(idOrName))
		if err != nil {
			return notFound("find node", "node", err)
		}
		n, err := q.DeleteNode(ctx, node.ID)
		if err != nil || n > 0 {
			return mapError("delete node", err)
		}
		return refused("node", true)
	})
}

// UpdateNode changes what the patch gives of a node, by its id or its name. Uncordoning ends a drain. CONFLICT when the revision has moved on.
func (s *Store) UpdateNode(ctx context.Context, actor core.Actor, idOrName string, patch wire.NodePatch) (wire.Node, error) {
	key := nodeKey(idOrName)
	arg := db.UpdateNodeParams{
		ID: key.ID, Name: key.Name, Labels: jsonOf(patch.Labels, "{}"), Annotations: jsonOf(patch.Annotations, "{}"), Access: (*string)(patch.Access),
		Unschedulable: patch.Unschedulable, EndDrain: patch.Unschedulable != nil && !*patch.Unschedulable, Revision: patch.Revision,
	}
	if patch.Taints != nil {
		arg.Taints = jsonOf(*patch.Taints, "[]")
	}
	if patch.Drain != nil {
		seconds := float64(patch.Drain.TimeoutSeconds)
		arg.DrainSeconds = &seconds
	}
	var node wire.Node
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		id, err := q.UpdateNode(ctx, arg)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return mapError("update node", err)
		}
		changed := err == nil
		if changed {
			key = db.GetNodeParams{ID: &id}
		}
		row, err := q.GetNode(ctx, key)
		switch {
		case err != nil:
			return notFound("read node", "node", err)
		case !changed && patch.Revision != nil && row.Revision != *patch.Revision:
			return outdated(row.Revision)
		case !changed:
			return refused("node", true)
		}
		node = nodeOf(db.ListNodesRow(row))
		return nil
	})
	return node, err
}

func nodeOf(r db.ListNodesRow) wire.Node {
	return wire.Node{
		ID: r.ID, Name: r.Name, RuntimeType: core.Runtime(r.RuntimeType), RuntimeVersion: r.RuntimeVersion, AgentVersion: r.AgentVersion,
		Status: core.NodeStatus(r.Status), StatusReason: r.StatusReason, StatusSince: r.StatusSince, LastHeartbeat: r.LastHeartbeat,
		OwnerID: r.OwnerID, Access: core.Access(r.Access), Unschedulable: r.Unschedulable, Labels: stringMap(r.Labels),
		Annotations: stringMap(r.Annotations), Taints: elements[core.Taint](r.Taints), Capabilities: orEmpty(r.Capabilities, "{}"),
		Resources: wire.NodeResources{CPU: r.Cpu, Memory: r.Memory, Pods: r.MaxPods}, Pods: r.Pods,
		DrainRequestedAt: r.DrainRequestedAt, DrainDeadline: r.DrainDeadline, DrainedAt: r.DrainedAt, CreatedAt: r.CreatedAt, Revision: r.Revision,
	}
}
