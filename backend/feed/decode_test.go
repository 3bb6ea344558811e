package feed

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

var (
	someID  = uuid.MustParse("11111111-2222-4333-8444-555555555555")
	otherID = uuid.MustParse("99999999-8888-4777-8666-555555555555")
)

// podText is a pod's row by column, as Postgres writes it.
func podText() map[string]string {
	return map[string]string{
		"id": someID.String(), "name": "web", "namespace": "default", "pack_id": otherID.String(), "env": "{}", "args": "[]", "metadata": "{}",
		"cpu_millis": "100", "memory_bytes": "134217728", "priority": "-5", "node_selector": "{}", "tolerations": "[]", "affinity": "{}",
		"grace_period_ms": "10000", "created_by": null, "labels": "{}", "desired_state": "running", "status": "pending", "reason": "",
		"node_id": null, "incarnation": "0", "restarts": "0", "created_at": "2026-11-25 02:00:00.123456+00", "revision": "1",
		"topology_spread": "[]", "preemption_policy": "PreemptLowerPriority", "scheduling_group": null, "scheduling_group_size": null,
		"eviction": null, "eviction_grace_ms": null, "deployment_id": null, "scheduled_at": null,
		"deployment_generation": null, "started_at": null, "finished_at": null,
	}
}

func decodeRow(t *testing.T, table string, columns []string, text map[string]string) (core.Event, error) {
	t.Helper()
	d, err := newDecoder(table, columns)
	require.NoError(t, err)
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = text[c]
	}
	return d.upsert(texts(values...))
}

func decodePod(t *testing.T, changed map[string]string) core.PodUpserted {
	t.Helper()
	text := podText()
	for column, value := range changed {
		require.Contains(t, text, column)
		text[column] = value
	}
	event, err := decodeRow(t, "pods", podColumns, text)
	require.NoError(t, err)
	return event.(core.PodUpserted)
}

func TestDecodePod(t *testing.T) {
	t.Parallel()
	bare := decodePod(t, nil)
	require.Equal(t, core.PodUpserted{Pod: &core.Pod{
		ID: someID, Name: "web", Namespace: "default", PackID: otherID, CPUMillis: 100, MemoryBytes: 128 << 20, Priority: -5,
		GracePeriod: 10 * time.Second, Desired: core.DesiredRunning, Status: core.PodPending,
		CreatedAt: time.Date(2026, 11, 25, 2, 0, 0, 123456000, time.UTC), Revision: 1,
	}}, bare)

	full := decodePod(t, map[string]string{
		"env": `{"A": "1"}`, "args": `[1, "x"]`, "metadata": `{"k": null}`, "node_selector": `{"zone": "a"}`,
		"tolerations": `[{"key": "gpu", "operator": "Exists", "tolerationSeconds": 5}]`, "affinity": `{"nodeAffinity": {}}`,
		"created_by": otherID.String(), "labels": `{"app": "web"}`, "status": "running", "node_id": someID.String(), "incarnation": "3",
		"restarts": "2", "reason": "x", "desired_state": "stopped", "topology_spread": `[{"maxSkew": 1}]`, "preemption_policy": "Never",
		"scheduling_group": "batch", "scheduling_group_size": "3", "eviction": "drained", "eviction_grace_ms": "1500",
		"deployment_id": otherID.String(), "scheduled_at": "2026-11-25 02:00:01+00",
	}).Pod
	require.Equal(t, json.RawMessage(`[{"maxSkew": 1}]`), full.TopologySpread)
	require.True(t, full.NeverPreempts)
	require.Equal(t, "drained", full.Eviction)
	require.Equal(t, 1500*time.Millisecond, full.Grace())
	require.Equal(t, otherID, full.DeploymentID)
	require.Equal(t, time.Date(2026, 11, 25, 2, 0, 1, 0, time.UTC), full.ScheduledAt)
	gang, ganged, err := core.GangOf(full)
	require.NoError(t, err)
	require.True(t, ganged)
	require.Equal(t, core.Gang{Namespace: "default", Name: "batch", Size: 3}, gang)
	seconds := int64(5)
	require.Equal(t, map[string]string{"A": "1"}, full.Env)
	require.Equal(t, json.RawMessage(`[1, "x"]`), full.Args)
	require.Equal(t, json.RawMessage(`{"k": null}`), full.Metadata)
	require.Equal(t, map[string]string{"zone": "a"}, full.NodeSelector)
	require.Equal(t, []core.Toleration{{Key: "gpu", Operator: "Exists", TolerationSeconds: &seconds}}, full.Tolerations)
	require.Equal(t, json.RawMessage(`{"nodeAffinity": {}}`), full.Affinity)
	require.Equal(t, otherID, full.CreatedBy)
	require.Equal(t, map[string]string{"app": "web"}, full.Labels)
	require.Equal(t, core.PodRunning, full.Status)
	require.Equal(t, core.DesiredStopped, full.Desired)
	require.Equal(t, someID, full.NodeID)
	require.EqualValues(t, 3, full.Incarnation)
	require.EqualValues(t, 2, full.Restarts)
	require.Equal(t, "x", full.Reason)
}

// Whoever may insert a pod can put any JSON of the right outer type into it. That must not stop the feed for everybody.
func TestDecodeLeavesOutWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	p := decodePod(t, map[string]string{
		"env":           `{"A": "1", "B": ["x"], "C": {"d": 1}}`,
		"labels":        `["no", "object"]`,
		"node_selector": `7`,
		"tolerations":   `[1, null, "x", {"key": 5}, {"key": "a", "tolerationSeconds": 1.5}, {"key": "ok"}]`,
	}).Pod
	require.Equal(t, map[string]string{"A": "1"}, p.Env)
	require.Nil(t, p.Labels)
	require.Nil(t, p.NodeSelector)
	require.Equal(t, []core.Toleration{{Key: "ok"}}, p.Tolerations)

	p = decodePod(t, map[string]string{"tolerations": `{"not": "an array"}`}).Pod
	require.Nil(t, p.Tolerations)
}

func TestDecodeTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-11-25 02:00:00+00":          time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC),
		"0001-01-01 00:00:00.000001+00":   time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
		"9999-12-31 23:59:59.999999+00":   time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		"infinity":                        latest,
		"-infinity":                       earliest,
		"294276-12-31 23:59:59.999999+00": latest,
		"4713-01-01 00:00:00+00 BC":       earliest,
		"2026-11-25 02:00:00.1+00":        time.Date(2026, 11, 25, 2, 0, 0, 100_000_000, time.UTC),
		null:                              {},
	} {
		require.Equal(t, want, decodePod(t, map[string]string{"created_at": text}).Pod.CreatedAt, text)
	}
}

func TestDecodeNamesTheColumnThatIsWrong(t *testing.T) {
	t.Parallel()
	for column, value := range map[string]string{
		"id": "no-uuid", "cpu_millis": "1.5", "priority": null, "created_at": "yesterday", "name": unchanged, "status": unchanged,
		"incarnation": unchanged,
	} {
		text := podText()
		text[column] = value
		_, err := decodeRow(t, "pods", podColumns, text)
		require.ErrorContains(t, err, "table pods: column "+column)
	}
}

func TestDecodeMarksWhatIsUnchanged(t *testing.T) {
	t.Parallel()
	for column, field := range map[string]core.PodFields{
		"env": core.PodEnv, "args": core.PodArgs, "metadata": core.PodMetadata, "node_selector": core.PodNodeSelector,
		"tolerations": core.PodTolerations, "affinity": core.PodAffinity, "labels": core.PodLabels, "reason": core.PodReason,
		"topology_spread": core.PodTopologySpread,
	} {
		e := decodePod(t, map[string]string{column: unchanged})
		require.Equal(t, field, e.Missing, column)
	}
	require.Zero(t, decodePod(t, nil).Missing)
}

func TestDecodeOtherTables(t *testing.T) {
	t.Parallel()
	at := "2026-11-25 02:00:00+00"
	node := map[string]string{
		"id": someID.String(), "name": "n1", "runtime_type": "browser", "runtime_version": "v1", "owner_id": otherID.String(), "access": "shared",
		"status": "healthy", "unschedulable": "t", "labels": `{"a": "b"}`, "taints": `[{"key": "k", "effect": "NoExecute"}, "bad", {"key": 1}]`,
		"max_pods": "5", "cpu_millis": "1000", "memory_bytes": "42", "created_at": at, "revision": "9",
	}
	event, err := decodeRow(t, "nodes", nodeColumns, node)
	require.NoError(t, err)
	require.Equal(t, core.NodeUpserted{Node: &core.Node{
		ID: someID, Name: "n1", Runtime: core.RuntimeBrowser, RuntimeVersion: "v1", OwnerID: otherID, Access: core.AccessShared, Status: core.NodeHealthy,
		Unschedulable: true, Labels: map[string]string{"a": "b"}, Taints: []core.Taint{{Key: "k", Effect: core.EffectNoExecute}}, MaxPods: 5,
		CPUMillis: 1000, MemoryBytes: 42, CreatedAt: time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC), Revision: 9,
	}}, event)

	node["labels"], node["taints"], node["runtime_version"] = unchanged, unchanged, unchanged
	event, err = decodeRow(t, "nodes", nodeColumns, node)
	require.NoError(t, err)
	require.Equal(t, core.NodeLabels|core.NodeTaints|core.NodeRuntimeVersion, event.(core.NodeUpserted).Missing)

	pack := map[string]string{
		"id": someID.String(), "name": "p", "version": "1.0.0", "runtime_tag": "universal", "owner_id": null, "visibility": "public",
		"bundle_path": "x/y", "bundle_sha256": "ab", "bundle_size": "7",
	}
	event, err = decodeRow(t, "packs", packColumns, pack)
	require.NoError(t, err)
	require.Equal(t, core.PackUpserted{Pack: &core.Pack{ID: someID, Name: "p", Version: "1.0.0", Tag: core.TagUniversal, Public: true,
		BundlePath: "x/y", BundleSHA256: "ab", BundleSize: 7}}, event)
	pack["bundle_path"] = unchanged
	event, err = decodeRow(t, "packs", packColumns, pack)
	require.NoError(t, err)
	require.True(t, event.(core.PackUpserted).PathUnchanged)

	namespace := []string{"id", "name", "labels"}
	event, err = decodeRow(t, "namespaces", namespace, map[string]string{"id": someID.String(), "name": "n", "labels": `{"a": "b"}`})
	require.NoError(t, err)
	require.Equal(t, core.NamespaceUpserted{Namespace: &core.Namespace{ID: someID, Name: "n", Labels: map[string]string{"a": "b"}}}, event)
	event, err = decodeRow(t, "namespaces", namespace, map[string]string{"id": someID.String(), "name": "n", "labels": unchanged})
	require.NoError(t, err)
	require.True(t, event.(core.NamespaceUpserted).LabelsUnchanged)

	event, err = decodeRow(t, "priority_classes", tables["priority_classes"].needs,
		map[string]string{"name": "high", "value": "1000", "preemption_policy": "Never", "global_default": "f"})
	require.NoError(t, err)
	require.Equal(t, core.PriorityClassUpserted{PriorityClass: &core.PriorityClass{Name: "high", Value: 1000, NeverPreempts: true}}, event)

	event, err = decodeRow(t, "cluster_config", []string{"key", "value"}, map[string]string{"key": "a", "value": "3"})
	require.NoError(t, err)
	require.Equal(t, core.ConfigUpserted{Key: "a", Value: json.RawMessage("3")}, event)
	event, err = decodeRow(t, "cluster_config", []string{"key", "value"}, map[string]string{"key": "a", "value": unchanged})
	require.NoError(t, err)
	require.Equal(t, core.ConfigUpserted{Key: "a", Unchanged: true}, event)
}

func TestDecodeDeletes(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]core.Event{
		"pods": core.PodDeleted{ID: someID}, "nodes": core.NodeDeleted{ID: someID}, "packs": core.PackDeleted{ID: someID},
		"namespaces":       core.NamespaceDeleted{ID: someID},
		"priority_classes": core.PriorityClassDeleted{Name: someID.String()}, "cluster_config": core.ConfigDeleted{Key: someID.String()},
	} {
		columns := tables[table].needs // the key comes first in each
		d, err := newDecoder(table, columns)
		require.NoError(t, err)
		cells := make([]cell, len(columns))
		cells[0].text = []byte(someID.String())
		event, err := d.delete(cells)
		require.NoError(t, err)
		require.Equal(t, want, event)
	}
}

func TestDecoderOfATable(t *testing.T) {
	t.Parallel()
	d, err := newDecoder("somebody_elses", []string{"id"})
	require.NoError(t, err)
	require.Nil(t, d)

	_, err = newDecoder("pods", []string{"id", "name"})
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, "table pods lacks column namespace")

	// Columns may come in any order, and there may be more of them.
	d, err = newDecoder("cluster_config", []string{"new_one", "value", "key"})
	require.NoError(t, err)
	event, err := d.upsert(texts("?", "1", "k"))
	require.NoError(t, err)
	require.Equal(t, core.ConfigUpserted{Key: "k", Value: json.RawMessage("1")}, event)
	_, err = d.upsert(texts("too", "few"))
	require.ErrorContains(t, err, "2 columns, expected 3")
}
