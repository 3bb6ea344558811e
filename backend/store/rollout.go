package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

// Roll does what a step says about a deployment, all of it or nothing, and returns a position in the WAL before which all of it is. Errors are:
// ErrNotLeader, core.ErrStepVoid, or what the database refuses: QUOTA_EXCEEDED, FORBIDDEN, VALIDATION_ERROR or CONFLICT of the pods to be made.
func (s *Store) Roll(ctx context.Context, epoch core.Epoch, step core.RolloutStep) (position uint64, err error) {
	err = inTx(ctx, s.work, func(tx pgx.Tx) error {
		q := s.q.WithTx(tx)
		if _, err := q.LockLease(ctx, db.LockLeaseParams{LeaseName: leaseName, Holder: epoch.Holder, Epoch: epoch.Number}); errors.Is(err, pgx.ErrNoRows) {
			return ErrNotLeader
		} else if err != nil {
			return mapError("lock lease", err)
		}
		mayRun, err := q.LockDeployment(ctx, db.LockDeploymentParams{ID: step.Deployment, Generation: step.Generation})
		if errors.Is(err, pgx.ErrNoRows) {
			return core.ErrStepVoid
		} else if err != nil {
			return mapError("lock deployment", err)
		}
		if len(step.Create) > 0 && !mayRun {
			return core.Errorf(core.CodeForbidden, "its owner is gone or may not create pods any more")
		}
		return rollIn(ctx, q, step)
	})
	if err != nil {
		return 0, err
	}
	at, err := s.q.WALPosition(ctx)
	return uint64(at), mapError("read position", err)
}

func rollIn(ctx context.Context, q *db.Queries, step core.RolloutStep) error {
	if len(step.Stop) > 0 {
		if err := q.StopDeploymentPods(ctx, db.StopDeploymentPodsParams{Pods: step.Stop, DeploymentID: &step.Deployment}); err != nil {
			return mapError("stop pods", err)
		}
	}
	if len(step.Delete) > 0 {
		if err := q.DeleteDeploymentPods(ctx, db.DeleteDeploymentPodsParams{Pods: step.Delete, DeploymentID: &step.Deployment}); err != nil {
			return mapError("delete pods", err)
		}
	}
	if n := len(step.Create); n > 0 {
		arg := db.CreateDeploymentPodsParams{DeploymentID: step.Deployment, Nodes: make([]string, n), Generations: make([]int64, n)}
		for i, pod := range step.Create {
			arg.Nodes[i], arg.Generations[i] = pod.Node, pod.Generation
		}
		made, err := q.CreateDeploymentPods(ctx, arg)
		if err != nil {
			return mapError("create pods", err)
		}
		if made != int64(n) {
			return core.Errorf(core.CodeConflict, "what the generation was is not kept any more")
		}
	}
	return sayIn(ctx, q, step)
}

// sayIn writes what is said of the deployment, and what it is from now on. Events come first: they tell of the generation that the step was for.
func sayIn(ctx context.Context, q *db.Queries, step core.RolloutStep) error {
	if len(step.Events) > 0 {
		arg := db.TellOfDeploymentParams{ID: step.Deployment}
		for _, e := range step.Events {
			arg.Reasons, arg.Warnings, arg.Messages = append(arg.Reasons, e.Reason), append(arg.Warnings, e.Warning), append(arg.Messages, e.Message)
		}
		if err := q.TellOfDeployment(ctx, arg); err != nil {
			return mapError("tell of deployment", err)
		}
	}
	if step.Status != nil {
		if err := q.SayOfDeployment(ctx, db.SayOfDeploymentParams{Status: step.Status, Generation: step.Generation, ID: step.Deployment}); err != nil {
			return mapError("say of deployment", err)
		}
	}
	if step.Pack != uuid.Nil {
		n, err := q.MoveDeployment(ctx, db.MoveDeploymentParams{PackID: step.Pack, ID: step.Deployment})
		if err != nil {
			return mapError("move deployment", err)
		}
		if n == 0 {
			return core.ErrStepVoid // it does not follow any more
		}
	}
	if step.RollbackTo != 0 {
		n, err := q.RollBackDeployment(ctx, db.RollBackDeploymentParams{ID: step.Deployment, Generation: step.RollbackTo})
		if err != nil {
			return mapError("roll back deployment", err)
		}
		if n == 0 {
			return core.Errorf(core.CodeNotFound, "generation %d is not kept any more (historyLimit)", step.RollbackTo)
		}
	}
	return nil
}
