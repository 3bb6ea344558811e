package store

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
)

func TestClusterSettingsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	readers := verdicts{ok, ok, ok, ok, ok, hide, hide}
	admins := verdicts{ok, forbid, forbid, forbid, forbid, hide, hide}
	five, text := int32(5), "said"
	class, err := w.CreatePriorityClass(t.Context(), c["admin"], wire.PriorityClassCreate{Name: "urgent", Value: &five})
	require.NoError(t, err)
	c.check(t, "read a priority class", readers, func(ctx context.Context, a core.Actor) error {
		_, err := w.PriorityClass(ctx, a, "urgent")
		return err
	})
	c.check(t, "change a priority class", admins, func(ctx context.Context, a core.Actor) error {
		_, err := w.UpdatePriorityClass(ctx, a, "urgent", wire.PriorityClassPatch{Description: &text})
		return err
	})
	_, err = w.UpdatePriorityClass(t.Context(), c["admin"], "urgent", wire.PriorityClassPatch{Description: &text, Revision: &class.Revision})
	requireCode(t, core.CodeConflict, err)
	_, err = w.CreatePriorityClass(t.Context(), c["admin"], wire.PriorityClassCreate{Name: "urgent", Value: &five})
	requireCode(t, core.CodeConflict, err)
	all, err := w.ListPriorityClasses(t.Context(), w.dev)
	require.NoError(t, err)
	require.Equal(t, "system-node-critical", all[0].Name, "the most important first")
	c.check(t, "delete a priority class", verdicts{ok, hide, hide, hide, hide, hide, hide}, func(ctx context.Context, a core.Actor) error { return w.DeletePriorityClass(ctx, a, "urgent") })

	c.check(t, "read settings", verdicts{ok, ok, ok, ok, ok, ok, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.Setting(ctx, a, "scheduler.strategy")
		return err
	})
	c.check(t, "change settings", verdicts{ok, forbid, forbid, forbid, forbid, forbid, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.PutSetting(ctx, a, "scheduler.strategy", json.RawMessage(`"mostAllocated"`), nil)
		return err
	})
	setting, err := w.PutSetting(t.Context(), c["admin"], "scheduler.strategy", json.RawMessage(`"leastAllocated"`), nil)
	require.NoError(t, err)
	require.True(t, setting.Set)
	stale := setting.Revision - 1
	_, err = w.PutSetting(t.Context(), c["admin"], "scheduler.strategy", json.RawMessage(`"mostAllocated"`), &stale)
	requireCode(t, core.CodeConflict, err)
	_, err = w.PutSetting(t.Context(), c["admin"], "scheduler.strategy", json.RawMessage(`"fullest"`), nil)
	requireCode(t, core.CodeValidation, err)
	_, err = w.PutSetting(t.Context(), c["admin"], "colour", json.RawMessage(`"red"`), nil)
	requireCode(t, core.CodeNotFound, err)
	setting, err = w.ResetSetting(t.Context(), c["admin"], "scheduler.strategy")
	require.NoError(t, err)
	require.False(t, setting.Set)
	require.JSONEq(t, `"leastAllocated"`, string(setting.Value))
	settings, err := w.Settings(t.Context(), w.dev)
	require.NoError(t, err)
	require.Greater(t, len(settings), 15)
}

func TestNamespacesSayWhatIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	ten, cpu := int64(10), "2"
	_, err := w.CreateNamespace(t.Context(), c["operator"], wire.NamespaceCreate{Name: "team", Defaults: wire.Resources{CPU: "250m"}})
	require.NoError(t, err)
	_, err = w.CreatePods(t.Context(), w.dev, []wire.PodCreate{{PackID: &w.pack, Namespace: "team"}, {PackID: &w.pack, Namespace: "team", Resources: wire.Resources{Memory: "1Gi"}}})
	require.NoError(t, err)
	ns, err := w.Namespace(t.Context(), w.dev, "team")
	require.NoError(t, err)
	require.Equal(t, &wire.Usage{Pods: 2, CPU: "500m", Memory: "1152Mi"}, ns.Usage, "counted")
	c.check(t, "set a quota", verdicts{ok, ok, forbid, forbid, forbid, hide, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.UpdateNamespace(ctx, a, "team", wire.NamespacePatch{ResourceQuota: &wire.Quota{MaxPods: &ten, MaxCPU: &cpu}})
		return err
	})
	after, err := w.Namespace(t.Context(), w.dev, "team")
	require.NoError(t, err)
	require.Equal(t, ns.Usage, after.Usage, "kept by trigger")
	require.Equal(t, "250m", after.Defaults.CPU)
	_, err = w.UpdateNamespace(t.Context(), c["operator"], "team", wire.NamespacePatch{Defaults: &wire.Resources{}, Revision: &ns.Revision})
	requireCode(t, core.CodeConflict, err)
}

func TestBatchesNameWhoIsAtFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := wire.PodCreate{PackID: &w.pack}
	made, err := w.CreatePods(t.Context(), w.dev, []wire.PodCreate{{PackID: &w.pack, Name: "a"}, {Pack: "hello", Name: "b", Namespace: "default"}, good})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, []string{made[0].Name, made[1].Name}, "in the order of the batch")
	for field, bad := range map[string]wire.PodCreate{
		"pods[1].namespace": {PackID: &w.pack, Namespace: "nowhere"}, "pods[1].pack": {Pack: "nothing"}, "pods[1].priorityClass": {PackID: &w.pack, PriorityClass: "nothing"},
		"pods[1]": {PackID: &w.pack, Name: "a"}, "pods[1].affinity": {PackID: &w.pack, Affinity: json.RawMessage(`{"x": 1}`)},
	} {
		_, err := w.CreatePods(t.Context(), w.dev, []wire.PodCreate{good, bad, good})
		var public *core.Error
		require.ErrorAs(t, err, &public, field)
		require.Equal(t, field, public.Field)
	}
	require.EqualValues(t, 3, fixture.One[int64](t, w.pool, "select count(*) from public.pods"), "none of a batch that was refused")
}

func TestPodsChangeAndGoBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	owners := verdicts{ok, ok, ok, forbid, forbid, hide, hide}
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack, Labels: map[string]string{"old": "1"}, Env: map[string]string{"A": "1"}})
	require.NoError(t, err)
	x := "x"
	c.check(t, "label", owners, func(ctx context.Context, a core.Actor) error {
		_, err := w.UpdatePod(ctx, a, pod.ID, wire.PodPatch{Labels: map[string]*string{"new": &x, "old": nil}})
		return err
	})
	_, err = w.UpdatePod(t.Context(), w.dev, pod.ID, wire.PodPatch{Labels: map[string]*string{"new": &x}, Revision: &pod.Revision})
	requireCode(t, core.CodeConflict, err)

	_, err = w.RollBackPod(t.Context(), w.dev, pod.ID, "")
	requireCode(t, core.CodeConflict, err) // there is no version before
	newer := fixture.One[uuid.UUID](t, w.pool, `insert into public.packs (name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size)
		select name, '2.0.0', runtime_tag, owner_id, visibility, bundle_path || '2', bundle_sha256, 10 from public.packs returning id`)
	pod, err = w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &newer, Env: map[string]string{"A": "1"}})
	require.NoError(t, err)
	for name, code := range map[string]core.Code{"viewer": forbid, "other": forbid, "node": hide} {
		_, err = w.RollBackPod(t.Context(), c[name], pod.ID, "")
		requireCode(t, code, err)
	}
	back, err := w.RollBackPod(t.Context(), w.dev, pod.ID, "")
	require.NoError(t, err)
	require.Equal(t, "1.0.0", back.PackVersion)
	require.Equal(t, pod.Env, back.Env)
	old, err := w.Pod(t.Context(), w.dev, pod.ID)
	require.NoError(t, err)
	require.Equal(t, core.DesiredStopped, old.DesiredState)
}

// However often and at what the same time a request is sent with a key, it is carried out once.
func TestOnceIsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	create := func(key, request string) (wire.Pod, *wire.Once, error) {
		o := &wire.Once{Key: key, Request: request}
		pod, err := w.CreatePod(wire.WithOnce(t.Context(), o), w.dev, wire.PodCreate{PackID: &w.pack})
		return pod, o, err
	}
	var wg sync.WaitGroup
	ids := make([]uuid.UUID, 16)
	for i := range ids {
		wg.Go(func() {
			pod, _, err := create("k", "r")
			if err == nil {
				ids[i] = pod.ID
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(*) from public.pods"))
	_, o, err := create("k", "r")
	require.NoError(t, err)
	require.True(t, o.Replayed)
	_, _, err = create("k", "another")
	requireCode(t, core.CodeKeyReused, err)
	_, _, err = create("k2", "r")
	require.NoError(t, err)
	other := fixture.User(t, w.pool, "developer")
	_, err = w.CreatePod(wire.WithOnce(t.Context(), &wire.Once{Key: "k", Request: "r"}), other, wire.PodCreate{PackID: &w.pack})
	require.NoError(t, err, "keys are each user's own")
	require.EqualValues(t, 3, fixture.One[int64](t, w.pool, "select count(*) from public.pods"))

	fixture.Exec(t, w.pool, "update stark.idempotency_keys set created_at = now() - interval '25 hours'")
	_, err = w.Prune(t.Context(), 100)
	require.NoError(t, err)
	require.Zero(t, fixture.One[int64](t, w.pool, "select count(*) from stark.idempotency_keys"), "for a day")
}

func TestEventsAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	fixture.Exec(t, w.pool, "insert into public.events (kind, object_name, namespace, reason) select 'deployment', 'web', 'default', 'changed' from generate_series(1, 5)")
	var seen []int64
	f := wire.EventFilter{Kind: "deployment", ObjectName: "web", Limit: 2}
	for {
		page, next, err := w.ListEvents(t.Context(), w.dev, f)
		require.NoError(t, err)
		for _, e := range page {
			seen = append(seen, e.ID)
		}
		if next == "" {
			break
		}
		require.Len(t, page, 2)
		f.Before = page[1].ID
	}
	require.Len(t, seen, 5)
	require.IsDecreasing(t, seen)
	page, _, err := w.ListEvents(t.Context(), w.dev, wire.EventFilter{Since: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	require.Empty(t, page)
	page, _, err = w.ListEvents(t.Context(), c["node"], wire.EventFilter{})
	require.NoError(t, err)
	require.Empty(t, page, "an agent's account reads no events")
}
