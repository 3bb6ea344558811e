package store

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestDeploymentsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	pack := w.pack
	made, err := w.CreateDeployment(t.Context(), w.dev, wire.DeploymentCreate{Name: "web", PackID: &pack, Spec: json.RawMessage(`{"env": {"V": "1"}}`)})
	require.NoError(t, err)
	require.EqualValues(t, 1, made.Replicas)
	require.Equal(t, "hello", made.PackName)
	two, on := int32(2), true
	owners := verdicts{ok, ok, ok, forbid, forbid, hide, hide}
	c.check(t, "scale", owners, func(ctx context.Context, a core.Actor) error {
		_, err := w.UpdateDeployment(ctx, a, made.ID, wire.DeploymentPatch{Replicas: &two})
		return err
	})
	c.check(t, "read", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.Deployment(ctx, a, made.ID)
		return err
	})
	c.check(t, "revisions", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.DeploymentRevisions(ctx, a, made.ID)
		return err
	})

	_, err = w.UndoDeployment(t.Context(), w.dev, made.ID, wire.DeploymentRollback{Generation: 0})
	requireCode(t, core.CodeNotFound, err) // there is no generation before
	now, err := w.UpdateDeployment(t.Context(), w.dev, made.ID, wire.DeploymentPatch{Spec: json.RawMessage(`{"env": {"V": "2"}}`), FollowLatest: &on})
	require.NoError(t, err)
	require.EqualValues(t, 2, now.Generation)
	c.check(t, "roll back", owners, func(ctx context.Context, a core.Actor) error {
		_, err := w.UndoDeployment(ctx, a, made.ID, wire.DeploymentRollback{Generation: 1})
		return err
	})
	now, err = w.Deployment(t.Context(), w.dev, made.ID)
	require.NoError(t, err)
	require.JSONEq(t, `{"env": {"V": "1"}}`, string(now.Spec))
	require.False(t, now.FollowLatest, "it would undo the rollback")
	undone, err := w.UndoDeployment(t.Context(), w.dev, made.ID, wire.DeploymentRollback{Generation: 0})
	require.NoError(t, err)
	require.JSONEq(t, `{"env": {"V": "2"}}`, string(undone.Spec), "the one before")
	revisions, err := w.DeploymentRevisions(t.Context(), w.dev, made.ID)
	require.NoError(t, err)
	require.Equal(t, undone.Generation, revisions[0].Generation)
	_, err = w.UndoDeployment(t.Context(), w.dev, made.ID, wire.DeploymentRollback{Generation: 1, Revision: &made.Revision})
	requireCode(t, core.CodeConflict, err) // somebody was faster
	_, err = w.UndoDeployment(t.Context(), w.dev, made.ID, wire.DeploymentRollback{Generation: 99})
	requireCode(t, core.CodeNotFound, err)

	_, err = w.UpdateDeployment(t.Context(), w.dev, made.ID, wire.DeploymentPatch{Replicas: &two, Revision: &made.Revision})
	requireCode(t, core.CodeConflict, err)
	_, err = w.CreateDeployment(t.Context(), w.dev, wire.DeploymentCreate{Name: "web", PackID: &pack})
	requireCode(t, core.CodeConflict, err)
	for field, in := range map[string]wire.DeploymentCreate{
		"namespace": {Name: "x", PackID: &pack, Namespace: "nowhere"}, "pack": {Name: "x", Pack: "nothing"}, "version": {Name: "x", Pack: "hello", Version: "9.9.9"},
		"spec": {Name: "x", PackID: &pack, Spec: json.RawMessage(`{"image": "y"}`)}, "strategy": {Name: "x", PackID: &pack, Strategy: json.RawMessage(`{"speed": 1}`)},
	} {
		_, err := w.CreateDeployment(t.Context(), w.dev, in)
		var public *core.Error
		require.ErrorAs(t, err, &public, field)
		require.Equal(t, core.CodeValidation, public.Code, "%s: %s", field, err)
		require.Equal(t, field, public.Field)
	}
	all, next, err := w.ListDeployments(t.Context(), w.dev, wire.DeploymentFilter{Name: "web", PackID: &pack})
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Empty(t, next)
	c.check(t, "delete", verdicts{ok, hide, hide, hide, hide, hide, hide}, func(ctx context.Context, a core.Actor) error { return w.DeleteDeployment(ctx, a, made.ID) })
}
