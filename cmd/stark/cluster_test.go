package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// cluster adds the routes of what a whole cluster has.
func (f *fake) cluster(mux *http.ServeMux) {
	gone := func(w http.ResponseWriter, what string) {
		fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such " + what})
	}
	class := func(r *http.Request) int {
		return slices.IndexFunc(f.classes, func(p wire.PriorityClass) bool { return p.Name == r.PathValue("name") })
	}
	mux.HandleFunc("GET /api/priorityclasses", f.auth(func(w http.ResponseWriter, _ *http.Request) { ok(w, f.classes) }))
	mux.HandleFunc("POST /api/priorityclasses", f.auth(func(w http.ResponseWriter, r *http.Request) {
		var in wire.PriorityClassCreate
		f.read(r, &in)
		f.classes = append(f.classes, wire.PriorityClass{Name: in.Name, Value: *in.Value, PreemptionPolicy: in.PreemptionPolicy, GlobalDefault: in.GlobalDefault, Description: in.Description, Revision: 1})
		ok(w, f.classes[len(f.classes)-1])
	}))
	mux.HandleFunc("/api/priorityclasses/{name}", f.auth(func(w http.ResponseWriter, r *http.Request) {
		i := class(r)
		switch {
		case i < 0:
			gone(w, "class")
			return
		case r.Method == http.MethodDelete:
			f.classes = slices.Delete(f.classes, i, i+1)
			w.WriteHeader(http.StatusNoContent)
			return
		case r.Method == http.MethodPatch:
			var patch wire.PriorityClassPatch
			f.read(r, &patch)
			if *patch.Revision != f.classes[i].Revision {
				fail(w, 409, wire.Problem{Code: core.CodeConflict, Message: "changed"})
				return
			}
			f.classes[i].Description = *patch.Description
		}
		ok(w, f.classes[i])
	}))
	mux.HandleFunc("GET /api/config", f.auth(func(w http.ResponseWriter, _ *http.Request) { ok(w, f.settings) }))
	mux.HandleFunc("/api/config/{key}", f.auth(func(w http.ResponseWriter, r *http.Request) {
		for i := range f.settings {
			s := &f.settings[i]
			if s.Key != r.PathValue("key") {
				continue
			}
			switch r.Method {
			case http.MethodPut:
				var in wire.SettingPut
				f.read(r, &in)
				s.Value, s.Set = in.Value, true
			case http.MethodDelete:
				s.Value, s.Set = s.Default, false
			}
			ok(w, s)
			return
		}
		gone(w, "setting")
	}))
	mux.HandleFunc("GET /api/events", f.auth(func(w http.ResponseWriter, _ *http.Request) { ok(w, f.events) }))
	mux.HandleFunc("PATCH /api/namespaces/{name}", f.auth(func(w http.ResponseWriter, r *http.Request) {
		f.bounds = wire.NamespacePatch{}
		f.read(r, &f.bounds)
		for i := range f.namespaces {
			ns := &f.namespaces[i]
			if ns.Name != r.PathValue("name") {
				continue
			}
			if f.bounds.ResourceQuota != nil {
				ns.ResourceQuota = *f.bounds.ResourceQuota
			}
			if f.bounds.Defaults != nil {
				ns.Defaults = *f.bounds.Defaults
			}
			ok(w, ns)
			return
		}
		gone(w, "namespace")
	}))
	mux.HandleFunc("POST /api/pods/{id}/rollback", f.auth(f.pod(func(w http.ResponseWriter, r *http.Request, p *wire.Pod) {
		var in wire.PodRollback
		f.read(r, &in)
		ok(w, wire.Pod{ID: uuid.New(), Name: "new", PackName: p.PackName, PackVersion: "to-" + in.Version})
	})))
}

// asked is the query of the last request to a path.
func (f *fake) asked(path string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range slices.Backward(f.queries) {
		if before, query, _ := strings.Cut(q, "?"); before == path {
			return query
		}
	}
	return ""
}

func TestPriorityClasses(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	require.Equal(t, "priorityclass/urgent created\n", s.must("priorityclass", "create", "urgent", "--value", "-5", "--never-preempt", "--description", "soon"))
	require.Equal(t, wire.PriorityClass{Name: "urgent", Value: -5, PreemptionPolicy: "Never", Description: "soon", Revision: 1}, f.classes[0])
	require.Regexp(t, `(?m)^urgent +-5 +Never +false`, s.must("pc", "list"))
	require.Equal(t, "priorityclass/urgent\n", s.must("get", "priorityclasses", "-o", "name"))
	require.Regexp(t, `Value: +-5`, s.must("pc", "get", "urgent"))
	require.Equal(t, exitError, s.run("pc", "get", "nosuch"))
	require.Contains(t, s.err, `there is no priority class "nosuch"`)
	require.Equal(t, "priorityclass/urgent deleted\n", s.must("pc", "delete", "urgent"))
	require.Empty(t, f.classes)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.settings = []wire.Setting{
		{Key: "scheduler.strategy", Type: "text", Value: json.RawMessage(`"leastAllocated"`), Default: json.RawMessage(`"leastAllocated"`)},
		{Key: "heartbeat.timeoutMs", Type: "integer", Value: json.RawMessage(`30000`), Default: json.RawMessage(`30000`)},
	}
	require.Regexp(t, `(?m)^scheduler\.strategy +leastAllocated +false *$`, s.must("config", "list"))
	require.Equal(t, "setting/scheduler.strategy is mostAllocated\n", s.must("config", "set", "scheduler.strategy", "mostAllocated"))
	require.JSONEq(t, `"mostAllocated"`, string(f.settings[0].Value), "a text needs no quotes")
	require.Equal(t, "setting/heartbeat.timeoutMs is 60000\n", s.must("config", "set", "heartbeat.timeoutMs", "60000"))
	require.JSONEq(t, `60000`, string(f.settings[1].Value))
	require.Equal(t, exitUsage, s.run("config", "set", "heartbeat.timeoutMs", "a while"))
	require.Equal(t, "60000", strings.TrimSpace(s.must("config", "get", "heartbeat.timeoutMs", "-o", "jsonpath={.value}")))
	require.Equal(t, exitError, s.run("config", "reset", "nosuch", "heartbeat.timeoutMs"))
	require.Equal(t, "setting/heartbeat.timeoutMs is 30000, by default\n", s.out, "the others are still done")
	require.Contains(t, s.err, `there is no setting "nosuch"`)
}

func TestPastEvents(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.events = []wire.Event{{ID: 7, At: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), Type: "Warning", Kind: "node", ObjectName: "laptop", Reason: "status"}}
	require.Contains(t, s.must("events", "--kind", "node", "--type", "Warning", "--object", "laptop", "--since", "1h", "-n", "batch"), "node/laptop")
	for _, part := range []string{"kind=node", "type=Warning", "objectName=laptop", "since=20", "namespace=batch", "limit=100"} {
		require.Contains(t, f.asked("/api/events"), part)
	}
	require.Equal(t, "event/7\n", s.must("get", "events", "-A", "-o", "name"))
}

func TestNamespacesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	two, four := int64(2), "4"
	f.namespaces = []wire.Namespace{{Name: "batch", Revision: 5, ResourceQuota: wire.Quota{MaxPods: &two, MaxCPU: &four}, Usage: &wire.Usage{Pods: 1, CPU: "500m", Memory: "1Gi"}}}
	require.Regexp(t, `Pods: +1 of 2\nCPU: +500m of 4\nMemory: +1Gi\n`, s.must("namespace", "get", "batch"))
	require.Equal(t, "namespace/batch pods 1, cpu 500m of 4, memory 1Gi of 8Gi\n", s.must("namespace", "quota", "batch", "--max-pods", "none", "--max-memory", "8Gi"))
	eight := "8Gi"
	require.Equal(t, &wire.Quota{MaxCPU: &four, MaxMemory: &eight}, f.bounds.ResourceQuota, "what is not named stays")
	require.EqualValues(t, 5, *f.bounds.Revision)
	require.Nil(t, f.bounds.Defaults)
	s.must("ns", "quota", "batch", "--default-cpu", "250m")
	require.Equal(t, &wire.Resources{CPU: "250m"}, f.bounds.Defaults)
	require.Nil(t, f.bounds.ResourceQuota)
	require.Equal(t, exitError, s.run("ns", "quota", "nosuch", "--max-pods", "1"))
}

func TestApplyChangesTheCluster(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	four := "4"
	f.namespaces = []wire.Namespace{{Name: "batch", Revision: 5, Labels: map[string]string{"team": "data"}, ResourceQuota: wire.Quota{MaxCPU: &four}}}
	s.in = `
kind: Namespace
metadata: {name: batch, labels: {team: data}}
spec: {resourceQuota: {maxPods: 3}}
---
kind: PriorityClass
metadata: {name: urgent}
spec: {value: 100, description: soon}
`
	require.Equal(t, "namespace/batch configured\npriorityclass/urgent created\n", s.must("apply", "-f", "-"))
	three := int64(3)
	require.Equal(t, &wire.Quota{MaxPods: &three, MaxCPU: &four}, f.bounds.ResourceQuota, "what a document leaves out stays")
	require.Nil(t, f.bounds.Defaults)
	require.Equal(t, "namespace/batch unchanged\npriorityclass/urgent unchanged\n", s.must("apply", "-f", "-"))
	s.in = "kind: PriorityClass\nmetadata: {name: urgent}\nspec: {value: 100, description: now}"
	require.Equal(t, "priorityclass/urgent configured\n", s.must("apply", "-f", "-"))
	require.Equal(t, "now", f.classes[0].Description)
	for text, want := range map[string]string{
		"spec: {value: 101}": "spec.value: never changes, for pods have copied it: it is 100",
		"spec: {}":           "spec.value: is missing",
		"spec: {value: 100, preemptionPolicy: Never}": "spec.preemptionPolicy: never changes",
	} {
		s.in = "kind: PriorityClass\nmetadata: {name: urgent}\n" + text
		require.Equal(t, exitError, s.run("apply", "-f", "-"), text)
		require.Contains(t, s.err, want)
	}
}

func TestPodsAreRolledBackAndSelected(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.pods = pods("web")
	require.Equal(t, "pod/new runs hello@to-0.9.0 in place of pod/web\n", s.must("pod", "rollback", "web", "--to", "0.9.0"))
	s.must("pod", "list", "--field-selector", "status.phase!=failed")
	require.Contains(t, f.asked("/api/pods"), "fieldSelector=status.phase%21%3Dfailed")
	require.True(t, hasFields("status.phase!=failed,spec.nodeName=laptop", wire.Pod{Status: core.PodRunning, NodeName: "laptop"}))
	require.False(t, hasFields("status.phase!=failed", wire.Pod{Status: core.PodFailed}))
	require.True(t, hasFields("", wire.Pod{}))
}
