package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// errPreviewed ends a transaction of which nothing is to stay.
var errPreviewed = errors.New("only a preview")

// PreviewPods says what pods would be in the table if the actor created them: they are created, under all rules, and the transaction is taken back.
// It refuses what CreatePod would refuse. The feed never sees them. Field begins with pods[i] where one pod is at fault.
func (s *Store) PreviewPods(ctx context.Context, actor core.Actor, in []wire.PodCreate) (pods []*core.Pod, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		for i, create := range in {
			pod, err := previewPod(ctx, q, create)
			if err != nil {
				return inItem(i, err)
			}
			pod.CreatedAt = pod.CreatedAt.Add(time.Duration(i) * time.Microsecond) // one after the other, as they would come
			pods = append(pods, pod)
		}
		return errPreviewed
	})
	if errors.Is(err, errPreviewed) {
		return pods, nil
	}
	return nil, err
}

func previewPod(ctx context.Context, q *db.Queries, in wire.PodCreate) (*core.Pod, error) {
	packID, err := resolvePack(ctx, q, in)
	if err != nil {
		return nil, err
	}
	id, err := q.InsertPod(ctx, podParams(in, packID))
	if err != nil {
		return nil, podInsertError(in, err)
	}
	r, err := q.PreviewPod(ctx, id)
	if err != nil {
		return nil, mapError("read previewed pod", err)
	}
	pod := &core.Pod{
		ID: r.ID, Name: r.Name, Namespace: r.Namespace, PackID: r.PackID, CPUMillis: r.CpuMillis, MemoryBytes: r.MemoryBytes, Priority: r.Priority,
		NodeSelector: stringMap(r.NodeSelector), Tolerations: elements[core.Toleration](r.Tolerations), Affinity: r.Affinity, TopologySpread: r.TopologySpread,
		NeverPreempts: r.PreemptionPolicy == "Never", Group: r.SchedulingGroup, GroupSize: r.SchedulingGroupSize,
		GracePeriod: time.Duration(r.GracePeriodMs) * time.Millisecond, Labels: stringMap(r.Labels), Desired: core.DesiredRunning, Status: core.PodPending, CreatedAt: r.CreatedAt,
	}
	if r.CreatedBy != nil {
		pod.CreatedBy = *r.CreatedBy
	}
	return pod, nil
}

// VisiblePods gives those of the pods that the actor may see, in no order.
func (s *Store) VisiblePods(ctx context.Context, actor core.Actor, ids []uuid.UUID) (seen []uuid.UUID, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) (err error) {
		seen, err = q.VisiblePods(ctx, ids)
		return mapError("see pods", err)
	})
	return seen, err
}
