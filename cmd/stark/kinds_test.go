package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func (f *fake) getPack(w http.ResponseWriter, r *http.Request) {
	for _, p := range f.packs {
		if p.ID.String() == r.PathValue("id") {
			ok(w, p)
			return
		}
	}
	fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such pack"})
}

func (f *fake) patchPack(w http.ResponseWriter, r *http.Request) {
	var patch wire.PackPatch
	f.read(r, &patch)
	for i := range f.packs {
		if f.packs[i].ID.String() == r.PathValue("id") {
			f.packs[i].Visibility = *patch.Visibility
			ok(w, f.packs[i])
			return
		}
	}
	fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such pack"})
}

func (f *fake) getNamespace(w http.ResponseWriter, r *http.Request) {
	for _, ns := range f.namespaces {
		if ns.Name == r.PathValue("name") {
			ok(w, ns)
			return
		}
	}
	fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such namespace"})
}

// removeObject is Supabase Storage.
func (f *fake) removeObject(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := r.PathValue("path")
	if f.refuseObjects {
		reply(w, 503, map[string]string{"statusCode": "503", "error": "unavailable", "message": "Storage is away"})
		return
	}
	if _, found := f.objects[path]; !found || r.Header.Get("Authorization") != "Bearer "+f.valid {
		reply(w, 400, map[string]string{"statusCode": "404", "error": "not_found", "message": "Object not found"})
		return
	}
	delete(f.objects, path)
	reply(w, 200, map[string]string{"message": "Successfully deleted"})
}

// frame is a server-sent event.
func frame(event, cursor string, data any) string {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("event: %s\nid: %s\ndata: %s\n\n", event, cursor, raw)
}

func upsert(cursor string, kind wire.WatchKind, object any) string {
	return frame("change", cursor, wire.WatchChange{Kind: kind, Type: wire.WatchUpsert, Object: object})
}

// watch plays the streams one after another. The last one stays open until the client goes.
func (f *fake) watch(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.queries = append(f.queries, r.URL.RequestURI())
	refused := r.Header.Get("Authorization") != "Bearer "+f.valid
	var frames []string
	last := len(f.streams) <= 1
	if len(f.streams) > 0 && !refused {
		frames, f.streams = f.streams[0], f.streams[1:]
	}
	f.mu.Unlock()
	if refused {
		fail(w, 401, wire.Problem{Code: core.CodeUnauthenticated, Message: "the token has expired"})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, text := range frames {
		_, _ = w.Write([]byte(text)) // a client that has gone ends the test by itself
	}
	w.(http.Flusher).Flush()
	if last {
		<-r.Context().Done()
	}
}

// watched runs a command line until its output holds all of what is wanted.
func (s *terminal) watched(want []string, args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithCancelCause(s.t.Context())
	defer cancel(nil)
	var out, notes strings.Builder
	seen := func(b *strings.Builder) writerFunc {
		return func(p []byte) (int, error) {
			b.Write(p)
			for _, w := range want {
				if !strings.Contains(out.String()+notes.String(), w) {
					return len(p), nil
				}
			}
			cancel(&signalError{signal: 2})
			return len(p), nil
		}
	}
	late := time.AfterFunc(30*time.Second, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	code := s.cli(seen(&out), seen(&notes)).run(ctx, args)
	s.out, s.err = out.String(), notes.String()
	require.Equal(s.t, 130, code, "%s\n%s", s.out, s.err)
}

func pods(names ...string) []*wire.Pod {
	list := make([]*wire.Pod, len(names))
	for i, name := range names {
		list[i] = &wire.Pod{
			ID: uuid.New(), Name: name, Namespace: "default", PackName: "hello", PackVersion: "1.0.0", Status: core.PodRunning,
			Labels: map[string]string{"app": name}, Revision: 1, CreatedAt: time.Now(),
		}
	}
	return list
}

func TestGetDescribeDelete(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.pods = pods("web", "db")
	f.nodes = []wire.Node{{ID: uuid.New(), Name: "laptop", Labels: map[string]string{"zone": "eu"}}, {ID: uuid.New(), Name: "tab"}}

	require.Equal(t, "pod/web\npod/db\n", s.must("get", "po", "-o", "name"))
	require.Regexp(t, `^web +hello@1\.0\.0 +running`, s.must("get", "pods", "--no-headers"))
	require.Regexp(t, `^NAMESPACE +NAME`, s.must("get", "pods", "-A"))
	s.must("get", "pods", "-l", "app in (web, db),!old")
	require.Contains(t, f.queries[len(f.queries)-1], "labelSelector=app+in+%28db%2Cweb%29%2C%21old", "the database selects")
	require.Equal(t, "db\n", s.must("get", "pod/db", "-o", "jsonpath={.name}"))
	require.Equal(t, "pod/db\npod/web\n", s.must("get", "pods", "db", "web", "-o", "name"))
	require.Equal(t, exitError, s.run("get", "pods", "gone", "web"))
	require.Regexp(t, `(?m)^web `, s.out, "the others are still shown")
	require.Contains(t, s.err, `there is no pod "gone"`)

	require.Equal(t, "node/laptop\n", s.must("get", "no", "-l", "zone=eu", "-o", "name"), "what the server does not select, the client does")
	require.Equal(t, "node/laptop\n", s.must("get", "nodes", "--limit", "1", "-l", "zone", "-o", "name"))
	require.Equal(t, "namespace/default\n", s.must("get", "ns", "-o", "name"))
	require.Regexp(t, `Role: +developer`, s.must("describe", "user", email))

	require.Regexp(t, `(?s)Name: +web.*History:\nTIME.*scheduled`, s.must("describe", "pod", "web"))
	f.pods[0].NodeID = &f.nodes[0].ID
	require.Regexp(t, `(?s)Name: +laptop.*Pods:\n.*default +web `, s.must("describe", "node/laptop"))
	require.NotContains(t, s.must("describe", "pod", "web", "-o", "json"), "History")

	require.Equal(t, "pod/web deleted\npod/db deleted\n", s.must("delete", "pod/web", "pod/db"))
	require.Equal(t, "node/laptop deleted\n", s.must("delete", "node", "laptop"))
	require.Equal(t, "namespace/default deleted\n", s.must("delete", "ns", "default"))
	require.Equal(t, exitError, s.run("delete", "ns", "nowhere"))
}

func TestPacksAreInspectedAndShared(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	s.must("pack", "push", hello(t))
	require.Regexp(t, `(?s)Visibility: +private.*SHA256: +[0-9a-f]{64}`, s.must("pack", "inspect", "hello@1.0.0"))
	require.Equal(t, "pack/hello@1.0.0 is public now\n", s.must("pack", "visibility", "hello", "public"))
	require.Equal(t, "public", f.packs[0].Visibility)
	require.Equal(t, exitError, s.run("pack", "inspect", "nothing"))
	require.Len(t, f.objects, 1)
	require.Equal(t, "pack/hello@1.0.0 deleted\n", s.must("pack", "delete", "hello@1.0.0"))
	require.Empty(t, f.objects, "the bundle goes with it")
	require.Equal(t, "pack/hello@1.0.0 deleted\n", s.must("pack", "delete", "hello@1.0.0"), "a bundle that is gone already is no matter")
	f.refuseObjects = true
	require.Regexp(t, `^pack/hello@1\.0\.0 deleted; its bundle stays in Storage: \S`, s.must("pack", "delete", "hello@1.0.0"))
}

func TestWatch(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.pods = pods("web", "db")
	later := *f.pods[0]
	later.Revision, later.Status = 2, core.PodFailed
	other := *pods("other")[0]
	gone := wire.WatchChange{Kind: wire.WatchPods, Type: wire.WatchDelete, ID: f.pods[1].ID.String()}
	last := later
	last.Revision, last.Status = 3, core.PodStopped
	f.streams = [][]string{
		{frame("ready", "1", wire.WatchPosition{Cursor: "1"}), upsert("2", "pods", later), upsert("2", "pods", later), upsert("3", "pods", other), frame("bye", "3", wire.WatchReason{Reason: "server_stopping"})},
		{frame("ready", "3", wire.WatchPosition{Cursor: "3"}), ": keep-alive\nid: 4\n\n", frame("change", "5", gone), upsert("6", "pods", last)},
	}
	s.watched([]string{"stopped", "gone"}, "get", "pods", "-w", "-l", "app in (web, db)")
	require.Regexp(t, `^NAME .*\nweb .*running.*\ndb .*running.*\nweb .*failed.*\nweb .*stopped.*\n$`, s.out)
	require.Equal(t, "pod/db is gone\n", s.err)
	require.Contains(t, f.queries[len(f.queries)-1], "cursor=3", "it goes on where it was")

	f.streams = [][]string{{frame("ready", "1", nil), upsert("2", "pods", last)}}
	s.watched([]string{`"stopped"`}, "get", "pod", "web", "-w", "-o", "json")
	require.Equal(t, 2, strings.Count(s.out, `"name": "web"`))
	require.NotContains(t, s.out, `"db"`)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	event := func(id int64, level, kind, name string) string {
		return upsert(fmt.Sprint(id), "events", wire.Event{ID: id, At: at, Type: level, Kind: kind, ObjectName: name, Reason: "Happened", Message: "so it is"})
	}
	stream := []string{frame("ready", "0", nil), event(1, "Normal", "pod", "web"), event(2, "Warning", "node", "laptop"), event(2, "Warning", "node", "laptop"), event(3, "Warning", "pod", "db")}
	f.streams = [][]string{stream}
	s.watched([]string{"pod/db"}, "events", "-f")
	require.Regexp(t, `^TIME +TYPE +REASON +OBJECT +MESSAGE\n2026-11-25T12:00:00\.000Z +Normal +Happened +pod/web +so it is\n.*node/laptop.*\n.*pod/db.*\n$`, s.out)
	f.streams = [][]string{stream}
	s.watched([]string{"db"}, "events", "-f", "--type", "Warning", "--kind", "pod", "-n", "batch", "-o", "jsonpath={.objectName}")
	require.Equal(t, "db\n", s.out)
	require.Contains(t, f.queries[len(f.queries)-1], "namespace=batch")
	f.streams = [][]string{{frame("ready", "0", nil), frame("resync", "9", wire.WatchReason{Reason: "too_slow"}), event(4, "Normal", "pod", "late")}}
	s.watched([]string{"late"}, "events", "-f")
	require.Equal(t, "--- some events may be missing here: more happened than could be told\n", s.err)
	f.streams = [][]string{stream}
	s.watched([]string{"event/3"}, "get", "events", "-A", "-w", "-o", "name")
	require.Equal(t, "event/1\nevent/2\nevent/3\n", s.out)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.pods = pods("wide", "placed", "new")
	f.pods[0].Status = core.PodPending
	f.pods[0].Unschedulable = json.RawMessage(`{"nodes":12,"filters":{"memory":3,"taint":4,"runtime":5},"text":"0/12 nodes: 5 runtime mismatch\u001b[2J","closest":[{"node":"gpu-1","nodeId":"11111111-2222-4333-8444-555555555555","filter":"memory","detail":"insufficient memory (needs 2Gi, most free 1Gi)"}]}`)
	f.pods[2].Status, f.pods[2].Unschedulable = core.PodPending, json.RawMessage("null")
	out := s.must("pod", "explain", "wide")
	require.Regexp(t, `(?s)^pod/wide is pending: 0/12 nodes: 5 runtime mismatch.*Refused by:\nFILTER +NODES\nruntime +5/12\ntaint +4/12\nmemory +3/12\n\nClosest nodes:\nNODE +REFUSED BY +BECAUSE\ngpu-1 +memory +insufficient memory`, out)
	require.NotContains(t, out, "\x1b", "a terminal obeys nothing that comes from elsewhere")
	require.Equal(t, "3\n", s.must("pod", "explain", "wide", "-o", "jsonpath={.filters.memory}"))
	require.Equal(t, exitError, s.run("pod", "explain", "placed"))
	require.Contains(t, s.err, "pod/placed is running, and the server cannot say now how the nodes look to it")
	require.Equal(t, exitError, s.run("pod", "explain", "new"))
	require.Contains(t, s.err, "the scheduler has not looked at pod/new yet")
	f.pods[1].Status = core.PodStopped
	require.Equal(t, exitError, s.run("pod", "explain", "placed"))
	require.Contains(t, s.err, "pod/placed is stopped, and goes nowhere any more\nhint: `stark pod history placed`")

	// What the server says as of now goes before what was recorded.
	on := wire.NodeVerdict{Node: "east", NodeID: uuid.New(), Score: 512.4, Scores: []wire.NodeScore{{Name: "leastAllocated", Score: 50, Weight: 2}, {Name: "ownNode", Weight: 1}}}
	f.explanation = &wire.PodExplanation{Status: core.PodRunning, Text: "running on east; 1/3 nodes would take it now", Nodes: 3, Fits: 1, Filters: map[string]int{"taint": 2}, Chosen: &on,
		Verdicts: []wire.NodeVerdict{on, {Node: "west", NodeID: uuid.New(), Refusals: []wire.Refusal{{Filter: "taint"}}}}}
	f.pods[1].Status = core.PodRunning
	out = s.must("pod", "explain", "placed")
	require.Regexp(t, `(?s)^pod/placed running on east; 1/3 nodes.*Refused by:\nFILTER +NODES\ntaint +2/3\n\nWould take it:\nNODE +SCORE +MADE OF\neast \* +512 +leastAllocated 50×2\n$`, out)
	require.Equal(t, "east\n", s.must("pod", "explain", "placed", "-o", "jsonpath={.chosen.node}"))
}

func TestAgeIsAsOfTheRow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	now := at
	var out strings.Builder
	table := output.NewTable(output.Printer{W: &out, Format: output.Table}, podColumns(func() time.Time { return now }, false))
	require.NoError(t, table.Write(wire.Pod{Name: "old", CreatedAt: at}))
	now = at.Add(10 * time.Minute)
	require.NoError(t, table.Write(wire.Pod{Name: "old", CreatedAt: at}, wire.Pod{Name: "new", CreatedAt: at.Add(9 * time.Minute)}))
	require.Regexp(t, `(?m)^old .* 0s\nold .* 10m\nnew .* 60s$`, out.String())
}

func TestWatchListsAgainWhenItMust(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.nodes = []wire.Node{{ID: uuid.New(), Name: "laptop", Revision: 1, Status: core.NodeHealthy}}
	f.streams = [][]string{{frame("ready", "1", nil), frame("resync", "9", wire.WatchReason{Reason: "too_slow"}), upsert("10", "nodes", wire.Node{ID: uuid.New(), Name: "tab", Revision: 1})}}
	s.watched([]string{"tab"}, "node", "list", "-w")
	require.Equal(t, 1, strings.Count(s.out, "laptop"), "what has not changed is not shown again")
	listed := 0
	for _, q := range f.queries {
		if strings.HasPrefix(q, "/api/nodes?") {
			listed++
		}
	}
	require.Equal(t, 2, listed)
}
