package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// CreateDeployment makes a deployment for the actor; the leader takes it from there. VALIDATION_ERROR names the field whose pack or namespace does not exist.
func (s *Store) CreateDeployment(ctx context.Context, actor core.Actor, in wire.DeploymentCreate) (wire.Deployment, error) {
	var made wire.Deployment
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		id, err := onceOne(ctx, q, actor, func() (uuid.UUID, error) { return insertDeployment(ctx, q, in) })
		if err != nil {
			return err
		}
		made, err = readDeployment(ctx, q, id)
		return err
	})
	return made, err
}

func insertDeployment(ctx context.Context, q *db.Queries, in wire.DeploymentCreate) (uuid.UUID, error) {
	packID, err := resolvePack(ctx, q, wire.PodCreate{PackID: in.PackID, Pack: in.Pack, Version: in.Version})
	if err != nil {
		return uuid.Nil, err
	}
	id, err := q.InsertDeployment(ctx, db.InsertDeploymentParams{
		Name: in.Name, Namespace: in.Namespace, Labels: jsonOf(in.Labels, "{}"), Annotations: jsonOf(in.Annotations, "{}"), PackID: packID,
		FollowLatest: in.FollowLatest, Mode: in.Mode, Replicas: in.Replicas, Spec: orEmpty(in.Spec, "{}"), Strategy: orEmpty(in.Strategy, "{}"),
		Paused: in.Paused, HistoryLimit: in.HistoryLimit,
	})
	if breaks(err, "deployments_namespace_fkey") {
		return uuid.Nil, core.Invalid("namespace", "there is no namespace %q", in.Namespace).WithCause(err)
	}
	return id, mapError("insert deployment", err)
}

func readDeployment(ctx context.Context, q *db.Queries, id uuid.UUID) (wire.Deployment, error) {
	row, err := q.GetDeployment(ctx, id)
	if err != nil {
		return wire.Deployment{}, notFound("get deployment", "deployment", err)
	}
	return deploymentOf(db.WatchedDeploymentsRow(row)), nil
}

// Deployment reads one deployment; NOT_FOUND when the actor may not see it.
func (s *Store) Deployment(ctx context.Context, actor core.Actor, id uuid.UUID) (d wire.Deployment, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) (err error) {
		d, err = readDeployment(ctx, q, id)
		return err
	})
	return d, err
}

// ListDeployments lists what the actor may see, newest first, and gives the cursor of the next page.
func (s *Store) ListDeployments(ctx context.Context, actor core.Actor, f wire.DeploymentFilter) (all []wire.Deployment, next string, err error) {
	after, size := slice(f.Slice)
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListDeployments(ctx, db.ListDeploymentsParams{
			Namespace: f.Namespace, Name: f.Name, PackID: f.PackID, AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size,
		})
		all, next = page(rows, size, func(r db.ListDeploymentsRow) wire.Deployment { return deploymentOf(db.WatchedDeploymentsRow(r)) },
			func(d wire.Deployment) wire.Cursor { return wire.Cursor{CreatedAt: d.CreatedAt, ID: d.ID} })
		return mapError("list deployments", err)
	})
	return all, next, err
}

// UpdateDeployment changes what the patch gives of a deployment. CONFLICT when the revision has moved on.
func (s *Store) UpdateDeployment(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.DeploymentPatch) (d wire.Deployment, err error) {
	arg := db.UpdateDeploymentParams{
		ID: id, Labels: jsonOf(patch.Labels, "{}"), Annotations: jsonOf(patch.Annotations, "{}"), FollowLatest: patch.FollowLatest, Replicas: patch.Replicas,
		Spec: patch.Spec, Strategy: patch.Strategy, Paused: patch.Paused, HistoryLimit: patch.HistoryLimit, Revision: patch.Revision,
	}
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		if patch.PackID != nil || patch.Pack != "" {
			pack, err := resolvePack(ctx, q, wire.PodCreate{PackID: patch.PackID, Pack: patch.Pack, Version: patch.Version})
			if err != nil {
				return err
			}
			arg.PackID = &pack
		}
		_, err := q.UpdateDeployment(ctx, arg)
		d, err = changedDeployment(ctx, q, id, patch.Revision, "update deployment", err)
		return err
	})
	return d, err
}

// changedDeployment reads a deployment after a change, and explains a change that matched nothing.
func changedDeployment(ctx context.Context, q *db.Queries, id uuid.UUID, revision *int64, op string, changed error) (wire.Deployment, error) {
	if changed != nil && !errors.Is(changed, pgx.ErrNoRows) {
		return wire.Deployment{}, mapError(op, changed)
	}
	d, err := readDeployment(ctx, q, id)
	switch {
	case err != nil:
		return wire.Deployment{}, err
	case changed == nil:
		return d, nil
	case revision != nil && d.Revision != *revision:
		return wire.Deployment{}, outdated(d.Revision)
	}
	return wire.Deployment{}, refused("deployment", true)
}

// UndoDeployment makes what a generation was the next one. NOT_FOUND when it is not kept, CONFLICT when the revision has moved on.
func (s *Store) UndoDeployment(ctx context.Context, actor core.Actor, id uuid.UUID, back wire.DeploymentRollback) (d wire.Deployment, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		_, err := q.UndoDeployment(ctx, db.UndoDeploymentParams{ID: id, Generation: back.Generation, Revision: back.Revision})
		if errors.Is(err, pgx.ErrNoRows) {
			revisions, listErr := q.DeploymentRevisions(ctx, id)
			if listErr != nil {
				return mapError("list revisions", listErr)
			}
			if !keeps(revisions, back.Generation) {
				if _, err := readDeployment(ctx, q, id); err != nil {
					return err
				}
				return core.Errorf(core.CodeNotFound, "that generation is not kept").WithHint("GET /api/deployments/:id/revisions lists those that are.")
			}
		}
		d, err = changedDeployment(ctx, q, id, back.Revision, "roll back deployment", err)
		return err
	})
	return d, err
}

// keeps says whether a generation is kept to roll back to.
func keeps(revisions []db.DeploymentRevisionsRow, generation int64) bool {
	for _, r := range revisions {
		if r.Generation == generation {
			return true
		}
	}
	return generation == 0 && len(revisions) > 1
}

// DeploymentRevisions lists what the generations of a deployment were, newest first, as many as are kept.
func (s *Store) DeploymentRevisions(ctx context.Context, actor core.Actor, id uuid.UUID) (all []wire.DeploymentRevision, err error) {
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		if _, err := readDeployment(ctx, q, id); err != nil {
			return err
		}
		rows, err := q.DeploymentRevisions(ctx, id)
		all = make([]wire.DeploymentRevision, len(rows))
		for i, r := range rows {
			all[i] = wire.DeploymentRevision(r)
		}
		return mapError("list revisions", err)
	})
	return all, err
}

// DeleteDeployment removes a deployment. Its pods are asked to stop, and belong to nobody from then on.
func (s *Store) DeleteDeployment(ctx context.Context, actor core.Actor, id uuid.UUID) error {
	return s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.DeleteDeployment(ctx, id)
		if err != nil || n > 0 {
			return mapError("delete deployment", err)
		}
		_, err = q.GetDeployment(ctx, id)
		return refusedUnless("delete deployment", "deployment", err)
	})
}
