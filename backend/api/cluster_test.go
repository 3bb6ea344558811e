package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestClusterRoutesRefuse(t *testing.T) {
	t.Parallel()
	w := start(t)
	pod := "/api/pods/" + someID.String()
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "/api/pods/batch", `{}`, "pods"}, {"POST", "/api/pods/batch", `{"pods":[]}`, "pods"},
		{"POST", "/api/pods/batch", `{"pods":[` + strings.Repeat(`{"pack":"p"},`, 1000) + `{"pack":"p"}]}`, "pods"},
		{"POST", "/api/pods/batch", `{"pods":[{"pack":"p"},{"pack":"p","name":"Bad"}]}`, "pods[1].name"},
		{"POST", "/api/pods/batch", `{"pods":[{"pack":"p"},{}]}`, "pods[1].pack"},
		{"PATCH", pod, `{}`, ""}, {"PATCH", pod, `{"env":{}}`, "env"}, {"PATCH", pod, `{"labels":{"":"x"}}`, "labels"},
		{"POST", pod + "/rollback", `{"version":"one"}`, "version"},
		{"PATCH", "/api/namespaces/one", `{}`, ""}, {"PATCH", "/api/namespaces/one", `{"name":"two"}`, "name"},
		{"PATCH", "/api/namespaces/one", `{"resourceQuota":{"maxCpu":"x"}}`, "resourceQuota.maxCpu"}, {"PATCH", "/api/namespaces/one", `{"defaults":{"memory":"x"}}`, "defaults.memory"},
		{"POST", "/api/namespaces", `{"name":"a","defaults":{"cpu":"x"}}`, "defaults.cpu"},
		{"POST", "/api/priorityclasses", `{"name":"a"}`, "value"}, {"POST", "/api/priorityclasses", `{"name":"A","value":1}`, "name"},
		{"POST", "/api/priorityclasses", `{"name":"a","value":1.5}`, "value"}, {"POST", "/api/priorityclasses", `{"name":"a","value":1,"preemptionPolicy":"x"}`, "preemptionPolicy"},
		{"PATCH", "/api/priorityclasses/a", `{}`, ""}, {"PATCH", "/api/priorityclasses/a", `{"value":2}`, "value"},
		{"PATCH", "/api/priorityclasses/a", `{"description":"` + strings.Repeat("x", 4097) + `"}`, "description"},
		{"PUT", "/api/config/a", `{}`, "value"}, {"PUT", "/api/config/a", `{"value":null}`, "value"},
		{"GET", "/api/events?kind=x", "", "kind"}, {"GET", "/api/events?since=yesterday", "", "since"}, {"GET", "/api/events?cursor=x", "", "cursor"},
		{"GET", "/api/events?limit=0", "", "limit"}, {"GET", "/api/events?objectId=x", "", "objectId"},
		{"GET", "/api/pods?fieldSelector=spec.env%3Dx", "", "fieldSelector"}, {"GET", "/api/pods?fieldSelector=status.phase%3Dasleep", "", "fieldSelector"},
		{"GET", "/api/pods?fieldSelector=metadata.name!%3Dx", "", "fieldSelector"}, {"GET", "/api/pods?fieldSelector=metadata.name%3Da,metadata.name%3Db", "", "fieldSelector"},
	} {
		a := w.do(c.method, c.path, c.body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, c.field, a.Error.Field, c.method+" "+c.path+" "+c.body)
	}
	assert.Empty(t, w.actors, "the store was never asked")
}

func TestClusterRoutes(t *testing.T) {
	t.Parallel()
	w := start(t)
	assert.Equal(t, http.StatusCreated, w.do("POST", "/api/pods/batch", `{"pods":[{"pack":"p"},{"pack":"p","name":"x"}]}`).status)
	assert.Len(t, w.got("batch"), 2)
	assert.Equal(t, http.StatusCreated, w.do("POST", "/api/pods/"+someID.String()+"/rollback", "").status)
	assert.Equal(t, http.StatusOK, w.do("GET", "/api/pods?fieldSelector=status.phase!%3Drunning,spec.nodeName%3D%3Dn1,metadata.name%3Dx", "").status)
	assert.Equal(t, wire.PodFilter{NotStatus: core.PodRunning, NodeName: "n1", Name: "x", Slice: wire.Slice{Limit: 50}}, w.got("pods"))
	assert.Equal(t, http.StatusOK, w.do("PUT", "/api/config/heartbeat.timeoutMs", `{"value":40000}`).status)
	assert.Equal(t, "40000", w.got("put"))
	assert.Equal(t, http.StatusOK, w.do("GET", "/api/events?kind=node&since=2026-11-25T00:00:00Z&cursor=9&limit=3&reason=drained", "").status)
	assert.Equal(t, wire.EventFilter{Kind: "node", Reason: "drained", Since: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), Before: 9, Limit: 3}, w.got("events"))
}

func withHeader(key, value string) option {
	return func(r *http.Request) { r.Header.Set(key, value) }
}

func TestRevisionsAreTags(t *testing.T) {
	t.Parallel()
	w := start(t)
	path := "/api/priorityclasses/urgent"
	a := w.do("GET", path, "")
	assert.Equal(t, `"7"`, a.header.Get("ETag"))
	assert.Equal(t, http.StatusNotModified, w.do("GET", path, "", withHeader("If-None-Match", `"7"`)).status)
	assert.Equal(t, http.StatusOK, w.do("GET", path, "", withHeader("If-None-Match", `"6"`)).status)

	pod := "/api/pods/" + someID.String()
	seven := int64(7)
	x := "x"
	a = w.do("PATCH", pod, `{"labels":{"a":"x"}}`, withHeader("If-Match", `"7"`))
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, wire.PodPatch{Labels: map[string]*string{"a": &x}, Revision: &seven}, w.got("patch"))
	assert.Equal(t, `"8"`, a.header.Get("ETag"), "the next one")
	w.do("PATCH", pod, `{"labels":{"a":"x"},"revision":7}`, withHeader("If-Match", `"7"`))
	w.do("PATCH", pod, `{"labels":{"a":"x"}}`, withHeader("If-Match", `*`))
	assert.Nil(t, w.got("patch").(wire.PodPatch).Revision)
	for _, bad := range []string{"7", `"x"`, `"7", "8"`, `W/"7"`} {
		w.do("PATCH", pod, `{"labels":{"a":"x"}}`, withHeader("If-Match", bad)).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
	w.do("PATCH", pod, `{"labels":{"a":"x"},"revision":6}`, withHeader("If-Match", `"7"`)).refused(t, http.StatusBadRequest, core.CodeValidation)
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := start(t)
	body := `{"pods":[{"pack":"p"}]}`
	a := w.do("POST", "/api/pods/batch", body, withHeader("Idempotency-Key", "k1"))
	assert.Equal(t, http.StatusCreated, a.status)
	assert.Empty(t, a.header.Get("Idempotency-Replayed"))
	a = w.do("POST", "/api/pods/batch", body, withHeader("Idempotency-Key", "k1"))
	assert.Equal(t, "true", a.header.Get("Idempotency-Replayed"))
	a = w.do("POST", "/api/pods/batch", body+" ", withHeader("Idempotency-Key", "k1"))
	assert.Empty(t, a.header.Get("Idempotency-Replayed"), "another body is another request")
	w.do("POST", "/api/pods/batch", body, withHeader("Idempotency-Key", strings.Repeat("k", 256))).refused(t, http.StatusBadRequest, core.CodeValidation)
}
