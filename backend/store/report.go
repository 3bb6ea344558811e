package store

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

// ReportStatuses takes a batch of reports, at most one a pod, in one statement. It returns a verdict for each, in order. A report that the
// database cannot store as it is, for example a result with a number that JSON allows and Postgres does not, is stored without its result;
// it does not hold up the others.
func (s *Store) ReportStatuses(ctx context.Context, reports []core.StatusReport) ([]string, error) {
	verdicts, err := s.reportStatuses(ctx, reports)
	if core.CodeOf(err) != core.CodeValidation {
		return verdicts, err
	}
	if len(reports) > 1 {
		half := len(reports) / 2
		first, err := s.ReportStatuses(ctx, reports[:half])
		if err != nil {
			return nil, err
		}
		second, err := s.ReportStatuses(ctx, reports[half:])
		return append(first, second...), err
	}
	bare := reports[0]
	if bare.Result == nil {
		return []string{core.VerdictInvalid}, nil
	}
	bare.Result = nil
	if bare.Message == "" {
		bare.Message = "the result cannot be stored"
	}
	return s.ReportStatuses(ctx, []core.StatusReport{bare})
}

func (s *Store) reportStatuses(ctx context.Context, reports []core.StatusReport) ([]string, error) {
	var arg db.ReportStatusesParams
	for _, r := range reports {
		arg.Nodes = append(arg.Nodes, r.NodeID)
		arg.Pods = append(arg.Pods, r.PodID)
		arg.Incarnations = append(arg.Incarnations, r.Incarnation)
		arg.Statuses = append(arg.Statuses, string(r.Status))
		arg.Reasons = append(arg.Reasons, storable(r.Reason))
		arg.Messages = append(arg.Messages, storable(r.Message))
		arg.Results = append(arg.Results, r.Result)
	}
	taken, err := s.q.ReportStatuses(ctx, arg)
	if err != nil {
		return nil, mapError("report statuses", err)
	}
	verdicts := make([]string, len(reports))
	if len(taken) == len(reports) {
		return verdicts, nil
	}
	return s.judge(ctx, reports, taken)
}

// judge finds out why reports were not taken.
func (s *Store) judge(ctx context.Context, reports []core.StatusReport, taken []uuid.UUID) ([]string, error) {
	accepted := make(map[uuid.UUID]bool, len(taken))
	for _, id := range taken {
		accepted[id] = true
	}
	var ask []uuid.UUID
	for _, r := range reports {
		if !accepted[r.PodID] {
			ask = append(ask, r.PodID)
		}
	}
	rows, err := s.q.PodPositions(ctx, ask)
	if err != nil {
		return nil, mapError("pod positions", err)
	}
	positions := make(map[uuid.UUID]db.PodPositionsRow, len(rows))
	for _, row := range rows {
		positions[row.ID] = row
	}
	verdicts := make([]string, len(reports))
	for i, r := range reports {
		if !accepted[r.PodID] {
			row, found := positions[r.PodID]
			verdicts[i] = verdict(r, row, found)
		}
	}
	return verdicts, nil
}

func verdict(r core.StatusReport, row db.PodPositionsRow, found bool) string {
	switch {
	case !found:
		return core.VerdictNotFound
	case row.Incarnation < r.Incarnation:
		return core.VerdictNotYet
	case row.NodeID == nil || *row.NodeID != r.NodeID || row.Incarnation != r.Incarnation:
		return core.VerdictStaleIncarnation
	case row.Status == string(r.Status):
		return core.VerdictAccepted // said before, and the acknowledgement was lost
	case core.PodStatus(row.Status).CanBecome(r.Status):
		return core.VerdictNotYet // the statement did not see the row that is seen now
	}
	return core.VerdictIllegalTransition
}

// AppendLogs stores lines; those of pods that are gone are dropped.
func (s *Store) AppendLogs(ctx context.Context, lines []core.LogLine) error {
	var arg db.AppendLogsParams
	for _, l := range lines {
		arg.Pods = append(arg.Pods, l.PodID)
		arg.Incarnations = append(arg.Incarnations, l.Incarnation)
		arg.Ats = append(arg.Ats, l.At)
		arg.Streams = append(arg.Streams, l.Stream)
		arg.Lines = append(arg.Lines, storable(l.Text))
	}
	return mapError("append logs", s.q.AppendLogs(ctx, arg))
}

// storable is text as Postgres takes it: packs print what they like, but a text column holds no NUL.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// TrimLogs keeps the newest lines of each of these pods.
func (s *Store) TrimLogs(ctx context.Context, pods []uuid.UUID, keep int64) error {
	return mapError("trim logs", s.q.TrimLogs(ctx, db.TrimLogsParams{Pods: pods, Keep: int32(max(0, min(keep, 1<<30)))}))
}
