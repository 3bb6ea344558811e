package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

// RegisterNode makes or renews a node for its agent, in one transaction: the row under the agent's own rights, then, with the worker's,
// the lease for this connection, its health, and what becomes of its pods. Pods that should be there and that the agent
// does not hold are lost and go back to pending.
func (s *Store) RegisterNode(ctx context.Context, actor core.Actor, reg core.Registration) (core.Registered, error) {
	var out core.Registered
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		q := s.q.WithTx(tx)
		if err := become(ctx, tx, actor); err != nil {
			return err
		}
		node, err := upsertNode(ctx, q, reg)
		if err != nil {
			return err
		}
		if core.Runtime(node.RuntimeType) != reg.Runtime {
			return core.Errorf(core.CodeConflict, "node %q is a %s node", reg.Name, node.RuntimeType).WithHint("Choose another name, or delete the node.")
		}
		if _, err := tx.Exec(ctx, "reset role"); err != nil {
			return err
		}
		out = core.Registered{NodeID: node.ID, Access: core.Access(node.Access)}
		if err := q.TakeNodeLease(ctx, db.TakeNodeLeaseParams{NodeID: node.ID, SessionID: reg.SessionID, BootID: reg.BootID, ServerID: reg.ServerID}); err != nil {
			return fmt.Errorf("take lease: %w", err)
		}
		if err := q.SetNodeStatus(ctx, db.SetNodeStatusParams{ID: node.ID, Status: string(core.NodeHealthy), StatusReason: "connected"}); err != nil {
			return fmt.Errorf("set status: %w", err)
		}
		rows, err := q.LockPodsOfNode(ctx, &node.ID)
		if err != nil {
			return fmt.Errorf("read pods: %w", err)
		}
		lost := out.Reconcile(podsOf(rows), reg.Held)
		if len(lost) == 0 {
			return nil
		}
		return q.RequeuePods(ctx, db.RequeuePodsParams{Pods: lost, NodeID: &node.ID, Reason: core.ReasonAgentRestarted,
			Message: "the agent came back without it"})
	})
	if err != nil {
		return core.Registered{}, mapError("register node", err)
	}
	return out, nil
}

func upsertNode(ctx context.Context, q *db.Queries, reg core.Registration) (db.UpsertNodeRow, error) {
	arg := db.UpsertNodeParams{
		Name: reg.Name, RuntimeType: string(reg.Runtime), RuntimeVersion: reg.RuntimeVersion, AgentVersion: reg.AgentVersion,
		Labels: jsonOf(reg.Labels, "{}"), Annotations: jsonOf(reg.Annotations, "{}"), Taints: jsonOf(reg.Taints, "[]"),
		Capabilities: reg.Capabilities, Cpu: reg.CPU, Memory: reg.Memory, MaxPods: reg.MaxPods,
	}
	if len(arg.Capabilities) == 0 {
		arg.Capabilities = json.RawMessage("{}")
	}
	node, err := q.UpsertNode(ctx, arg)
	if err != nil {
		mapped := mapError("upsert node", err)
		if core.CodeOf(mapped) == core.CodeForbidden {
			// The name is another user's, or the role may not have nodes at all: the same answer, so that names do not leak.
			return node, core.Errorf(core.CodeForbidden, "you may not register a node named %q", reg.Name).
				WithHint("Choose another name; viewers cannot register nodes.").WithCause(mapped)
		}
		return node, mapped
	}
	return node, nil
}

// jsonOf encodes what is certain to be JSON; nil becomes the given empty value.
func jsonOf(v any, empty string) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" {
		return json.RawMessage(empty)
	}
	return b
}

func podsOf(rows []db.LockPodsOfNodeRow) []*core.Pod {
	pods := make([]*core.Pod, len(rows))
	for i, r := range rows {
		pods[i] = &core.Pod{
			ID: r.ID, Name: r.Name, Namespace: r.Namespace, PackID: r.PackID, Args: r.Args, Metadata: r.Metadata,
			CPUMillis: r.CpuMillis, MemoryBytes: r.MemoryBytes, Priority: r.Priority,
			GracePeriod: time.Duration(r.GracePeriodMs) * time.Millisecond,
			Desired:     core.DesiredState(r.DesiredState), Status: core.PodStatus(r.Status), NodeID: *r.NodeID,
			Incarnation: r.Incarnation, Revision: r.Revision, EvictionGrace: millis(r.EvictionGraceMs),
		}
		if r.Eviction != nil {
			pods[i].Eviction = *r.Eviction
		}
		if err := json.Unmarshal(r.Env, &pods[i].Env); err != nil {
			pods[i].Env = nil // a check constraint keeps it a map of strings
		}
	}
	return pods
}

// millis is a number of milliseconds, nil for null.
func millis(ms *int32) *time.Duration {
	if ms == nil {
		return nil
	}
	d := time.Duration(*ms) * time.Millisecond
	return &d
}

// SetNodeGone records that the connection of a node is gone. Only the connection that holds the lease counts; ok says whether it did.
// A node that said goodbye is unhealthy at once and its pods are placed again; one that just dropped is unknown and keeps them for now.
func (s *Store) SetNodeGone(ctx context.Context, node, session uuid.UUID, goodbye bool) (ok bool, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		q := s.q.WithTx(tx)
		if err := q.LockNode(ctx, node); err != nil {
			return err
		}
		arg := db.DisconnectNodeParams{Status: string(core.NodeUnknown), StatusReason: "connection_lost", NodeID: node, SessionID: session}
		if goodbye {
			arg.Status, arg.StatusReason = string(core.NodeUnhealthy), "disconnected"
		}
		n, err := q.DisconnectNode(ctx, arg)
		if err != nil || n == 0 || !goodbye {
			ok = n > 0
			return err
		}
		ok = true
		return q.RequeueNode(ctx, db.RequeueNodeParams{NodeID: &node, Reason: core.ReasonNodeDisconnected, Message: "the agent went away"})
	})
	return ok, mapError("disconnect node", err)
}

// RenewNodeLeases extends leases in one statement and returns the sessions that still hold theirs. It makes nodes healthy again that were
// given up because nobody renewed their lease in time.
func (s *Store) RenewNodeLeases(ctx context.Context, renewals []core.LeaseRenewal) (held map[uuid.UUID]bool, err error) {
	var arg db.RenewNodeLeasesParams
	for _, r := range renewals {
		arg.Nodes = append(arg.Nodes, r.NodeID)
		arg.Sessions = append(arg.Sessions, r.SessionID)
		usage := r.Usage
		if len(usage) == 0 {
			usage = json.RawMessage("{}")
		}
		arg.Usages = append(arg.Usages, usage)
	}
	sessions, err := s.q.RenewNodeLeases(ctx, arg)
	if err != nil {
		return nil, mapError("renew node leases", err)
	}
	held = make(map[uuid.UUID]bool, len(sessions))
	for _, id := range sessions {
		held[id] = true
	}
	return held, nil
}
