package store

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
)

// cast is everyone who may ask. What each may is in the tables of the tests below, refusals included.
type cast map[string]core.Actor

var everyone = []string{"admin", "operator", "developer", "other", "viewer", "node", "nobody"}

func (w *world) cast(t *testing.T) cast {
	t.Helper()
	c := cast{"developer": w.dev, "nobody": fixture.Actor(uuid.New(), "nobody@example.com")}
	for name, role := range map[string]string{"admin": "admin", "operator": "operator", "other": "developer", "viewer": "viewer", "node": "node"} {
		c[name] = fixture.User(t, w.pool, role)
	}
	return c
}

const ok = core.Code("")

// verdicts says what each of everyone gets, in that order.
type verdicts [7]core.Code

const (
	forbid = core.CodeForbidden
	hide   = core.CodeNotFound
)

// check runs an action as everyone.
func (c cast) check(t *testing.T, what string, want verdicts, act func(ctx context.Context, actor core.Actor) error) {
	t.Helper()
	for i, name := range everyone {
		err := act(t.Context(), c[name])
		if want[i] == ok {
			require.NoError(t, err, "%s as %s", what, name)
			continue
		}
		require.Error(t, err, "%s as %s", what, name)
		require.Equal(t, want[i], core.CodeOf(err), "%s as %s: %v", what, name, err)
	}
}

func TestWhoami(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	c.check(t, "whoami", verdicts{ok, ok, ok, ok, ok, ok, forbid}, func(ctx context.Context, a core.Actor) error {
		user, err := w.Whoami(ctx, a)
		if err == nil {
			require.Equal(t, a.UserID, user.ID)
			require.Equal(t, a.Email, user.Email)
		}
		return err
	})
	// A role takes effect at the next statement.
	fixture.Exec(t, w.pool, "update public.users set role = 'operator' where id = $1", c["viewer"].UserID)
	user, err := w.Whoami(t.Context(), c["viewer"])
	require.NoError(t, err)
	require.Equal(t, "operator", user.Role)
}

func TestPacksByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	create := func(ctx context.Context, a core.Actor, name, visibility string) (wire.Pack, error) {
		return w.CreatePack(ctx, a, wire.PackCreate{Name: name, Version: "1.0.0", RuntimeTag: core.TagNode, BundleSHA256: fixture.SHA, Visibility: visibility,
			BundlePath: a.UserID.String() + "/" + name + "/1.0.0/b.js", Metadata: json.RawMessage(`{"k": 1}`)}, 7)
	}
	c.check(t, "create", verdicts{ok, forbid, ok, ok, forbid, forbid, forbid}, func(ctx context.Context, a core.Actor) error {
		pack, err := create(ctx, a, "of-"+a.UserID.String(), "")
		if err == nil {
			require.Equal(t, "private", pack.Visibility)
			require.Equal(t, a.UserID, *pack.OwnerID)
			require.JSONEq(t, `{"k": 1}`, string(pack.Metadata))
		}
		return err
	})
	secret, err := create(t.Context(), w.dev, "secret", "private")
	require.NoError(t, err)
	public, err := create(t.Context(), w.dev, "public", "public")
	require.NoError(t, err)
	c.check(t, "read a private pack", verdicts{ok, hide, ok, hide, hide, hide, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.Pack(ctx, a, secret.ID)
		return err
	})
	c.check(t, "read a public pack", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		pack, err := w.Pack(ctx, a, public.ID)
		if err == nil {
			require.Equal(t, public, pack)
		}
		return err
	})
	c.check(t, "run a private pack", verdicts{ok, core.CodeValidation, ok, core.CodeValidation, core.CodeValidation, core.CodeValidation, core.CodeValidation},
		func(ctx context.Context, a core.Actor) error {
			pod, err := w.CreatePod(ctx, a, wire.PodCreate{PackID: &secret.ID})
			if err == nil {
				require.NoError(t, w.DeletePod(ctx, a, pod.ID))
			}
			return err
		})
	seen := map[string]int{}
	for _, name := range everyone {
		packs, next, err := w.ListPacks(t.Context(), c[name], wire.PackFilter{})
		require.NoError(t, err)
		require.Empty(t, next)
		seen[name] = len(packs)
	}
	// hello and public; of the private ones each owner's, and all for admins
	require.Equal(t, map[string]int{"admin": 6, "operator": 2, "developer": 4, "other": 3, "viewer": 2, "node": 0, "nobody": 0}, seen)

	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &public.ID})
	require.NoError(t, err)
	requireCode(t, core.CodeConflict, w.DeletePack(t.Context(), w.dev, public.ID))
	require.NoError(t, w.DeletePod(t.Context(), w.dev, pod.ID))
	for name, code := range map[string]core.Code{"operator": forbid, "other": forbid, "viewer": forbid, "node": hide, "nobody": hide} {
		requireCode(t, code, w.DeletePack(t.Context(), c[name], public.ID))
	}
	require.NoError(t, w.DeletePack(t.Context(), c["admin"], public.ID))
	requireCode(t, hide, w.DeletePack(t.Context(), c["admin"], public.ID))
	requireCode(t, hide, w.DeletePack(t.Context(), c["other"], secret.ID))
	require.NoError(t, w.DeletePack(t.Context(), w.dev, secret.ID))
}

func TestPackNamesAndVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	create := func(a core.Actor, name, version string) error {
		_, err := w.CreatePack(t.Context(), a, wire.PackCreate{Name: name, Version: version, RuntimeTag: core.TagNode, BundleSHA256: fixture.SHA,
			BundlePath: a.UserID.String() + "/x", Visibility: "public"}, 7)
		return err
	}
	requireCode(t, core.CodeConflict, create(w.dev, "hello", "1.0.0"))
	requireCode(t, core.CodeConflict, create(c["other"], "hello", "2.0.0"))
	requireCode(t, core.CodeValidation, create(w.dev, "Hello", "1.0.0"))
	requireCode(t, core.CodeValidation, create(w.dev, "hello", "v1"))
	_, err := w.CreatePack(t.Context(), w.dev, wire.PackCreate{Name: "stolen", Version: "1.0.0", RuntimeTag: core.TagNode, BundleSHA256: fixture.SHA,
		BundlePath: c["other"].UserID.String() + "/x"}, 7)
	requireCode(t, core.CodeForbidden, err)

	for _, v := range []string{"1.2.0", "1.10.0", "2.0.0-beta", "1.10.0+build2", "99999999999999999999.0.0"} {
		require.NoError(t, create(w.dev, "hello", v))
	}
	for want, expect := range map[string]string{"": "1.10.0+build2", "latest": "1.10.0+build2", "1.2.0": "1.2.0", "2.0.0-beta": "2.0.0-beta",
		"99999999999999999999.0.0": "99999999999999999999.0.0"} {
		pod, err := w.CreatePod(t.Context(), c["other"], wire.PodCreate{Pack: "hello", Version: want})
		require.NoError(t, err, want)
		require.Equal(t, expect, pod.PackVersion)
	}
	for field, in := range map[string]wire.PodCreate{"version": {Pack: "hello", Version: "3.0.0"}, "pack": {Pack: "nothing"}} {
		_, err := w.CreatePod(t.Context(), w.dev, in)
		requireCode(t, core.CodeValidation, err)
		require.Equal(t, field, fieldIn(t, err))
	}
	require.NoError(t, create(w.dev, "pre", "1.0.0-a"))
	require.NoError(t, create(w.dev, "pre", "1.0.0-b"))
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{Pack: "pre"})
	require.NoError(t, err)
	require.Equal(t, "1.0.0-b", pod.PackVersion, "a prerelease if there is nothing else")

	packs, _, err := w.ListPacks(t.Context(), w.dev, wire.PackFilter{Name: "pre"})
	require.NoError(t, err)
	require.Len(t, packs, 2)
}

func TestPodsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	c.check(t, "create", verdicts{ok, ok, ok, ok, forbid, core.CodeValidation, core.CodeValidation}, func(ctx context.Context, a core.Actor) error {
		pod, err := w.CreatePod(ctx, a, wire.PodCreate{PackID: &w.pack})
		if err == nil {
			require.Equal(t, a.UserID, *pod.CreatedBy)
			require.NoError(t, w.DeletePod(ctx, a, pod.ID))
		}
		return err
	})
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack})
	require.NoError(t, err)
	c.check(t, "read", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		got, err := w.Pod(ctx, a, pod.ID)
		if err == nil {
			require.Equal(t, pod, got)
		}
		return err
	})
	c.check(t, "history", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		events, err := w.PodHistory(ctx, a, pod.ID)
		if err == nil {
			require.Equal(t, "created", events[0].Event)
			require.Equal(t, w.dev.UserID, *events[0].ActorID)
			require.Equal(t, "authenticated", events[0].ActorRole)
			require.Equal(t, "test", *events[0].CorrelationID)
		}
		return err
	})
	for _, name := range everyone {
		pods, _, err := w.ListPods(t.Context(), c[name], wire.PodFilter{})
		require.NoError(t, err)
		require.Equal(t, map[bool]int{true: 0, false: 1}[name == "node" || name == "nobody"], len(pods), name)
	}
	c.check(t, "stop", verdicts{ok, ok, ok, forbid, forbid, hide, hide}, func(ctx context.Context, a core.Actor) error {
		stopped, err := w.StopPod(ctx, a, pod.ID)
		if err == nil {
			require.Equal(t, core.PodStopped, stopped.Status, "nowhere yet, so at once")
		}
		return err
	})
	for _, name := range []string{"other", "viewer"} {
		requireCode(t, forbid, w.DeletePod(t.Context(), c[name], pod.ID))
	}
	for _, name := range []string{"node", "nobody"} {
		requireCode(t, hide, w.DeletePod(t.Context(), c[name], pod.ID))
	}
	for _, name := range []string{"developer", "operator", "admin"} {
		own, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack})
		require.NoError(t, err)
		require.NoError(t, w.DeletePod(t.Context(), c[name], own.ID))
		requireCode(t, hide, w.DeletePod(t.Context(), c[name], own.ID))
		_, err = w.StopPod(t.Context(), c[name], own.ID)
		requireCode(t, hide, err)
		events, err := w.PodHistory(t.Context(), c["viewer"], own.ID)
		require.NoError(t, err, "the history outlives the pod")
		require.Equal(t, "deleted", events[len(events)-1].Event)
		require.Equal(t, c[name].UserID, *events[len(events)-1].ActorID)
	}
	_, err = w.PodHistory(t.Context(), w.dev, uuid.New())
	requireCode(t, hide, err)
}

func TestLogsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack})
	require.NoError(t, err)
	read := func(lines int) func(context.Context, core.Actor) error {
		return func(ctx context.Context, a core.Actor) error {
			got, err := w.PodLogs(ctx, a, pod.ID, wire.LogQuery{Limit: 100})
			if err == nil {
				require.NotNil(t, got)
				require.Len(t, got, lines)
			}
			return err
		}
	}
	allowed := verdicts{ok, ok, ok, forbid, forbid, hide, hide}
	c.check(t, "an empty log", allowed, read(0))
	var lines []core.LogLine
	for range 10 {
		lines = append(lines, core.LogLine{PodID: pod.ID, Incarnation: 1, Stream: "stdout", Text: "x"})
	}
	require.NoError(t, w.AppendLogs(t.Context(), lines))
	c.check(t, "a log", allowed, read(10))

	all, err := w.PodLogs(t.Context(), w.dev, pod.ID, wire.LogQuery{Limit: 100})
	require.NoError(t, err)
	for want, q := range map[string]wire.LogQuery{
		"first 3": {Limit: 3}, "after the 4th": {After: all[3].ID, Limit: 100}, "last 2": {Tail: 2, Limit: 100}, "tail within the limit": {Tail: 9, Limit: 4},
		"tail after": {Tail: 100, After: all[7].ID, Limit: 100}, "nothing new": {After: all[9].ID, Limit: 100},
	} {
		got, err := w.PodLogs(t.Context(), w.dev, pod.ID, q)
		require.NoError(t, err, want)
		expect := map[string][]wire.PodLogLine{
			"first 3": all[:3], "after the 4th": all[4:], "last 2": all[8:], "tail within the limit": all[6:], "tail after": all[8:], "nothing new": {},
		}[want]
		require.Equal(t, expect, got, want)
	}
}

func TestNodesByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	c.check(t, "create", verdicts{ok, ok, ok, ok, forbid, ok, forbid}, func(ctx context.Context, a core.Actor) error {
		node, err := w.CreateNode(ctx, a, wire.NodeCreate{Name: "of-" + a.UserID.String(), RuntimeType: core.RuntimeNode, Labels: map[string]string{"a": "b"},
			Taints: []core.Taint{{Key: "k", Effect: core.EffectNoSchedule}}})
		if err == nil {
			private := a.UserID == w.dev.UserID || a.UserID == c["other"].UserID
			require.Equal(t, map[bool]core.Access{true: core.AccessPrivate, false: core.AccessShared}[private], node.Access)
			require.Equal(t, core.NodeUnknown, node.Status)
			require.Equal(t, wire.NodeResources{CPU: "1", Memory: "1Gi", Pods: 110}, node.Resources)
			require.Equal(t, "k", node.Taints[0].Key)
		}
		return err
	})
	node, err := w.CreateNode(t.Context(), w.dev, wire.NodeCreate{Name: "mine", RuntimeType: core.RuntimeBrowser,
		Resources: wire.NodeResources{CPU: "500m", Memory: "64Mi", Pods: 3}})
	require.NoError(t, err)
	require.Equal(t, wire.NodeResources{CPU: "500m", Memory: "64Mi", Pods: 3}, node.Resources)
	for _, key := range []string{"mine", node.ID.String()} {
		c.check(t, "read", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
			got, err := w.Node(ctx, a, key)
			if err == nil {
				require.Equal(t, node, got)
			}
			return err
		})
	}
	own, err := w.Node(t.Context(), c["node"], "of-"+c["node"].UserID.String())
	require.NoError(t, err, "an agent's account sees its own")
	list, _, err := w.ListNodes(t.Context(), c["node"], wire.NodeFilter{})
	require.NoError(t, err)
	require.Equal(t, []wire.Node{own}, list)

	cordon, shared, zone := true, core.AccessShared, "a"
	c.check(t, "cordon", verdicts{ok, ok, ok, forbid, forbid, hide, hide}, func(ctx context.Context, a core.Actor) error {
		_, err := w.UpdateNode(ctx, a, "mine", wire.NodePatch{Unschedulable: &cordon})
		return err
	})
	changed, err := w.UpdateNode(t.Context(), w.dev, "mine", wire.NodePatch{
		Labels: map[string]*string{"zone": &zone}, Taints: &[]core.Taint{{Key: "gpu", Effect: core.EffectNoSchedule}}})
	require.NoError(t, err)
	require.True(t, changed.Unschedulable, "what is not given stays")
	require.Equal(t, map[string]string{"zone": "a"}, changed.Labels)
	require.Equal(t, "gpu", changed.Taints[0].Key)
	stale := changed.Revision - 1
	_, err = w.UpdateNode(t.Context(), w.dev, "mine", wire.NodePatch{Taints: &[]core.Taint{}, Revision: &stale})
	requireCode(t, core.CodeConflict, err)
	uncordon := false
	changed, err = w.UpdateNode(t.Context(), w.dev, "mine", wire.NodePatch{Taints: &[]core.Taint{}, Unschedulable: &uncordon, Revision: &changed.Revision})
	require.NoError(t, err)
	require.Empty(t, changed.Taints)
	_, err = w.UpdateNode(t.Context(), w.dev, "mine", wire.NodePatch{Access: &shared})
	requireCode(t, core.CodeForbidden, err) // whom a node is for is not its owner's to say

	_, err = w.CreateNode(t.Context(), c["other"], wire.NodeCreate{Name: "mine", RuntimeType: core.RuntimeNode})
	requireCode(t, core.CodeConflict, err)
	fixture.Exec(t, w.pool, "update public.nodes set status = 'healthy' where id = $1", node.ID)
	pod := fixture.Pods(t, w.pool, w.pack, 1)
	fixture.Exec(t, w.pool, "update public.nodes set access = 'shared' where id = $1", node.ID) // the pods are nobody's
	w.place(t, node.ID, pod...)
	busy, err := w.Node(t.Context(), w.dev, "mine")
	require.NoError(t, err)
	require.EqualValues(t, 1, busy.Pods)
	requireCode(t, core.CodeConflict, w.DeleteNode(t.Context(), w.dev, "mine"))
	fixture.Exec(t, w.pool, "update public.pods set status = 'stopped' where id = any ($1)", pod)

	for name, code := range map[string]core.Code{"other": forbid, "viewer": forbid, "node": hide, "nobody": hide} {
		requireCode(t, code, w.DeleteNode(t.Context(), c[name], "mine"))
	}
	require.NoError(t, w.DeleteNode(t.Context(), w.dev, node.ID.String()))
	requireCode(t, hide, w.DeleteNode(t.Context(), w.dev, "mine"))
	require.NoError(t, w.DeleteNode(t.Context(), c["operator"], own.Name))
	for filter, want := range map[wire.NodeFilter]int{
		{}: 4, {Name: own.Name}: 0, {Status: core.NodeUnknown}: 4, {Status: core.NodeHealthy}: 0, {RuntimeType: core.RuntimeNode}: 4,
		{RuntimeType: core.RuntimeBrowser}: 0,
	} {
		got, _, err := w.ListNodes(t.Context(), c["admin"], filter)
		require.NoError(t, err)
		require.Len(t, got, want, "%+v", filter)
	}
}

func TestNamespacesByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	five, cpu := int64(5), "1500m"
	c.check(t, "create", verdicts{ok, ok, forbid, forbid, forbid, forbid, forbid}, func(ctx context.Context, a core.Actor) error {
		ns, err := w.CreateNamespace(ctx, a, wire.NamespaceCreate{Name: "of-" + a.UserID.String(), Labels: map[string]string{"a": "b"},
			ResourceQuota: wire.Quota{MaxPods: &five, MaxCPU: &cpu}})
		if err == nil {
			require.Equal(t, wire.Quota{MaxPods: &five, MaxCPU: &cpu}, ns.ResourceQuota)
			require.Equal(t, map[string]string{"a": "b"}, ns.Labels)
		}
		return err
	})
	c.check(t, "read", verdicts{ok, ok, ok, ok, ok, hide, hide}, func(ctx context.Context, a core.Actor) error {
		ns, err := w.Namespace(ctx, a, "default")
		if err == nil {
			require.Equal(t, wire.Quota{}, ns.ResourceQuota)
		}
		return err
	})
	for _, name := range everyone {
		list, _, err := w.ListNamespaces(t.Context(), c[name], wire.Slice{})
		require.NoError(t, err)
		require.Equal(t, map[bool]int{true: 0, false: 4}[name == "node" || name == "nobody"], len(list), name)
	}
	_, err := w.CreateNamespace(t.Context(), c["admin"], wire.NamespaceCreate{Name: "default"})
	requireCode(t, core.CodeConflict, err)
	_, err = w.CreateNamespace(t.Context(), c["admin"], wire.NamespaceCreate{Name: "Bad Name"})
	requireCode(t, core.CodeValidation, err)
	require.Equal(t, "name", fieldIn(t, err))

	requireCode(t, core.CodeConflict, w.DeleteNamespace(t.Context(), c["admin"], "stark-system")) // the system's own stays
	_, err = w.CreateNamespace(t.Context(), c["operator"], wire.NamespaceCreate{Name: "busy"})
	require.NoError(t, err)
	pod, err := w.CreatePod(t.Context(), w.dev, wire.PodCreate{PackID: &w.pack, Namespace: "busy"})
	require.NoError(t, err)
	requireCode(t, core.CodeConflict, w.DeleteNamespace(t.Context(), c["operator"], "busy"))
	require.NoError(t, w.DeletePod(t.Context(), w.dev, pod.ID))
	for name, code := range map[string]core.Code{"developer": forbid, "viewer": forbid, "node": hide, "nobody": hide} {
		requireCode(t, code, w.DeleteNamespace(t.Context(), c[name], "busy"))
	}
	require.NoError(t, w.DeleteNamespace(t.Context(), c["operator"], "busy"))
	requireCode(t, hide, w.DeleteNamespace(t.Context(), c["operator"], "busy"))

	// The trigger lets a whole number through as a string.
	fixture.Exec(t, w.pool, `insert into public.namespaces (name, resource_quota) values ('odd', '{"maxPods": "7", "maxMemory": "1024Mi"}')`)
	odd, err := w.Namespace(t.Context(), w.dev, "odd")
	require.NoError(t, err)
	require.EqualValues(t, 7, *odd.ResourceQuota.MaxPods)
	require.Equal(t, "1Gi", *odd.ResourceQuota.MaxMemory)
}
