package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

func TestNodeVerbs(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.nodes = []wire.Node{{Name: "n1"}}
	s := f.loggedIn()
	require.Equal(t, "node/n1 cordoned\n", s.must("node", "cordon", "n1"))
	require.Equal(t, "/api/nodes/n1/cordon", f.queries[len(f.queries)-1])
	require.Equal(t, "node/n1 uncordoned\n", s.must("node", "uncordon", "node/n1"))
	require.Equal(t, "/api/nodes/n1/uncordon", f.queries[len(f.queries)-1])
	require.Equal(t, "node/n1 labeled\n", s.must("node", "label", "n1", "zone=eu", "old-"))
	zone := "eu"
	require.Equal(t, map[string]*string{"zone": &zone, "old": nil}, f.nodePatch.Labels)
	for _, bad := range []string{"zone", "=x", "-"} {
		require.Equal(t, exitUsage, s.run("node", "label", "n1", "--", bad), bad)
	}
	require.NotZero(t, s.run("node", "cordon", "nothing"))
}
