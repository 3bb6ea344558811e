package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// CreateNamespace makes a namespace. CONFLICT when the name is taken.
func (s *Store) CreateNamespace(ctx context.Context, actor core.Actor, in wire.NamespaceCreate) (wire.Namespace, error) {
	var ns wire.Namespace
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		name, err := q.InsertNamespace(ctx, db.InsertNamespaceParams{
			Name: in.Name, Labels: jsonOf(in.Labels, "{}"), ResourceQuota: jsonOf(in.ResourceQuota, "{}"), Defaults: defaultsJSON(in.Defaults),
		})
		if err != nil {
			return mapError("insert namespace", err)
		}
		ns, err = readNamespace(ctx, q, name)
		return err
	})
	return ns, err
}

// Namespace reads one namespace by its name; NOT_FOUND when the actor may not see it.
func (s *Store) Namespace(ctx context.Context, actor core.Actor, name string) (wire.Namespace, error) {
	var ns wire.Namespace
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		var err error
		ns, err = readNamespace(ctx, q, name)
		return err
	})
	return ns, err
}

// ListNamespaces lists what the actor may see, newest first, and gives the cursor of the next page.
func (s *Store) ListNamespaces(ctx context.Context, actor core.Actor, part wire.Slice) (list []wire.Namespace, next string, err error) {
	after, size := slice(part)
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListNamespaces(ctx, db.ListNamespacesParams{AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size})
		list, next = page(rows, size, namespaceOf, func(n wire.Namespace) wire.Cursor { return wire.Cursor{CreatedAt: n.CreatedAt, ID: n.ID} })
		return mapError("list namespaces", err)
	})
	return list, next, err
}

// DeleteNamespace deletes a namespace by its name. CONFLICT while there are pods in it, ended ones too.
func (s *Store) DeleteNamespace(ctx context.Context, actor core.Actor, name string) error {
	return s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.DeleteNamespace(ctx, name)
		if err != nil || n > 0 {
			return mapError("delete namespace", err)
		}
		_, err = q.GetNamespace(ctx, name)
		return refusedUnless("delete namespace", "namespace", err)
	})
}

// readNamespace reads one namespace with its usage.
func readNamespace(ctx context.Context, q *db.Queries, name string) (wire.Namespace, error) {
	row, err := q.GetNamespace(ctx, name)
	if err != nil {
		return wire.Namespace{}, notFound("get namespace", "namespace", err)
	}
	ns := namespaceOf(db.ListNamespacesRow(row))
	if ns.Usage == nil {
		sum, err := q.CountNamespace(ctx, name)
		if err != nil {
			return ns, mapError("count namespace", err)
		}
		ns.Usage = usageOf(sum.Pods, sum.CpuMillis, sum.MemoryBytes)
	}
	return ns, nil
}

func usageOf(pods, cpuMillis, memoryBytes int64) *wire.Usage {
	return &wire.Usage{Pods: pods, CPU: core.FormatCPU(cpuMillis), Memory: core.FormatMemory(memoryBytes)}
}

// defaultsJSON is what a namespace's pods ask for that say nothing.
func defaultsJSON(r wire.Resources) json.RawMessage {
	given := map[string]string{}
	if r.CPU != "" {
		given["cpu"] = r.CPU
	}
	if r.Memory != "" {
		given["memory"] = r.Memory
	}
	return jsonOf(given, "{}")
}

// UpdateNamespace changes what the patch gives of a namespace. CONFLICT when the revision has moved on.
func (s *Store) UpdateNamespace(ctx context.Context, actor core.Actor, name string, patch wire.NamespacePatch) (ns wire.Namespace, err error) {
	arg := db.UpdateNamespaceParams{Name: name, Labels: jsonOf(patch.Labels, "{}"), Revision: patch.Revision}
	if patch.ResourceQuota != nil {
		arg.ResourceQuota = jsonOf(*patch.ResourceQuota, "{}")
	}
	if patch.Defaults != nil {
		arg.Defaults = defaultsJSON(*patch.Defaults)
	}
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.UpdateNamespace(ctx, arg)
		if err != nil {
			return mapError("update namespace", err)
		}
		ns, err = readNamespace(ctx, q, name)
		return explainChange("namespace", n, err, patch.Revision, ns)
	})
	return ns, err
}

// explainChange says why a change matched nothing; err is what reading the thing said.
func explainChange(what string, changed int64, err error, wanted *int64, now wire.Revised) error {
	switch {
	case err != nil || changed > 0:
		return err
	case wanted != nil && now.GetRevision() != *wanted:
		return outdated(now.GetRevision())
	}
	return refused(what, true)
}

func namespaceOf(r db.ListNamespacesRow) wire.Namespace {
	defaults := stringMap(r.Defaults)
	ns := wire.Namespace{
		ID: r.ID, Name: r.Name, Labels: stringMap(r.Labels), ResourceQuota: quotaOf(r.ResourceQuota), CreatedAt: r.CreatedAt, Revision: r.Revision,
		Defaults: wire.Resources{CPU: defaults["cpu"], Memory: defaults["memory"]},
	}
	if r.Counted {
		ns.Usage = usageOf(r.Pods, r.CpuMillis, r.MemoryBytes)
	}
	return ns
}

// quotaOf reads a quota. A trigger has checked it, but it lets a whole number through as a string too.
func quotaOf(raw json.RawMessage) wire.Quota {
	var stored struct {
		MaxPods   json.RawMessage `json:"maxPods"`
		MaxCPU    *string         `json:"maxCpu"`
		MaxMemory *string         `json:"maxMemory"`
	}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return wire.Quota{} // unreachable past the trigger
	}
	quota := wire.Quota{MaxCPU: stored.MaxCPU, MaxMemory: stored.MaxMemory}
	if n, err := strconv.ParseInt(string(bytes.Trim(stored.MaxPods, `"`)), 10, 64); err == nil {
		quota.MaxPods = &n
	}
	return quota
}
