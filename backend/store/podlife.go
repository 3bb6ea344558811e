package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// maxHistory is how many of its newest events a pod's history shows.
const maxHistory = 1000

// PodHistory is what happened to a pod, oldest first; it outlives the pod. NOT_FOUND when there is nothing that the actor may see.
func (s *Store) PodHistory(ctx context.Context, actor core.Actor, id uuid.UUID) ([]wire.PodEvent, error) {
	var events []wire.PodEvent
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.PodHistory(ctx, db.PodHistoryParams{PodID: id, PageSize: maxHistory})
		if err != nil {
			return mapError("pod history", err)
		}
		if len(rows) == 0 { // every pod has been created
			return refused("pod", false)
		}
		for _, r := range rows {
			events = append(events, wire.PodEvent{
				ID: r.ID, At: r.At, Event: r.Event, From: r.FromStatus, To: r.ToStatus, Reason: r.Reason, Message: r.Message,
				NodeID: r.NodeID, Incarnation: r.Incarnation, ActorID: r.ActorID, ActorRole: r.ActorRole, CorrelationID: r.CorrelationID,
			})
		}
		return nil
	})
	return events, err
}

// PodLogs reads lines of a pod's log, oldest first. FORBIDDEN when the actor sees the pod but not what it prints.
func (s *Store) PodLogs(ctx context.Context, actor core.Actor, id uuid.UUID, want wire.LogQuery) ([]wire.PodLogLine, error) {
	lines := []wire.PodLogLine{}
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := logRows(ctx, q, id, want)
		if err != nil {
			return mapError("pod logs", err)
		}
		for _, r := range rows {
			lines = append(lines, wire.PodLogLine{ID: r.ID, At: r.At, Stream: r.Stream, Line: r.Line, Incarnation: r.Incarnation})
		}
		if len(rows) > 0 {
			return nil
		}
		// Nothing printed, nothing to see, or no such pod?
		readable, err := q.PodLogAccess(ctx, id)
		if err != nil {
			return notFound("pod log access", "pod", err)
		}
		if !readable {
			return core.Errorf(core.CodeForbidden, "you may not read what this pod prints").
				WithHint("Logs are for the pod's owner, operators and admins.")
		}
		return nil
	})
	return lines, err
}

func logRows(ctx context.Context, q *db.Queries, id uuid.UUID, want wire.LogQuery) ([]db.PodLogsTailRow, error) {
	if want.Tail > 0 {
		size := int32(min(want.Tail, want.Limit))
		return q.PodLogsTail(ctx, db.PodLogsTailParams{PodID: id, AfterID: want.After, PageSize: size})
	}
	rows, err := q.PodLogsAfter(ctx, db.PodLogsAfterParams{PodID: id, AfterID: want.After, PageSize: int32(want.Limit)})
	same := make([]db.PodLogsTailRow, len(rows))
	for i, r := range rows {
		same[i] = db.PodLogsTailRow(r)
	}
	return same, err
}
