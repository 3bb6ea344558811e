package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestPodsByLabel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	for name, labels := range map[string]map[string]string{"web": {"app": "web", "tier": "a"}, "db": {"app": "db"}, "bare": nil} {
		_, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{Name: name, PackID: &w.pack, Labels: labels})
		require.NoError(t, err)
	}
	_, err := w.CreatePod(t.Context(), c["other"], wire.PodCreate{Name: "others", PackID: &w.pack, Labels: map[string]string{"app": "web"}})
	require.NoError(t, err)
	in := func(key, op string, values ...string) []wire.Requirement {
		return []wire.Requirement{{Key: key, Op: op, Values: values}}
	}
	for _, want := range []struct {
		filter wire.PodFilter
		names  []string
	}{
		{wire.PodFilter{}, []string{"web", "db", "bare", "others"}},
		{wire.PodFilter{Labels: in("app", "in", "web")}, []string{"web", "others"}},
		{wire.PodFilter{Labels: in("app", "in", "web", "db")}, []string{"web", "db", "others"}},
		{wire.PodFilter{Labels: in("app", "notin", "web")}, []string{"db", "bare"}},
		{wire.PodFilter{Labels: in("tier", "exists")}, []string{"web"}},
		{wire.PodFilter{Labels: in("tier", "absent")}, []string{"db", "bare", "others"}},
		{wire.PodFilter{Labels: append(in("app", "in", "web"), in("tier", "absent")...)}, []string{"others"}},
		{wire.PodFilter{Labels: in("app", "in", "web"), CreatedBy: &w.dev.UserID}, []string{"web"}},
		{wire.PodFilter{Labels: in("app", "in", "nothing")}, nil},
		{wire.PodFilter{Labels: append(in("app", "in", "web"), in("tier", "in", "a")...)}, []string{"web"}},
		{wire.PodFilter{Labels: append(in("app", "in", "web"), in("app", "in", "db")...)}, nil},
		{wire.PodFilter{Labels: in("app", "in", "web"), Namespace: "default"}, []string{"web", "others"}},
		{wire.PodFilter{Labels: in("app", "in", "web"), Namespace: "elsewhere"}, nil},
		{wire.PodFilter{Labels: in("app", "in", "web"), Status: core.PodRunning}, nil},
	} {
		pods, _, err := w.ListPods(t.Context(), c["viewer"], want.filter)
		require.NoError(t, err)
		var names []string
		for _, p := range pods {
			names = append(names, p.Name)
		}
		require.ElementsMatch(t, want.names, names, "%+v", want.filter)
	}
	var paged []string
	f := wire.PodFilter{Labels: in("app", "in", "web"), Slice: wire.Slice{Limit: 1}}
	for {
		pods, next, err := w.ListPods(t.Context(), c["viewer"], f)
		require.NoError(t, err)
		require.Len(t, pods, 1)
		paged = append(paged, pods[0].Name)
		if next == "" {
			break
		}
		f.After, err = wire.ParseCursor(next)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"others", "web"}, paged, "newest first, page by page")
	pods, _, err := w.ListPods(t.Context(), c["node"], wire.PodFilter{Labels: in("app", "in", "web")})
	require.NoError(t, err)
	require.Empty(t, pods, "an agent's account reads no pods")
}

func TestPackChangesByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	private, public, text := "private", "public", "what it is"
	before, err := w.Pack(t.Context(), w.dev, w.pack)
	require.NoError(t, err)
	c.check(t, "publish", verdicts{ok, forbid, ok, forbid, forbid, hide, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.UpdatePack(ctx, a, w.pack, wire.PackPatch{Visibility: &public, Description: &text})
		return err
	})
	_, err = w.UpdatePack(t.Context(), w.dev, w.pack, wire.PackPatch{Visibility: &private, Revision: &before.Revision})
	requireCode(t, core.CodeConflict, err)
	after, err := w.UpdatePack(t.Context(), w.dev, w.pack, wire.PackPatch{Visibility: &private})
	require.NoError(t, err)
	require.Equal(t, private, after.Visibility)
	require.Equal(t, text, after.Description)
	require.Equal(t, before.Metadata, after.Metadata)
	_, err = w.UpdatePack(t.Context(), c["other"], w.pack, wire.PackPatch{Visibility: &public})
	requireCode(t, core.CodeNotFound, err)
}
