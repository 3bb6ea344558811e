package store

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestNodeChangesByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	on, off, eu, shared := true, false, "eu", core.AccessShared
	node, err := w.CreateNode(t.Context(), w.dev, wire.NodeCreate{Name: "mine", RuntimeType: core.RuntimeNode, Labels: map[string]string{"old": "1", "kept": "2"}})
	require.NoError(t, err)
	change := func(what string, want verdicts, patch wire.NodePatch) {
		c.check(t, what, want, func(ctx context.Context, a core.Actor) error {
			_, err := w.UpdateNode(ctx, a, "mine", patch)
			return err
		})
	}
	c.check(t, "see", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		seen, err := w.VisibleNodes(ctx, a, []uuid.UUID{node.ID, uuid.New()})
		if err == nil && len(seen) == 0 {
			return core.ErrNotFound
		}
		return err
	})
	owners := verdicts{ok, ok, ok, forbid, forbid, hide, hide}
	change("share", verdicts{ok, ok, ok, forbid, forbid, hide, hide}, wire.NodePatch{Access: &node.Access})
	change("label", owners, wire.NodePatch{Labels: map[string]*string{"zone": &eu, "old": nil}})
	change("cordon", owners, wire.NodePatch{Unschedulable: &on})
	change("drain", owners, wire.NodePatch{Drain: &wire.NodeDrain{TimeoutSeconds: 60}})
	drained, err := w.Node(t.Context(), w.dev, "mine")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"zone": "eu", "kept": "2"}, drained.Labels)
	require.True(t, drained.Unschedulable)
	require.True(t, drained.DrainDeadline.After(*drained.DrainRequestedAt))
	change("uncordon", owners, wire.NodePatch{Unschedulable: &off})
	taints := []core.Taint{{Key: "k", Effect: core.EffectNoSchedule}}
	change("taint", owners, wire.NodePatch{Taints: &taints})

	_, err = w.UpdateNode(t.Context(), w.dev, "mine", wire.NodePatch{Access: &shared})
	requireCode(t, core.CodeForbidden, err) // only operators and admins vouch for a machine
	_, err = w.UpdateNode(t.Context(), w.dev, "mine", wire.NodePatch{Unschedulable: &on, Revision: &node.Revision})
	requireCode(t, core.CodeConflict, err)
	now, err := w.Node(t.Context(), w.dev, "mine")
	require.NoError(t, err)
	require.False(t, now.Unschedulable)
	require.Nil(t, now.DrainDeadline, "uncordoning ends a drain")
	require.Equal(t, "k", now.Taints[0].Key)
	now, err = w.UpdateNode(t.Context(), c["operator"], now.ID.String(), wire.NodePatch{Access: &shared, Taints: &[]core.Taint{}, Revision: &now.Revision})
	require.NoError(t, err)
	require.Equal(t, shared, now.Access)
	require.Empty(t, now.Taints)

	_, err = w.CreateNode(t.Context(), c["node"], wire.NodeCreate{Name: "agents", RuntimeType: core.RuntimeNode})
	require.NoError(t, err)
	_, err = w.UpdateNode(t.Context(), c["node"], "agents", wire.NodePatch{Unschedulable: &on})
	requireCode(t, core.CodeForbidden, err) // an agent's account does not cordon
}
