package sched

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/stark-o/stark/backend/core"
)

// situation is a worked example of docs/scheduling.md.
type situation struct {
	Nodes []struct {
		Name, Runtime string
		Labels        map[string]string
		CPU, Memory   string
		Taints        []core.Taint
	}
	Running, Pods []examplePod
	Outcome       map[string]string
}

type examplePod struct {
	Name, Node, CPU, Memory  string
	Priority                 int32
	Labels, NodeSelector     map[string]string
	Tolerations              []core.Toleration
	Affinity, TopologySpread json.RawMessage
	Group                    string
	GroupSize                int32
}

var exampleBlock = regexp.MustCompile("(?s)```yaml\n(nodes:.*?)```")

// What docs/scheduling.md says of its examples is what comes of them.
func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/scheduling.md")
	require.NoError(t, err)
	blocks := exampleBlock.FindAllSubmatch(page, -1)
	require.GreaterOrEqual(t, len(blocks), 5)
	for i, block := range blocks {
		var s situation
		require.NoError(t, yaml.UnmarshalStrict(block[1], &s), "example %d", i)
		assert.Equal(t, s.Outcome, s.decide(t), "example %d", i)
	}
}

func (s situation) decide(t *testing.T) map[string]string {
	t.Helper()
	began := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	pack := &core.Pack{ID: uuid.New(), Name: "p", Tag: core.TagNode, Public: true}
	c := NewCluster(Config{Seed: 1})
	c.UpsertPack(pack)
	nodes, names := map[string]uuid.UUID{}, map[uuid.UUID]string{}
	for i, n := range s.Nodes {
		id := uuid.NewSHA1(uuid.Nil, []byte(n.Name))
		nodes[n.Name], names[id] = id, n.Name
		runtime := core.RuntimeNode
		if n.Runtime != "" {
			runtime = core.Runtime(n.Runtime)
		}
		c.UpsertNode(&core.Node{ID: id, Name: n.Name, Runtime: runtime, RuntimeVersion: "20.0.0", Access: core.AccessShared, Status: core.NodeHealthy, Labels: n.Labels,
			Taints: n.Taints, MaxPods: 110, CPUMillis: millis(t, n.CPU), MemoryBytes: bytesOf(t, n.Memory), CreatedAt: began.Add(time.Duration(i))})
	}
	make := func(p examplePod, i int) *core.Pod {
		id := uuid.NewSHA1(uuid.Nil, []byte("pod "+p.Name))
		names[id] = p.Name
		return &core.Pod{ID: id, Name: p.Name, Namespace: "default", PackID: pack.ID, CPUMillis: millis(t, p.CPU), MemoryBytes: bytesOf(t, p.Memory), Priority: p.Priority,
			Labels: p.Labels, NodeSelector: p.NodeSelector, Tolerations: p.Tolerations, Affinity: p.Affinity, TopologySpread: p.TopologySpread, Group: p.Group, GroupSize: p.GroupSize,
			Status: core.PodPending, Desired: core.DesiredRunning, CreatedAt: began.Add(time.Duration(i) * time.Second)}
	}
	for i, p := range s.Running {
		pod := make(p, i)
		pod.Status, pod.NodeID = core.PodRunning, nodes[p.Node]
		c.Place(pod, pod.NodeID)
	}
	var pods []*core.Pod
	for i, p := range s.Pods {
		pods = append(pods, make(p, 100+i))
	}
	plan := c.Decide(pods, Options{})
	outcome := map[string]string{}
	for _, p := range plan.Placements {
		outcome[names[p.PodID]] = names[p.NodeID]
	}
	for _, u := range plan.Unschedulable {
		outcome[names[u.PodID]] = u.Explanation.Text
	}
	victims := map[uuid.UUID][]string{}
	for _, e := range plan.Evictions {
		victims[e.For] = append(victims[e.For], names[e.PodID])
		outcome[names[e.For]] = fmt.Sprintf("preempts %s on %s", strings.Join(victims[e.For], ", "), names[e.NodeID])
	}
	return outcome
}

func millis(t *testing.T, s string) int64 {
	t.Helper()
	if m, ok := strings.CutSuffix(s, "m"); ok {
		var n int64
		_, err := fmt.Sscan(m, &n)
		require.NoError(t, err)
		return n
	}
	var n int64
	_, err := fmt.Sscan(s, &n)
	require.NoError(t, err)
	return n * 1000
}

func bytesOf(t *testing.T, s string) int64 {
	t.Helper()
	var n int64
	var unit string
	_, err := fmt.Sscanf(s, "%d%s", &n, &unit)
	require.NoError(t, err)
	return n << map[string]int{"Mi": 20, "Gi": 30}[unit]
}
