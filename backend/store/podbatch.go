package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// batchPod is one pod of InsertPods.
type batchPod struct {
	Name                string          `json:"name,omitempty"`
	Namespace           string          `json:"namespace,omitempty"`
	PackID              uuid.UUID       `json:"packId"`
	Env                 json.RawMessage `json:"env"`
	Args                json.RawMessage `json:"args"`
	Metadata            json.RawMessage `json:"metadata"`
	CPU                 string          `json:"cpu,omitempty"`
	Memory              string          `json:"memory,omitempty"`
	PriorityClass       string          `json:"priorityClass,omitempty"`
	NodeSelector        json.RawMessage `json:"nodeSelector"`
	Tolerations         json.RawMessage `json:"tolerations"`
	Affinity            json.RawMessage `json:"affinity"`
	TopologySpread      json.RawMessage `json:"topologySpread"`
	SchedulingGroup     string          `json:"schedulingGroup,omitempty"`
	SchedulingGroupSize int32           `json:"schedulingGroupSize,omitempty"`
	GracePeriodMS       *int32          `json:"gracePeriodMs,omitempty"`
	Labels              json.RawMessage `json:"labels"`
	Annotations         json.RawMessage `json:"annotations"`
}

// CreatePods inserts a batch of pods in one statement: all of them, or none. An error names the pod that is at fault: pods[3].namespace.
func (s *Store) CreatePods(ctx context.Context, actor core.Actor, in []wire.PodCreate) (pods []wire.Pod, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		ids, err := once(ctx, q, actor, func() ([]uuid.UUID, error) {
			rows, err := resolveBatch(ctx, q, in)
			if err != nil {
				return nil, err
			}
			raw, err := json.Marshal(rows)
			if err != nil {
				return nil, fmt.Errorf("encode the batch: %w", err)
			}
			ids, err := q.InsertPods(ctx, raw)
			return ids, mapError("insert pods", err)
		})
		if err != nil {
			return err
		}
		pods, err = readPods(ctx, q, ids)
		return err
	})
	if err != nil && core.CodeOf(err) != core.CodeQuota && len(in) > 1 && isTheCallers(err) {
		return nil, s.blame(ctx, actor, in, err)
	}
	return pods, err
}

// isTheCallers says that an error is about what was asked for.
func isTheCallers(err error) bool {
	switch core.CodeOf(err) {
	case core.CodeValidation, core.CodeConflict, core.CodeForbidden:
		return true
	}
	return false
}

// errUndo rolls a transaction back whose only purpose was to find something out.
var errUndo = errors.New("undone")

// blame finds the pod that a batch was refused for: it makes them one by one, and undoes it all.
func (s *Store) blame(ctx context.Context, actor core.Actor, in []wire.PodCreate, cause error) error {
	var found error
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		for i, pod := range in {
			packID, err := resolvePack(ctx, q, pod)
			if err == nil {
				_, err = q.InsertPod(ctx, podParams(pod, packID))
				if err != nil {
					err = podInsertError(pod, err)
				}
			}
			if err != nil {
				found = inItem(i, err)
				break
			}
		}
		return errUndo
	})
	switch {
	case found != nil:
		return found
	case errors.Is(err, errUndo):
		return cause // each alone is well
	}
	return err
}

// inItem says which pod of a batch an error is about.
func inItem(i int, err error) error { return core.InField(fmt.Sprintf("pods[%d]", i), err) }

func resolveBatch(ctx context.Context, q *db.Queries, in []wire.PodCreate) ([]batchPod, error) {
	type key struct {
		id            uuid.UUID
		name, version string
	}
	known := map[key]uuid.UUID{}
	rows := make([]batchPod, len(in))
	for i, pod := range in {
		k := key{name: pod.Pack, version: pod.Version}
		if pod.PackID != nil {
			k.id = *pod.PackID
		}
		id, is := known[k]
		if !is {
			var err error
			if id, err = resolvePack(ctx, q, pod); err != nil {
				return nil, inItem(i, err)
			}
			known[k] = id
		}
		p := podParams(pod, id)
		rows[i] = batchPod{
			Name: pod.Name, Namespace: p.Namespace, PackID: id, Env: p.Env, Args: p.Args, Metadata: p.Metadata, CPU: p.Cpu, Memory: p.Memory,
			PriorityClass: p.PriorityClass, NodeSelector: p.NodeSelector, Tolerations: p.Tolerations, Affinity: p.Affinity, TopologySpread: p.TopologySpread,
			SchedulingGroup: p.SchedulingGroup, SchedulingGroupSize: p.SchedulingGroupSize, GracePeriodMS: p.GracePeriodMs, Labels: p.Labels, Annotations: p.Annotations,
		}
	}
	return rows, nil
}

// readPods reads pods in the order of their ids.
func readPods(ctx context.Context, q *db.Queries, ids []uuid.UUID) ([]wire.Pod, error) {
	rows, err := q.WatchedPods(ctx, ids)
	if err != nil {
		return nil, mapError("read new pods", err)
	}
	byID := make(map[uuid.UUID]wire.Pod, len(rows))
	for _, r := range rows {
		byID[r.ID] = podOf(db.ListPodsRow(r))
	}
	pods := make([]wire.Pod, len(ids))
	for i, id := range ids {
		pods[i] = byID[id]
	}
	return pods, nil
}

// UpdatePod changes a pod's labels and annotations. CONFLICT when the revision has moved on.
func (s *Store) UpdatePod(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.PodPatch) (pod wire.Pod, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.PatchPod(ctx, db.PatchPodParams{ID: id, Labels: jsonOf(patch.Labels, "{}"), Annotations: jsonOf(patch.Annotations, "{}"), Revision: patch.Revision})
		if err != nil {
			return mapError("update pod", err)
		}
		row, err := q.GetPod(ctx, id)
		if err != nil {
			return notFound("read pod", "pod", err)
		}
		pod = podOf(db.ListPodsRow(row))
		return explainChange("pod", n, nil, patch.Revision, pod)
	})
	return pod, err
}

// RollBackPod stops a pod and makes another like it, of another version of its pack: "" is the highest below the pod's. CONFLICT when a deployment keeps
// the pod: it would only be replaced.
func (s *Store) RollBackPod(ctx context.Context, actor core.Actor, id uuid.UUID, version string) (pod wire.Pod, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		locked, err := q.LockPod(ctx, id)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return mapError("lock pod", err)
		} else if err != nil {
			_, err := q.GetPod(ctx, id)
			return refusedUnless("roll back pod", "pod", err)
		}
		old, err := q.GetPod(ctx, id)
		if err != nil {
			return notFound("read pod", "pod", err)
		}
		switch {
		case old.DeploymentID != nil:
			return core.Errorf(core.CodeConflict, "a deployment keeps this pod").WithHint("Roll the deployment back: POST /api/deployments/:id/rollback.")
		case locked.DesiredState != string(core.DesiredRunning): // asked again, or at the same time: there is a pod in its place already
			return core.Errorf(core.CodeConflict, "this pod has been asked to stop, and is not rolled back again").WithHint("Create a pod of the version that you want.")
		case old.PackName == "":
			return core.Errorf(core.CodeForbidden, "the pod's pack is private to another user")
		}
		pack, err := earlierVersion(ctx, q, old.PackName, old.PackVersion, version)
		if err != nil {
			return err
		}
		if err := q.StopPod(ctx, id); err != nil {
			return mapError("stop pod", err)
		}
		made, err := q.CopyPod(ctx, db.CopyPodParams{PackID: pack, ID: id})
		if err != nil {
			return mapError("copy pod", err)
		}
		row, err := q.GetPod(ctx, made)
		pod = podOf(db.ListPodsRow(row))
		return mapError("read new pod", err)
	})
	return pod, err
}

// earlierVersion finds the version to go back to.
func earlierVersion(ctx context.Context, q *db.Queries, pack, present, want string) (uuid.UUID, error) {
	if want != "" {
		return resolvePack(ctx, q, wire.PodCreate{Pack: pack, Version: want})
	}
	versions, err := q.PackVersions(ctx, pack)
	if err != nil {
		return uuid.Nil, mapError("pack versions", err)
	}
	at, err := semver.NewVersion(present)
	if err != nil {
		return uuid.Nil, core.Invalid("version", "name the version to go back to")
	}
	var best *semver.Version
	var id uuid.UUID
	for _, row := range versions {
		v, err := semver.NewVersion(row.Version)
		if err == nil && v.LessThan(at) && (best == nil || v.GreaterThan(best)) {
			best, id = v, row.ID
		}
	}
	if best == nil {
		return uuid.Nil, core.Errorf(core.CodeConflict, "pack %q has no version before %s", pack, present)
	}
	return id, nil
}
