package store

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// CreatePod inserts a pod for the actor; the feed takes it from there. VALIDATION_ERROR names the field whose pack, namespace or
// priority class does not exist.
func (s *Store) CreatePod(ctx context.Context, actor core.Actor, in wire.PodCreate) (wire.Pod, error) {
	var pod wire.Pod
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		id, err := onceOne(ctx, q, actor, func() (uuid.UUID, error) {
			packID, err := resolvePack(ctx, q, in)
			if err != nil {
				return uuid.Nil, err
			}
			id, err := q.InsertPod(ctx, podParams(in, packID))
			if err != nil {
				return uuid.Nil, podInsertError(in, err)
			}
			return id, nil
		})
		if err != nil {
			return err
		}
		row, err := q.GetPod(ctx, id)
		if err != nil {
			return notFound("read new pod", "pod", err) // made before under the same key, and deleted since
		}
		pod = podOf(db.ListPodsRow(row))
		return nil
	})
	return pod, err
}

func podParams(in wire.PodCreate, packID uuid.UUID) db.InsertPodParams {
	arg := db.InsertPodParams{
		Namespace: in.Namespace, PackID: packID, Env: jsonOf(in.Env, "{}"), Args: orEmpty(in.Args, "[]"),
		Metadata: orEmpty(in.Metadata, "{}"), Cpu: in.Resources.CPU, Memory: in.Resources.Memory, PriorityClass: in.PriorityClass,
		NodeSelector: jsonOf(in.NodeSelector, "{}"), Tolerations: jsonOf(in.Tolerations, "[]"), Affinity: orEmpty(in.Affinity, "{}"),
		TopologySpread: orEmpty(in.TopologySpread, "[]"), SchedulingGroup: in.SchedulingGroup, SchedulingGroupSize: in.SchedulingGroupSize,
		GracePeriodMs: in.GracePeriodMS, Labels: jsonOf(in.Labels, "{}"), Annotations: jsonOf(in.Annotations, "{}"),
	}
	if in.Name != "" {
		arg.Name = &in.Name
	}
	return arg
}

func podInsertError(in wire.PodCreate, err error) error {
	mapped := mapError("insert pod", err)
	switch {
	case breaks(err, "pods_namespace_fkey"):
		return core.Invalid("namespace", "there is no namespace %q", in.Namespace).WithCause(mapped)
	case breaks(err, "pods_priority_class_fkey"):
		return core.Invalid("priorityClass", "there is no priority class %q", in.PriorityClass).WithCause(mapped)
	}
	return mapped
}

// Pod reads one pod; NOT_FOUND when the actor may not see it.
func (s *Store) Pod(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Pod, error) {
	var pod wire.Pod
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.GetPod(ctx, id)
		if err != nil {
			return notFound("get pod", "pod", err)
		}
		pod = podOf(db.ListPodsRow(row))
		return nil
	})
	return pod, err
}

// ListPods lists what the actor may see, newest first, and gives the cursor of the next page.
func (s *Store) ListPods(ctx context.Context, actor core.Actor, f wire.PodFilter) (pods []wire.Pod, next string, err error) {
	after, size := slice(f.Slice)
	labels, only := plainLabels(f)
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		if only {
			rows, err := q.ListPodsLabelled(ctx, db.ListPodsLabelledParams{
				Labels: jsonOf(labels, "{}"), Namespace: f.Namespace, AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size,
			})
			pods, next = page(rows, size, func(r db.ListPodsLabelledRow) wire.Pod { return podOf(db.ListPodsRow(r)) }, podCursor)
			return mapError("list pods", err)
		}
		rows, err := q.ListPods(ctx, db.ListPodsParams{
			Namespace: f.Namespace, Name: f.Name, Status: string(f.Status), NodeID: f.NodeID, PackID: f.PackID, CreatedBy: f.CreatedBy, DeploymentID: f.DeploymentID, NotStatus: string(f.NotStatus), NodeName: f.NodeName, Selector: jsonOf(f.Labels, "[]"),
			AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size,
		})
		pods, next = page(rows, size, podOf, podCursor)
		return mapError("list pods", err)
	})
	return pods, next, err
}

func podCursor(p wire.Pod) wire.Cursor { return wire.Cursor{CreatedAt: p.CreatedAt, ID: p.ID} }

// plainLabels are the labels that a filter wants, if it wants nothing else but a namespace: such a page is found by the index of the labels.
func plainLabels(f wire.PodFilter) (labels map[string]string, only bool) {
	labels = map[string]string{}
	for _, r := range f.Labels {
		if r.Op != "in" || len(r.Values) != 1 {
			return nil, false
		}
		if have, twice := labels[r.Key]; twice && have != r.Values[0] {
			return nil, false
		}
		labels[r.Key] = r.Values[0]
	}
	rest := f
	rest.Labels, rest.Namespace, rest.Slice = nil, "", wire.Slice{}
	return labels, len(labels) > 0 && reflect.DeepEqual(rest, wire.PodFilter{})
}

// StopPod asks for a pod to stop. A pod that is to stop already stays as it is.
func (s *Store) StopPod(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Pod, error) {
	var pod wire.Pod
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		if _, err := q.LockPod(ctx, id); err != nil {
			if mapped := mapError("lock pod", err); core.CodeOf(mapped) != core.CodeNotFound {
				return mapped
			}
			_, err := q.GetPod(ctx, id)
			return refusedUnless("stop pod", "pod", err)
		}
		if err := q.StopPod(ctx, id); err != nil {
			return mapError("stop pod", err)
		}
		row, err := q.GetPod(ctx, id)
		if err != nil {
			return notFound("read stopped pod", "pod", err)
		}
		pod = podOf(db.ListPodsRow(row))
		return nil
	})
	return pod, err
}

// DeletePod removes a pod. Whatever runs of it is stopped by the hub when the feed shows that it is gone.
func (s *Store) DeletePod(ctx context.Context, actor core.Actor, id uuid.UUID) error {
	return s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.DeletePod(ctx, id)
		if err != nil || n > 0 {
			return mapError("delete pod", err)
		}
		_, err = q.GetPod(ctx, id)
		return refusedUnless("delete pod", "pod", err)
	})
}

func podOf(r db.ListPodsRow) wire.Pod {
	return wire.Pod{
		ID: r.ID, Name: r.Name, Namespace: r.Namespace, PackID: r.PackID, PackName: r.PackName, PackVersion: r.PackVersion,
		NodeID: r.NodeID, NodeName: r.NodeName, Status: core.PodStatus(r.Status), DesiredState: core.DesiredState(r.DesiredState),
		Reason: r.Reason, Message: r.Message, Incarnation: r.Incarnation, Restarts: r.Restarts,
		Resources: wire.Resources{CPU: r.Cpu, Memory: r.Memory}, PriorityClass: r.PriorityClass, Priority: r.Priority,
		Env: stringMap(r.Env), Args: r.Args, Metadata: r.Metadata, NodeSelector: stringMap(r.NodeSelector),
		Tolerations: elements[core.Toleration](r.Tolerations), Affinity: r.Affinity, GracePeriodMS: r.GracePeriodMs,
		TopologySpread: r.TopologySpread, SchedulingGroup: r.SchedulingGroup, SchedulingGroupSize: r.SchedulingGroupSize,
		Labels: stringMap(r.Labels), Annotations: stringMap(r.Annotations), Unschedulable: r.Unschedulable, Result: r.Result,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, ScheduledAt: r.ScheduledAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		Revision: r.Revision, DeploymentID: r.DeploymentID, DeploymentGeneration: r.DeploymentGeneration, Eviction: r.Eviction,
	}
}
