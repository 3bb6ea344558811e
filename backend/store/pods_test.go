package store

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
)

func TestCreatePodKeepsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	grace, seconds := int32(0), int64(30)
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{
		PackID: &w.pack, Name: "web", Namespace: "stark-system", Resources: wire.Resources{CPU: "0.5", Memory: "1024Ki"}, PriorityClass: "high-priority",
		Env: map[string]string{"A": "1"}, Args: json.RawMessage(`[1]`), Metadata: json.RawMessage(`{"m": 1}`), NodeSelector: map[string]string{"zone": "a"},
		Tolerations: []core.Toleration{{Key: "gpu", Operator: "Exists", TolerationSeconds: &seconds}}, Affinity: json.RawMessage(`{"nodeAffinity": {}}`),
		GracePeriodMS: &grace, Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "1"},
	})
	require.NoError(t, err)
	require.Equal(t, []any{"web", "stark-system", "hello", "1.0.0", core.PodPending, core.DesiredRunning, "high-priority", int32(1000), int32(0)},
		[]any{pod.Name, pod.Namespace, pod.PackName, pod.PackVersion, pod.Status, pod.DesiredState, *pod.PriorityClass, pod.Priority, pod.GracePeriodMS})
	require.Equal(t, wire.Resources{CPU: "500m", Memory: "1Mi"}, pod.Resources)
	require.Equal(t, []core.Toleration{{Key: "gpu", Operator: "Exists", TolerationSeconds: &seconds}}, pod.Tolerations)
	require.Equal(t, []map[string]string{{"A": "1"}, {"zone": "a"}, {"l": "1"}, {"a": "1"}}, []map[string]string{pod.Env, pod.NodeSelector, pod.Labels, pod.Annotations})
	require.JSONEq(t, `{"nodeAffinity": {}}`, string(pod.Affinity))

	pod, err = w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack})
	require.NoError(t, err)
	require.Equal(t, []any{"default", "100m", "128Mi", int32(10_000), "[]", "{}"},
		[]any{pod.Namespace, pod.Resources.CPU, pod.Resources.Memory, pod.GracePeriodMS, string(pod.Args), string(pod.Metadata)})
	require.Contains(t, pod.Name, "hello-")
	require.NotNil(t, pod.Env)
	require.NotNil(t, pod.Tolerations)
	require.Nil(t, pod.Result)
	require.Nil(t, pod.NodeID)
}

func TestCreatePodNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	missing, negative := uuid.New(), int32(-1)
	_, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack, Name: "taken"})
	require.NoError(t, err)
	for _, c := range []struct {
		change func(*wire.PodCreate)
		code   core.Code
		field  string
	}{
		{func(p *wire.PodCreate) { p.PackID = &missing }, core.CodeValidation, "packId"},
		{func(p *wire.PodCreate) { p.Namespace = "nowhere" }, core.CodeValidation, "namespace"},
		{func(p *wire.PodCreate) { p.PriorityClass = "none" }, core.CodeValidation, "priorityClass"},
		{func(p *wire.PodCreate) { p.Name = "Not A Name" }, core.CodeValidation, "name"},
		{func(p *wire.PodCreate) { p.GracePeriodMS = &negative }, core.CodeValidation, "gracePeriodMs"},
		{func(p *wire.PodCreate) { p.Resources.CPU = "lots" }, core.CodeValidation, ""},
		{func(p *wire.PodCreate) { p.Env = map[string]string{"A": "\x00"} }, core.CodeValidation, ""},
		{func(p *wire.PodCreate) { p.Args = json.RawMessage(`{}`) }, core.CodeValidation, "args"},
		{func(p *wire.PodCreate) { p.Name = "taken" }, core.CodeConflict, ""},
	} {
		in := wire.PodCreate{PackID: &w.pack}
		c.change(&in)
		_, err := w.CreatePod(t.Context(), w.dev, in)
		requireCode(t, c.code, err)
		require.Equal(t, c.field, fieldIn(t, err))
	}
}

// What a pod does not ask for, its namespace says.
func TestNamespaceDefaultsReachThePod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, `insert into public.namespaces (name, defaults) values ('team', '{"cpu": "0.25", "memory": "64Mi"}')`)
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack, Namespace: "team"})
	require.NoError(t, err)
	require.Equal(t, []string{"250m", "64Mi"}, fixture.One[[]string](t, w.pool, "select array[cpu, memory] from public.pods where id = $1", pod.ID))
}

func TestStopPod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack})
	require.NoError(t, err)
	w.place(t, node, pod.ID)
	for range 2 {
		stopped, err := w.StopPod(t.Context(), w.dev, pod.ID)
		require.NoError(t, err)
		require.Equal(t, core.DesiredStopped, stopped.DesiredState)
		require.Equal(t, core.PodScheduled, stopped.Status, "its agent has the next word")
		require.Equal(t, "n1", stopped.NodeName)
		require.Equal(t, pod.Revision+2, stopped.Revision, "the second time changes nothing")
	}
}

// What is in the database may be older than its rules. One such row must not break everybody's lists.
func TestListsSurviveRowsThatDoNotFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, "alter table public.pods disable trigger user")
	fixture.Exec(t, w.pool, "alter table public.nodes disable trigger user")
	fixture.Exec(t, w.pool, `insert into public.pods (name, pack_id, cpu, memory, cpu_millis, memory_bytes, tolerations)
		values ('odd', $1, '0', '0', 0, 0, '[1, "x", {"key": 5}, {"key": "ok"}]')`, w.pack)
	fixture.Exec(t, w.pool, `insert into public.nodes (name, runtime_type, cpu, memory, cpu_millis, memory_bytes, taints)
		values ('n', 'node', '1', '1Gi', 0, 0, '["x", {"key": "ok", "effect": "NoExecute"}]')`)
	pods, _, err := w.ListPods(t.Context(), w.dev, wire.PodFilter{})
	require.NoError(t, err)
	require.Equal(t, []core.Toleration{{Key: "ok"}}, pods[0].Tolerations)
	nodes, _, err := w.ListNodes(t.Context(), w.dev, wire.NodeFilter{})
	require.NoError(t, err)
	require.Equal(t, []core.Taint{{Key: "ok", Effect: core.EffectNoExecute}}, nodes[0].Taints)
}

// Pages show every pod once, newest first, also those of one transaction, which share their time of creation.
func TestListPodsInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := map[uuid.UUID]bool{}
	for range 3 {
		for _, id := range fixture.Pods(t, w.pool, w.pack, 5) {
			want[id] = true
		}
	}
	var after wire.Cursor
	var last time.Time
	for pages := 1; ; pages++ {
		pods, next, err := w.ListPods(t.Context(), w.dev, wire.PodFilter{Slice: wire.Slice{Limit: 4, After: after}})
		require.NoError(t, err)
		for _, p := range pods {
			require.True(t, want[p.ID], "each once")
			delete(want, p.ID)
			require.True(t, last.IsZero() || !p.CreatedAt.After(last))
			last = p.CreatedAt
		}
		if next == "" {
			require.Equal(t, 4, pages)
			require.Len(t, pods, 3)
			break
		}
		require.Len(t, pods, 4)
		after, err = wire.ParseCursor(next)
		require.NoError(t, err)
	}
	require.Empty(t, want)
	pods, next, err := w.ListPods(t.Context(), w.dev, wire.PodFilter{Slice: wire.Slice{Limit: 15}})
	require.NoError(t, err)
	require.Len(t, pods, 15)
	require.Empty(t, next, "a page that is just full is the last one")
}

func TestListPodsByFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	other := fixture.Pack(t, w.pool, w.dev, "other")
	for i := range 3 {
		_, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack, Name: fmt.Sprintf("p%d", i), Namespace: "stark-system"})
		require.NoError(t, err)
	}
	pod := fixture.Pods(t, w.pool, other, 1)[0]
	w.place(t, node, pod)
	nowhere := uuid.New()
	for i, c := range []struct {
		filter wire.PodFilter
		want   int
	}{
		{wire.PodFilter{}, 4}, {wire.PodFilter{Namespace: "stark-system"}, 3}, {wire.PodFilter{Namespace: "default"}, 1}, {wire.PodFilter{Name: "p1"}, 1},
		{wire.PodFilter{Status: core.PodScheduled}, 1}, {wire.PodFilter{NodeID: &node}, 1}, {wire.PodFilter{NodeID: &nowhere}, 0}, {wire.PodFilter{PackID: &w.pack}, 3},
		{wire.PodFilter{PackID: &other, Status: core.PodPending}, 0},
	} {
		pods, _, err := w.ListPods(t.Context(), w.dev, c.filter)
		require.NoError(t, err)
		require.Len(t, pods, c.want, i)
	}
}

func TestSliceHasBounds(t *testing.T) {
	t.Parallel()
	for limit, rows := range map[int]int32{0: wire.DefaultLimit + 1, -1: wire.DefaultLimit + 1, wire.MaxLimit + 1: wire.DefaultLimit + 1, 1: 2, wire.MaxLimit: wire.MaxLimit + 1} {
		after, got := slice(wire.Slice{Limit: limit})
		require.Equal(t, rows, got)
		require.Equal(t, endOfTime, after)
	}
	at := wire.Cursor{CreatedAt: time.Unix(5, 0), ID: uuid.New()}
	after, _ := slice(wire.Slice{After: at})
	require.Equal(t, at, after)
}
