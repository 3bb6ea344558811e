package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func (f *fake) drainNode(w http.ResponseWriter, r *http.Request) {
	for i := range f.nodes {
		if n := &f.nodes[i]; n.Name == r.PathValue("name") {
			f.drain = wire.NodeDrain{}
			f.read(r, &f.drain)
			n.Unschedulable = true
			ok(w, n)
			return
		}
	}
	fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such node"})
}

// drained is a fake with one node and two pods on it.
func drained(t *testing.T) (*fake, *terminal) {
	t.Helper()
	f := newFake(t)
	s := f.loggedIn()
	f.nodes = []wire.Node{{ID: uuid.New(), Name: "laptop", Resources: wire.NodeResources{CPU: "2", Memory: "1Gi"}}, {ID: uuid.New(), Name: "tab"}}
	f.pods = pods("web", "db", "ended", "elsewhere")
	f.pods[2].Status = core.PodStopped
	for _, p := range f.pods[:3] {
		p.NodeID, p.Resources = &f.nodes[0].ID, wire.Resources{CPU: "250m", Memory: "256Mi"}
	}
	return f, s
}

func TestDrainWaitsUntilTheNodeIsEmpty(t *testing.T) {
	t.Parallel()
	f, s := drained(t)
	moved, gone := *f.pods[0], wire.WatchChange{Kind: wire.WatchPods, Type: wire.WatchDelete, ID: f.pods[1].ID.String()}
	moved.NodeID, moved.Revision = &f.nodes[1].ID, 2
	f.streams = [][]string{{frame("ready", "1", nil), upsert("2", "pods", moved), upsert("3", "pods", f.pods[3]), frame("change", "4", gone)}}
	require.Equal(t, "node/laptop is drained\n", s.must("node", "drain", "laptop", "--timeout", "90s"))
	require.Equal(t, "node/laptop: 2 pods left\nnode/laptop: 1 pod left\n", s.err)
	require.EqualValues(t, 90, f.drain.TimeoutSeconds)
}

func TestDrainEndsWithoutWaiting(t *testing.T) {
	t.Parallel()
	f, s := drained(t)
	require.Equal(t, "node/laptop is being drained\n", s.must("node", "drain", "laptop", "--wait=false"))
	require.EqualValues(t, 300, f.drain.TimeoutSeconds)
	f.streams = [][]string{{frame("ready", "1", nil)}}
	require.Equal(t, "node/tab is drained\n", s.must("node", "drain", "tab"), "what is empty is drained")
	require.Equal(t, exitError, s.run("node", "drain", "nowhere"))

	back := f.nodes[0]
	back.Unschedulable = false
	f.streams = [][]string{{frame("ready", "1", nil), upsert("2", "nodes", back)}}
	require.Equal(t, exitError, s.run("node", "drain", "laptop"))
	require.Contains(t, s.err, "the drain of node/laptop was taken back")

	f.streams = [][]string{{frame("ready", "1", nil)}}
	s.watched([]string{"2 pods left"}, "node", "drain", "laptop")
	require.Contains(t, s.err, "goes on without this command")
	require.Equal(t, exitUsage, s.run("node", "drain", "laptop", "--timeout", "200h"))
}

func TestTop(t *testing.T) {
	t.Parallel()
	_, s := drained(t)
	require.Regexp(t, `^NODE +PODS +CPU +CPU% +MEMORY +MEMORY%\nlaptop +2 +500m +25% +512Mi +50%\ntab +0 +0 +0% +0 +0%\n$`, s.must("top"))
	require.Contains(t, s.must("top", "-o", "json"), `"cpuPercent": 25`)
}

func TestLogsSince(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.pods = pods("web")
	f.logs = lines("stdout:old", "stdout:new")
	f.logs[1].At = time.Now()
	s := f.loggedIn()
	require.Equal(t, "new\n", s.must("pod", "logs", "web", "--since", "5m"))
	require.Equal(t, "new\n", s.must("pod", "logs", "web", "--since", "5m", "--tail", "2"))
	require.Equal(t, exitUsage, s.run("pod", "logs", "web", "--since", "-1s"))
}
