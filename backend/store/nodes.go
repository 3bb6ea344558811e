package store

import (
	"context"

	"github.com/google/uuid"

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

// UpdateNode changes what the patch gives. CONFLICT when the revision has moved on; FORBIDDEN when the node is not the actor's to change.
func (s *Store) UpdateNode(ctx context.Context, actor core.Actor, idOrName string, patch wire.NodePatch) (wire.Node, error) {
	var node wire.Node
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		found, err := q.GetNode(ctx, nodeKey(idOrName))
		if err != nil {
			return notFound("find node", "node", err)
		}
		changed, err := q.UpdateNode(ctx, nodeChange(found.ID, patch))
		if err != nil {
			return mapError("update node", err)
		}
		if changed == 0 && patch.Revision != nil && *patch.Revision != found.Revision {
			return core.Errorf(core.CodeConflict, "changed by someone else: the revision is %d now", found.Revision).WithHint("Read it again, then try again.")
		}
		if changed == 0 {
			return refused("node", true)
		}
		row, err := q.GetNode(ctx, db.GetNodeParams{ID: &found.ID})
		node = nodeOf(db.ListNodesRow(row))
		return mapError("read changed node", err)
	})
	return node, err
}

func nodeChange(id uuid.UUID, patch wire.NodePatch) db.UpdateNodeParams {
	arg := db.UpdateNodeParams{ID: id, Unschedulable: patch.Unschedulable, Access: (*string)(patch.Access), Revision: patch.Revision}
	if patch.Labels != nil {
		arg.Labels = jsonOf(patch.Labels, "{}")
	}
	if patch.Annotations != nil {
		arg.Annotations = jsonOf(patch.Annotations, "{}")
	}
	if patch.Taints != nil {
		arg.Taints = jsonOf(*patch.Taints, "[]")
	}
	return arg
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

func nodeOf(r db.ListNodesRow) wire.Node {
	return wire.Node{
		ID: r.ID, Name: r.Name, RuntimeType: core.Runtime(r.RuntimeType), RuntimeVersion: r.RuntimeVersion, AgentVersion: r.AgentVersion,
		Status: core.NodeStatus(r.Status), StatusReason: r.StatusReason, StatusSince: r.StatusSince, LastHeartbeat: r.LastHeartbeat,
		OwnerID: r.OwnerID, Access: core.Access(r.Access), Unschedulable: r.Unschedulable, Labels: stringMap(r.Labels),
		Annotations: stringMap(r.Annotations), Taints: elements[core.Taint](r.Taints), Capabilities: orEmpty(r.Capabilities, "{}"),
		Resources: wire.NodeResources{CPU: r.Cpu, Memory: r.Memory, Pods: r.MaxPods}, Pods: r.Pods, CreatedAt: r.CreatedAt, Revision: r.Revision,
	}
}
