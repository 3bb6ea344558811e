package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/feed"
	"github.com/stark-o/stark/backend/store"
	"github.com/stark-o/stark/backend/watch"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

// watched is a room on a real feed and a real database, without HTTP.
type watched struct {
	t    *testing.T
	room *watch.Room
}

func startWatched(t *testing.T, url string) *watched {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	room, err := watch.New(watch.Config{Store: s, Log: log})
	require.NoError(t, err)
	synced := make(chan struct{})
	f, err := feed.New(feed.Config{URL: url, Log: log, Sink: func(changes core.Changes) {
		room.Observe(changes)
		if changes.Snapshot {
			close(synced)
		}
	}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- f.Run(ctx) }()
	go func() { ended <- room.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended; <-ended })
	<-synced
	return &watched{t: t, room: room}
}

// hears opens a stream for somebody; each change arrives as "packs upsert <id>".
func (w *watched) hears(who core.Actor, kinds ...wire.WatchKind) <-chan string {
	w.t.Helper()
	stream, err := w.room.Open(w.t.Context(), who, wire.WatchQuery{Kinds: kinds})
	require.NoError(w.t, err)
	heard := make(chan string, 1024)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- stream(ctx, func(frames []wire.WatchFrame) error {
			for _, f := range frames {
				var data struct {
					Kind, Type, ID string
					Object         struct{ ID any }
				}
				if f.Data != nil {
					if err := json.Unmarshal(f.Data, &data); err != nil {
						return err
					}
				}
				switch data.Type {
				case wire.WatchUpsert:
					heard <- fmt.Sprint(data.Kind, " upsert ", data.Object.ID)
				case wire.WatchDelete:
					heard <- fmt.Sprint(data.Kind, " delete ", data.ID)
				}
			}
			return nil
		})
	}()
	w.t.Cleanup(func() { stop(); <-ended })
	return heard
}

// expect reads the next change; others than the wanted one mean that somebody heard too much.
func expect(t *testing.T, who string, heard <-chan string, want string) {
	t.Helper()
	select {
	case got := <-heard:
		require.Equal(t, want, got, who)
	case <-time.After(time.Minute):
		require.Fail(t, "nothing heard", "%s waits for %s", who, want)
	}
}

// Everybody hears what is theirs to see, in the order in which it happened, and not a word of the rest. A mark after each step shows that nothing else came before it.
func TestWhoHearsWhat(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	pool := db.Pool(t)
	owner := fixture.User(t, pool, "developer")
	w := startWatched(t, db.URL)
	cast := map[string]core.Actor{"owner": owner, "admin": fixture.User(t, pool, "admin"), "operator": fixture.User(t, pool, "operator"),
		"other": fixture.User(t, pool, "developer"), "viewer": fixture.User(t, pool, "viewer")}
	heard := map[string]<-chan string{}
	for name, who := range cast {
		heard[name] = w.hears(who, wire.WatchPacks, wire.WatchNamespaces)
	}
	for _, who := range []core.Actor{fixture.User(t, pool, "node"), fixture.Actor(uuid.New(), "nobody@example.com")} {
		_, err := w.room.Open(t.Context(), who, wire.WatchQuery{Kinds: []wire.WatchKind{wire.WatchPods}})
		require.Equal(t, core.CodeForbidden, core.CodeOf(err))
	}
	pack := fixture.Pack(t, pool, owner, "web")
	insiders, everybody := []string{"owner", "admin"}, []string{"owner", "admin", "operator", "other", "viewer"}
	step := func(what string, who []string, change string) {
		t.Helper()
		for _, name := range who {
			expect(t, name+": "+what, heard[name], "packs "+change+" "+pack.String())
		}
		mark := fixture.One[uuid.UUID](t, pool, "insert into public.namespaces (name) values ('mark-' || left(gen_random_uuid()::text, 8)) returning id")
		for _, name := range everybody {
			expect(t, name+" after: "+what, heard[name], "namespaces upsert "+mark.String())
		}
	}
	step("a public pack", everybody, "upsert")
	fixture.Exec(t, pool, "update public.packs set visibility = 'private' where id = $1", pack)
	for _, name := range []string{"operator", "other", "viewer"} {
		expect(t, name+": it is hidden", heard[name], "packs delete "+pack.String())
	}
	step("it is hidden", insiders, "upsert")
	fixture.Exec(t, pool, "update public.packs set description = 'secret' where id = $1", pack)
	step("a private pack changes", insiders, "upsert")
	fixture.Exec(t, pool, "update public.packs set visibility = 'public' where id = $1", pack)
	step("it is published", everybody, "upsert")
	fixture.Exec(t, pool, "update public.packs set visibility = 'private' where id = $1", pack)
	for _, name := range []string{"operator", "other", "viewer"} {
		expect(t, name+": it is hidden", heard[name], "packs delete "+pack.String())
	}
	step("it is hidden again", insiders, "upsert")
	fixture.Exec(t, pool, "delete from public.packs where id = $1", pack)
	step("it is deleted", insiders, "delete")
}

// Events, pods and nodes as they come, from the real WAL.
func TestEveryKindIsHeard(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	pool := db.Pool(t)
	dev := fixture.User(t, pool, "developer")
	w := startWatched(t, db.URL)
	viewer := fixture.User(t, pool, "viewer")
	heard := map[wire.WatchKind]<-chan string{}
	for _, kind := range wire.WatchKinds {
		heard[kind] = w.hears(viewer, kind)
	}
	pack := fixture.Pack(t, pool, dev, "web")
	expect(t, "a pack", heard[wire.WatchPacks], "packs upsert "+pack.String())
	expect(t, "its event", heard[wire.WatchEvents], fmt.Sprint("events upsert ", fixture.One[int64](t, pool, "select max(id) from public.events")))
	pod := fixture.Pods(t, pool, pack, 1)[0]
	expect(t, "a pod", heard[wire.WatchPods], "pods upsert "+pod.String())
	fixture.Exec(t, pool, "delete from public.pods where id = $1", pod)
	expect(t, "it is gone", heard[wire.WatchPods], "pods delete "+pod.String())
	deployment := fixture.One[uuid.UUID](t, pool, "insert into public.deployments (name, pack_id) values ('web', $1) returning id", pack)
	expect(t, "a deployment", heard[wire.WatchDeployments], "deployments upsert "+deployment.String())
	fixture.Exec(t, pool, "delete from public.deployments where id = $1", deployment)
	expect(t, "it is gone", heard[wire.WatchDeployments], "deployments delete "+deployment.String())
	node := fixture.Node(t, pool, dev, "n1", 1)
	expect(t, "a node", heard[wire.WatchNodes], "nodes upsert "+node.String())
	space := fixture.One[uuid.UUID](t, pool, "insert into public.namespaces (name) values ('team-a') returning id")
	expect(t, "a namespace", heard[wire.WatchNamespaces], "namespaces upsert "+space.String())
}
