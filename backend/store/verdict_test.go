package store

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	node, other := uuid.New(), uuid.New()
	for name, c := range map[string]struct {
		report core.PodStatus // by node, of incarnation 2
		row    db.PodPositionsRow
		gone   bool
		want   string
	}{
		"the pod is gone":                    {report: core.PodRunning, gone: true, want: core.VerdictNotFound},
		"the assignment is not visible yet":  {report: core.PodStarting, row: db.PodPositionsRow{Incarnation: 1, Status: "pending"}, want: core.VerdictNotYet},
		"it has just become visible":         {report: core.PodStarting, row: db.PodPositionsRow{NodeID: &node, Incarnation: 2, Status: "scheduled"}, want: core.VerdictNotYet},
		"placed anew elsewhere":              {report: core.PodRunning, row: db.PodPositionsRow{NodeID: &other, Incarnation: 3, Status: "scheduled"}, want: core.VerdictStaleIncarnation},
		"lost, and not placed again":         {report: core.PodRunning, row: db.PodPositionsRow{Incarnation: 2, Status: "pending"}, want: core.VerdictStaleIncarnation},
		"another node's":                     {report: core.PodRunning, row: db.PodPositionsRow{NodeID: &other, Incarnation: 2, Status: "running"}, want: core.VerdictStaleIncarnation},
		"said before, the answer was lost":   {report: core.PodRunning, row: db.PodPositionsRow{NodeID: &node, Incarnation: 2, Status: "running"}, want: core.VerdictAccepted},
		"not a step that a pod can take":     {report: core.PodStarting, row: db.PodPositionsRow{NodeID: &node, Incarnation: 2, Status: "running"}, want: core.VerdictIllegalTransition},
		"it has ended, and stays that way":   {report: core.PodRunning, row: db.PodPositionsRow{NodeID: &node, Incarnation: 2, Status: "stopped"}, want: core.VerdictIllegalTransition},
		"ended, and told to stop once again": {report: core.PodStopping, row: db.PodPositionsRow{NodeID: &node, Incarnation: 2, Status: "failed"}, want: core.VerdictIllegalTransition},
	} {
		got := verdict(core.StatusReport{NodeID: node, Incarnation: 2, Status: c.report}, c.row, !c.gone)
		require.Equal(t, c.want, got, name)
	}
}
