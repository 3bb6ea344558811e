package store

import (
	"context"
	"math"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
)

func TestWatchedByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	private := fixture.Pack(t, w.pool, w.dev, "secret")
	fixture.Exec(t, w.pool, "update public.packs set visibility = 'private' where id = $1", private)
	pod := fixture.Pods(t, w.pool, private, 1)[0]
	node := fixture.Node(t, w.pool, w.agent, "n1", 3)
	space := fixture.One[uuid.UUID](t, w.pool, "select id from public.namespaces where name = 'default'")
	deployment := fixture.One[uuid.UUID](t, w.pool, `insert into public.deployments (name, pack_id, replicas, spec, created_by)
		values ('web', $1, 3, '{"env": {"A": "b"}}', $2) returning id`, private, w.dev.UserID)
	everything := []wire.WatchRef{
		{Kind: wire.WatchPods, ID: pod}, {Kind: wire.WatchNodes, ID: node}, {Kind: wire.WatchPacks, ID: w.pack}, {Kind: wire.WatchPacks, ID: private},
		{Kind: wire.WatchNamespaces, ID: space}, {Kind: wire.WatchPods, ID: uuid.New()}, {Kind: wire.WatchDeployments, ID: deployment},
	}
	sees := map[string]int{"admin": 6, "developer": 6, "operator": 5, "other": 5, "viewer": 5}
	c.check(t, "watch", verdicts{ok, ok, ok, ok, ok, forbid, forbid}, func(ctx context.Context, a core.Actor) error {
		seen, err := w.Watched(ctx, a, everything)
		for name, who := range c {
			if who != a || err != nil {
				continue
			}
			require.Len(t, seen.Objects, sees[name], name)
			// The same as the REST API shows of it.
			shown, err := w.Pod(ctx, a, pod)
			require.NoError(t, err)
			require.Equal(t, shown, seen.Objects[everything[0]])
			require.Equal(t, sees[name] == 6, shown.PackName == "secret", "the name of a private pack is not shown with its pod")
			web := seen.Objects[everything[6]].(wire.Deployment)
			require.Equal(t, []any{"web", int32(3), private, `{"env": {"A": "b"}}`}, []any{web.Name, web.Replicas, web.PackID, string(web.Spec)})
			require.Equal(t, shown.PackName, web.PackName, "nor with its deployment")
			_, hidden := seen.Objects[everything[3]]
			require.Equal(t, sees[name] == 6, hidden)
		}
		return err
	})
	c.check(t, "watch nothing", verdicts{ok, ok, ok, ok, ok, forbid, forbid}, func(ctx context.Context, a core.Actor) error {
		_, err := w.Watched(ctx, a, nil)
		return err
	})
	seen, err := w.Watched(t.Context(), c["viewer"], nil)
	require.NoError(t, err)
	require.Equal(t, "viewer", seen.Role)
	_, err = w.Watched(t.Context(), c["viewer"], []wire.WatchRef{{Kind: "secrets"}})
	require.Error(t, err)
}

func TestWatchedEventsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	fixture.Exec(t, w.pool, "delete from public.events")
	private := fixture.Pack(t, w.pool, w.dev, "secret")
	fixture.Exec(t, w.pool, "delete from public.events where object_id = $1", private)
	fixture.Exec(t, w.pool, "update public.packs set visibility = 'private' where id = $1", private)                // its owner's, and admins'
	fixture.Exec(t, w.pool, "insert into public.namespaces (name) values ('team-a')")                               // everybody's
	fixture.Exec(t, w.pool, "insert into public.events (kind, reason, audience) values ('user', 'x', 'operators')") // operators', and admins'
	var refs []wire.WatchRef
	for _, number := range fixture.All[int64](t, w.pool, "select id from public.events order by id") {
		refs = append(refs, wire.WatchRef{Kind: wire.WatchEvents, Number: number})
	}
	require.Len(t, refs, 3)
	sees := map[string]int{"admin": 3, "operator": 2, "developer": 2, "other": 1, "viewer": 1}
	c.check(t, "watch events", verdicts{ok, ok, ok, ok, ok, forbid, forbid}, func(ctx context.Context, a core.Actor) error {
		seen, err := w.Watched(ctx, a, refs)
		for name, who := range c {
			if who == a && err == nil {
				require.Len(t, seen.Objects, sees[name], name)
				event := seen.Objects[refs[1]].(wire.Event)
				require.Equal(t, []any{refs[1].Number, "namespace", "team-a"}, []any{event.ID, event.Kind, event.ObjectName})
			}
		}
		return err
	})
}

func TestWatchedIsWhatListsShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node := fixture.Node(t, w.pool, w.agent, "n1", 3)
	pack, err := w.Pack(t.Context(), w.dev, w.pack)
	require.NoError(t, err)
	n, err := w.Node(t.Context(), w.dev, "n1")
	require.NoError(t, err)
	space, err := w.Namespace(t.Context(), w.dev, "default")
	space.Usage = nil // nobody counts for a list
	require.NoError(t, err)
	want := map[wire.WatchRef]any{
		{Kind: wire.WatchPacks, ID: pack.ID}: pack, {Kind: wire.WatchNodes, ID: node}: n, {Kind: wire.WatchNamespaces, ID: space.ID}: space,
	}
	var refs []wire.WatchRef
	for ref := range want {
		refs = append(refs, ref)
	}
	seen, err := w.Watched(t.Context(), w.dev, refs)
	require.NoError(t, err)
	require.Equal(t, want, seen.Objects)
}

func TestVisibleWaitsForTransactionsThatHaveNotEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const insert = "insert into public.pods (pack_id) values ($1) returning pg_current_xact_id()::text::bigint"
	done := uint32(fixture.One[int64](t, w.pool, insert, w.pack))
	during(t, w, func(tx pgx.Tx) {
		open := uint32(fixture.One[int64](t, tx, insert, w.pack))
		for what, ids := range map[bool][]uint32{true: {done}, false: {done, open}} {
			visible, err := w.Visible(t.Context(), ids)
			require.NoError(t, err)
			require.Equal(t, what, visible)
		}
		later, err := w.Visible(t.Context(), []uint32{open + 1<<20}) // other tests use the same server
		require.NoError(t, err)
		require.False(t, later, "one that has not begun")
	})
}

func TestSnapshotsAreReadOnTheCircle(t *testing.T) {
	t.Parallel()
	s, err := parseSnapshot("4294967290:4294967300:4294967291,4294967297") // 2^32 - 6 to 2^32 + 4
	require.NoError(t, err)
	for id, sees := range map[uint32]bool{
		math.MaxUint32 - 5: true, math.MaxUint32 - 4: false, math.MaxUint32: true, 0: true, 1: false, 3: true, 4: false, 5: false,
	} {
		require.Equal(t, sees, s.sees(id), id)
	}
	for _, bad := range []string{"", "1:2", "1:x:", "1:2:x", "1:2:3:4"} {
		_, err := parseSnapshot(bad)
		require.Error(t, err, bad)
	}
}
