package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.nodes = []wire.Node{{ID: uuid.New(), Name: "laptop"}}
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	require.NoError(t, os.WriteFile(file, []byte(cluster), 0o600))
	f.plan = wire.Plan{
		Placements: []wire.PlannedPod{{Name: "web", Namespace: "batch", Node: "east", Reason: "created"}},
		Evictions:  []wire.PlannedPod{{Name: "old", Namespace: "default", Node: "laptop", Reason: "drained"}},
		Pending:    []wire.PlannedPod{{Name: "big", Namespace: "default", Reason: "pending", Text: "0/2 nodes: 2 insufficient cpu\x1b[2J"}},
		Hidden:     2,
	}
	require.Equal(t, exitChanges, s.run("plan", "-f", file, "--drain", "laptop"))
	require.Empty(t, s.err, "that something would change is no error")
	require.Regexp(t, `^POD +WOULD +NODE +BECAUSE\ndefault/old +leaves +laptop +drained\nbatch/web +goes to +east +created\ndefault/big +waits +<none> +0/2 nodes: 2 insufficient cpu.*\nand 2 pods of others`, s.out)
	require.NotContains(t, s.out, "\x1b")
	require.Len(t, f.planAsked.Pods, 1)
	require.Equal(t, "batch", f.planAsked.Pods[0].Namespace)
	require.Equal(t, []string{"laptop"}, f.planAsked.Drain)
	require.Empty(t, f.created, "nothing was made")

	require.Equal(t, exitChanges, s.run("plan", "--drain", "laptop", "-o", "jsonpath={.evictions[0].name}"))
	require.Equal(t, "old\n", s.out)
	f.plan = wire.Plan{}
	require.Equal(t, "nothing would change\n", s.must("plan", "--drain", "laptop"))
	require.Equal(t, exitError, s.run("plan"))
	require.Contains(t, s.err, "pass -f FILE")
	require.Equal(t, exitError, s.run("plan", "--scale", "web"))
	require.Contains(t, s.err, "is not DEPLOYMENT=N")
}
