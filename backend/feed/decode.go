package feed

import (
	"fmt"
	"time"

	"github.com/stark-o/stark/backend/core"
)

// table knows how to read the rows of one published table.
type table struct {
	// upsert makes the event for an inserted or changed row.
	upsert func(r *row) core.Event
	// delete makes the event for a deleted row, from its key; nil is none.
	delete func(r *row) core.Event
}

// decoder reads rows of one relation whose columns come in a fixed order.
type decoder struct {
	name    string
	columns []string
	table   table
}

// newDecoder returns nil without error for a table that this version does not know: someone may publish more.
func newDecoder(name string, columns []string) (*decoder, error) {
	kind, known := tables[name]
	if !known {
		return nil, nil
	}
	index := make(map[string]int, len(columns))
	for i, c := range columns {
		index[c] = i
	}
	for _, c := range kind.needs {
		if _, ok := index[c]; !ok {
			return nil, fmt.Errorf("%w: table %s lacks column %s", ErrSchema, name, c)
		}
	}
	return &decoder{name: name, columns: columns, table: kind.build(index)}, nil
}

func (d *decoder) upsert(cells []cell) (core.Event, error) {
	return d.run(d.table.upsert, cells)
}

func (d *decoder) delete(cells []cell) (core.Event, error) {
	return d.run(d.table.delete, cells)
}

func (d *decoder) run(f func(*row) core.Event, cells []cell) (core.Event, error) {
	if len(cells) != len(d.columns) {
		return nil, fmt.Errorf("table %s: %d columns, expected %d", d.name, len(cells), len(d.columns))
	}
	r := row{columns: d.columns, cells: cells}
	event := f(&r)
	if r.err != nil {
		return nil, fmt.Errorf("table %s: %w", d.name, r.err)
	}
	return event, nil
}

type tableKind struct {
	needs []string
	build func(col map[string]int) table
}

// tables is every table that the feed understands, by name in schema public.
var tables = map[string]tableKind{
	"pods":             {podColumns, podTable},
	"nodes":            {nodeColumns, nodeTable},
	"packs":            {packColumns, packTable},
	"namespaces":       {[]string{"id", "name", "labels"}, namespaceTable},
	"deployments":      {deploymentColumns, deploymentTable},
	"priority_classes": {[]string{"name", "value", "preemption_policy", "global_default"}, priorityClassTable},
	"cluster_config":   {[]string{"key", "value"}, configTable},
	"events":           {[]string{"id", "namespace"}, eventTable},
}

var podColumns = []string{
	"id", "name", "namespace", "pack_id", "env", "args", "metadata", "cpu_millis", "memory_bytes", "priority", "node_selector",
	"tolerations", "affinity", "grace_period_ms", "created_by", "labels", "desired_state", "status", "reason", "node_id",
	"incarnation", "restarts", "created_at", "revision", "topology_spread", "preemption_policy", "scheduling_group", "scheduling_group_size",
	"eviction", "eviction_grace_ms", "deployment_id", "scheduled_at",
	"deployment_generation", "started_at", "finished_at",
}

func podTable(col map[string]int) table {
	large := []struct {
		column int
		field  core.PodFields
	}{
		{col["env"], core.PodEnv}, {col["args"], core.PodArgs}, {col["metadata"], core.PodMetadata},
		{col["node_selector"], core.PodNodeSelector}, {col["tolerations"], core.PodTolerations},
		{col["affinity"], core.PodAffinity}, {col["labels"], core.PodLabels}, {col["reason"], core.PodReason},
		{col["topology_spread"], core.PodTopologySpread},
	}
	c := columnsOf(col, podColumns)
	return table{
		upsert: func(r *row) core.Event {
			e := core.PodUpserted{Pod: &core.Pod{
				ID: r.uuid(c[0]), Name: r.string(c[1]), Namespace: r.string(c[2]), PackID: r.uuid(c[3]),
				Env: r.stringMap(c[4]), Args: r.raw(c[5], "[]"), Metadata: r.raw(c[6], "{}"),
				CPUMillis: r.int(c[7]), MemoryBytes: r.int(c[8]), Priority: int32(r.int(c[9])),
				NodeSelector: r.stringMap(c[10]), Tolerations: elements[core.Toleration](r, c[11]), Affinity: r.raw(c[12], "{}"),
				GracePeriod: time.Duration(r.int(c[13])) * time.Millisecond, CreatedBy: r.uuid(c[14]), Labels: r.stringMap(c[15]),
				Desired: core.DesiredState(r.string(c[16])), Status: core.PodStatus(r.string(c[17])), Reason: r.largeString(c[18]),
				NodeID: r.uuid(c[19]), Incarnation: r.int(c[20]), Restarts: int32(r.int(c[21])),
				CreatedAt: r.time(c[22]), Revision: r.int(c[23]),
				TopologySpread: r.raw(c[24], "[]"), NeverPreempts: r.string(c[25]) == "Never", Group: r.string(c[26]), GroupSize: int32(r.optionalInt(c[27])),
				Eviction: r.string(c[28]), EvictionGrace: r.optionalMillis(c[29]), DeploymentID: r.uuid(c[30]), ScheduledAt: r.time(c[31]),
				Generation: r.optionalInt(c[32]), StartedAt: r.time(c[33]), FinishedAt: r.time(c[34]),
			}}
			for _, l := range large {
				if r.cells[l.column].unchanged {
					e.Missing |= l.field
				}
			}
			return e
		},
		delete: func(r *row) core.Event { return core.PodDeleted{ID: r.uuid(c[0])} },
	}
}

var nodeColumns = []string{
	"id", "name", "runtime_type", "runtime_version", "owner_id", "access", "status", "unschedulable", "labels", "taints",
	"max_pods", "cpu_millis", "memory_bytes", "created_at", "revision", "drain_deadline", "drained_at",
}

func nodeTable(col map[string]int) table {
	c := columnsOf(col, nodeColumns)
	return table{
		upsert: func(r *row) core.Event {
			e := core.NodeUpserted{Node: &core.Node{
				ID: r.uuid(c[0]), Name: r.string(c[1]), Runtime: core.Runtime(r.string(c[2])), RuntimeVersion: r.largeString(c[3]),
				OwnerID: r.uuid(c[4]), Access: core.Access(r.string(c[5])), Status: core.NodeStatus(r.string(c[6])),
				Unschedulable: r.bool(c[7]), Labels: r.stringMap(c[8]), Taints: elements[core.Taint](r, c[9]), MaxPods: int32(r.int(c[10])),
				CPUMillis: r.int(c[11]), MemoryBytes: r.int(c[12]), CreatedAt: r.time(c[13]), Revision: r.int(c[14]),
				DrainDeadline: r.time(c[15]), DrainedAt: r.time(c[16]),
			}}
			if r.cells[c[8]].unchanged {
				e.Missing |= core.NodeLabels
			}
			if r.cells[c[9]].unchanged {
				e.Missing |= core.NodeTaints
			}
			if r.cells[c[3]].unchanged {
				e.Missing |= core.NodeRuntimeVersion
			}
			return e
		},
		delete: func(r *row) core.Event { return core.NodeDeleted{ID: r.uuid(c[0])} },
	}
}

var packColumns = []string{"id", "name", "version", "runtime_tag", "owner_id", "visibility", "bundle_path", "bundle_sha256", "bundle_size",
	"min_runtime_version"}

func packTable(col map[string]int) table {
	c := columnsOf(col, packColumns)
	return table{
		upsert: func(r *row) core.Event {
			return core.PackUpserted{Pack: &core.Pack{
				ID: r.uuid(c[0]), Name: r.string(c[1]), Version: r.string(c[2]), Tag: core.RuntimeTag(r.string(c[3])),
				OwnerID: r.uuid(c[4]), Public: r.string(c[5]) == "public",
				BundlePath: r.largeString(c[6]), BundleSHA256: r.string(c[7]), BundleSize: r.int(c[8]),
				MinRuntimeVersion: r.string(c[9]),
			}, PathUnchanged: r.cells[c[6]].unchanged}
		},
		delete: func(r *row) core.Event { return core.PackDeleted{ID: r.uuid(c[0])} },
	}
}

func namespaceTable(col map[string]int) table {
	id, name, labels := col["id"], col["name"], col["labels"]
	return table{
		upsert: func(r *row) core.Event {
			return core.NamespaceUpserted{
				Namespace:       &core.Namespace{ID: r.uuid(id), Name: r.string(name), Labels: r.stringMap(labels)},
				LabelsUnchanged: r.cells[labels].unchanged,
			}
		},
		delete: func(r *row) core.Event { return core.NamespaceDeleted{ID: r.uuid(id)} },
	}
}

var deploymentColumns = []string{"id", "name", "namespace", "pack_id", "follow_latest", "mode", "replicas", "spec", "strategy", "paused", "generation",
	"observed_generation", "status", "created_by", "created_at", "revision"}

func deploymentTable(col map[string]int) table {
	c := columnsOf(col, deploymentColumns)
	return table{
		upsert: func(r *row) core.Event {
			e := core.DeploymentUpserted{Deployment: &core.Deployment{
				ID: r.uuid(c[0]), Name: r.string(c[1]), Namespace: r.string(c[2]), PackID: r.uuid(c[3]), FollowLatest: r.bool(c[4]),
				Mode: core.DeploymentMode(r.string(c[5])), Replicas: int32(r.int(c[6])), Spec: r.raw(c[7], "{}"), Strategy: r.raw(c[8], "{}"),
				Paused: r.bool(c[9]), Generation: r.int(c[10]), ObservedGeneration: r.int(c[11]), Status: r.raw(c[12], "{}"), CreatedBy: r.uuid(c[13]),
				CreatedAt: r.time(c[14]), Revision: r.int(c[15]),
			}}
			for column, field := range map[int]core.DeploymentFields{c[7]: core.DeploymentSpec, c[8]: core.DeploymentStrategy, c[12]: core.DeploymentStatus} {
				if r.cells[column].unchanged {
					e.Missing |= field
				}
			}
			return e
		},
		delete: func(r *row) core.Event { return core.DeploymentDeleted{ID: r.uuid(c[0])} },
	}
}

func priorityClassTable(col map[string]int) table {
	name, value, policy, isDefault := col["name"], col["value"], col["preemption_policy"], col["global_default"]
	return table{
		upsert: func(r *row) core.Event {
			return core.PriorityClassUpserted{PriorityClass: &core.PriorityClass{
				Name: r.string(name), Value: int32(r.int(value)), NeverPreempts: r.string(policy) == "Never", GlobalDefault: r.bool(isDefault),
			}}
		},
		delete: func(r *row) core.Event { return core.PriorityClassDeleted{Name: r.string(name)} },
	}
}

func configTable(col map[string]int) table {
	key, value := col["key"], col["value"]
	return table{
		upsert: func(r *row) core.Event {
			return core.ConfigUpserted{Key: r.string(key), Value: r.raw(value, ""), Unchanged: r.cells[value].unchanged}
		},
		delete: func(r *row) core.Event { return core.ConfigDeleted{Key: r.string(key)} },
	}
}

// eventTable is published for its insertions only; should somebody publish more of it, the rest is no news.
func eventTable(col map[string]int) table {
	id, namespace := col["id"], col["namespace"]
	return table{
		upsert: func(r *row) core.Event {
			return core.EventRecorded{ID: r.int(id), Namespace: r.string(namespace)}
		},
		delete: func(*row) core.Event { return nil },
	}
}

// columnsOf gives the index of each named column.
func columnsOf(col map[string]int, names []string) []int {
	indexes := make([]int, len(names))
	for i, name := range names {
		indexes[i] = col[name]
	}
	return indexes
}
