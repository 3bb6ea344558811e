package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestPackRefusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.object = []byte("x")
	good := func(change map[string]any) map[string]any {
		body := map[string]any{"name": "hello", "version": "1.0.0", "runtimeTag": "node", "bundlePath": developer.String() + "/hello/1.0.0/bundle.js"}
		for k, v := range change {
			body[k] = v
		}
		return body
	}
	own := developer.String() + "/"
	for field, values := range map[string][]any{
		"name":         {"", "Hello", "a_b", "-a", "a-", strings.Repeat("a", 64)},
		"version":      {"", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "latest", "1.0.0-" + strings.Repeat("a", 128)},
		"runtimeTag":   {"", "deno", "NODE"},
		"visibility":   {"secret"},
		"bundlePath":   {"", "hello.js", "../" + own + "x", own, own + "../x", own + "a//b", own + "a\x00b", own + "a\\b", someID.String() + "/x", own + strings.Repeat("x", 1024)},
		"bundleSha256": {"abc", strings.Repeat("g", 64)},
		"description":  {strings.Repeat("x", 4097), "a\x00b"},
		"metadata":     {[]int{1}, "text", 7},
	} {
		for _, value := range values {
			a := w.do("POST", "/api/packs", good(map[string]any{field: value}))
			a.refused(t, http.StatusBadRequest, core.CodeValidation)
			assert.Equal(t, field, a.Error.Field, "%v: %s", value, a.body)
		}
	}
	assert.Nil(t, w.got("pack"))

	w.objectErr = core.Errorf(core.CodeNotFound, "nothing there")
	a := w.do("POST", "/api/packs", good(nil))
	a.refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Equal(t, "bundlePath", a.Error.Field)
	w.objectErr = core.Errorf(core.CodeUnavailable, "Supabase Storage does not answer")
	w.do("POST", "/api/packs", good(nil)).refused(t, http.StatusServiceUnavailable, core.CodeUnavailable)
	w.objectErr = nil
	w.object = nil
	w.do("POST", "/api/packs", good(nil)).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.object = make([]byte, maxBundle+1)
	w.do("POST", "/api/packs", good(nil)).refused(t, http.StatusRequestEntityTooLarge, core.CodeTooLarge)
	w.object = []byte("something else")
	a = w.do("POST", "/api/packs", good(map[string]any{"bundleSha256": strings.Repeat("0", 64)}))
	a.refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Equal(t, "bundleSha256", a.Error.Field)
	w.do("GET", "/api/packs/hello", nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("DELETE", "/api/packs/urn:uuid:"+someID.String(), nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", "/api/packs?cursor=zzz", nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Nil(t, w.got("pack"))
}

// What a bundle hashes to is measured, with the caller's own token.
func TestPackIsMeasured(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.object = []byte("export default () => {}")
	digest := sha256.Sum256(w.object)
	path := developer.String() + "/hello/1.0.0/bundle.js"
	a := w.do("POST", "/api/packs", map[string]any{"name": "hello", "version": "1.0.0", "runtimeTag": "node", "bundlePath": path,
		"bundleSha256": strings.ToUpper(hex.EncodeToString(digest[:])), "metadata": nil})
	require.Equal(t, http.StatusCreated, a.status, a.body)
	assert.Equal(t, "/api/packs/"+someID.String(), a.header.Get("Location"))
	assert.Equal(t, goodToken+" packs "+path, w.got("object"))
	in := w.got("pack").(wire.PackCreate)
	assert.Equal(t, hex.EncodeToString(digest[:]), in.BundleSHA256)
	assert.Nil(t, in.Metadata)
	var pack wire.Pack
	require.NoError(t, json.Unmarshal(a.Data, &pack))
	assert.EqualValues(t, len(w.object), pack.BundleSize)
}

func TestPodRefusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	seconds := int64(1)
	for name, tc := range map[string]struct {
		body  any
		field string
	}{
		"no pack":           {map[string]any{}, "pack"},
		"pack and packId":   {map[string]any{"pack": "a", "packId": someID}, "packId"},
		"version of packId": {map[string]any{"version": "1.0.0", "packId": someID}, "packId"},
		"packId no UUID":    {map[string]any{"packId": "hello"}, "packId"},
		"pack's name":       {map[string]any{"pack": "Hello!"}, "pack"},
		"version":           {map[string]any{"pack": "a", "version": "newest"}, "version"},
		"name":              {map[string]any{"pack": "a", "name": "A"}, "name"},
		"namespace":         {map[string]any{"pack": "a", "namespace": "a b"}, "namespace"},
		"namespace's type":  {map[string]any{"pack": "a", "namespace": 7}, "namespace"},
		"priority class":    {map[string]any{"pack": "a", "priorityClass": "!"}, "priorityClass"},
		"cpu":               {map[string]any{"pack": "a", "resources": map[string]any{"cpu": "lots"}}, "resources.cpu"},
		"negative cpu":      {map[string]any{"pack": "a", "resources": map[string]any{"cpu": "-1"}}, "resources.cpu"},
		"memory":            {map[string]any{"pack": "a", "resources": map[string]any{"memory": "1GB"}}, "resources.memory"},
		"env key":           {map[string]any{"pack": "a", "env": map[string]string{"A=B": "c"}}, "env"},
		"env NUL":           {map[string]any{"pack": "a", "env": map[string]string{"A": "\x00"}}, "env"},
		"env type":          {map[string]any{"pack": "a", "env": map[string]any{"A": 1}}, "env"},
		"args":              {map[string]any{"pack": "a", "args": map[string]any{}}, "args"},
		"metadata":          {map[string]any{"pack": "a", "metadata": []int{}}, "metadata"},
		"affinity":          {map[string]any{"pack": "a", "affinity": "zone"}, "affinity"},
		"spread":            {map[string]any{"pack": "a", "topologySpread": map[string]any{}}, "topologySpread"},
		"group":             {map[string]any{"pack": "a", "schedulingGroup": "A", "schedulingGroupSize": 2}, "schedulingGroup"},
		"group size":        {map[string]any{"pack": "a", "schedulingGroup": "a"}, "schedulingGroupSize"},
		"size alone":        {map[string]any{"pack": "a", "schedulingGroupSize": 2}, "schedulingGroupSize"},
		"grace":             {map[string]any{"pack": "a", "gracePeriodMs": 3_600_001}, "gracePeriodMs"},
		"negative grace":    {map[string]any{"pack": "a", "gracePeriodMs": -1}, "gracePeriodMs"},
		"labels":            {map[string]any{"pack": "a", "labels": map[string]string{"": "x"}}, "labels"},
		"operator":          {map[string]any{"pack": "a", "tolerations": []core.Toleration{{Key: "a", Operator: "Like"}}}, "tolerations.operator"},
		"effect":            {map[string]any{"pack": "a", "tolerations": []core.Toleration{{Key: "a", Effect: "Explode"}}}, "tolerations.effect"},
		"no key":            {map[string]any{"pack": "a", "tolerations": []core.Toleration{{}}}, "tolerations.key"},
		"value of Exists":   {map[string]any{"pack": "a", "tolerations": []core.Toleration{{Operator: "Exists", Value: "x"}}}, "tolerations.value"},
		"seconds": {map[string]any{"pack": "a", "tolerations": []core.Toleration{{Key: "a", TolerationSeconds: &seconds}}},
			"tolerations.tolerationSeconds"},
		"status is not ours to set": {map[string]any{"pack": "a", "status": "running"}, "status"},
		"nor is the node":           {map[string]any{"pack": "a", "nodeId": someID}, "nodeId"},
	} {
		a := w.do("POST", "/api/pods", tc.body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, tc.field, a.Error.Field, "%s: %s", name, a.body)
	}
	for query, field := range map[string]string{
		"status=flying": "status", "nodeId=7": "nodeId", "packId={" + someID.String() + "}": "packId", "limit=0": "limit", "limit=501": "limit", "limit=x": "limit",
		"limit=-1": "limit", "cursor=%00": "cursor", "cursor=AAAA": "cursor", "name=%00": "name", "namespace=" + strings.Repeat("x", 300): "namespace",
	} {
		a := w.do("GET", "/api/pods?"+query, nil)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, query)
	}
	for _, query := range []string{"after=-1", "after=x", "tail=0", "tail=-5", "limit=0", "limit=5001", "after=9223372036854775808"} {
		w.do("GET", "/api/pods/"+someID.String()+"/logs?"+query, nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
	assert.Empty(t, w.actors)
}

func TestPods(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.do("POST", "/api/pods", map[string]any{"packId": someID, "name": "one", "args": []int{1}, "metadata": nil, "resources": map[string]string{"cpu": "250m"}},
		with("X-Correlation-ID", "trace-1"))
	require.Equal(t, http.StatusCreated, a.status, a.body)
	in := w.got("pod").(wire.PodCreate)
	assert.Equal(t, someID, *in.PackID)
	assert.JSONEq(t, `[1]`, string(in.Args))
	assert.Nil(t, in.Metadata)
	assert.Equal(t, "250m", in.Resources.CPU)
	assert.Equal(t, "trace-1", w.actors[0].CorrelationID, "the database learns who asked")
	assert.Equal(t, developer, w.actors[0].UserID)

	cursor := wire.Cursor{CreatedAt: time.UnixMicro(1_700_000_000_000_001).UTC(), ID: someID}
	a = w.do("GET", fmt.Sprintf("/api/pods?namespace=a&name=b&status=running&nodeId=%s&packId=%s&limit=7&cursor=%s", someID, developer, cursor), nil)
	require.Equal(t, http.StatusOK, a.status, a.body)
	assert.Equal(t, wire.PodFilter{Namespace: "a", Name: "b", Status: core.PodRunning, NodeID: &someID, PackID: &developer,
		Slice: wire.Slice{Limit: 7, After: cursor}}, w.got("pods"))
	assert.Equal(t, "next", a.Page.Next)

	require.Equal(t, 200, w.do("POST", "/api/pods/"+someID.String()+"/stop", nil).status)
	assert.Equal(t, someID, w.got("stop"))
	require.Equal(t, 200, w.do("DELETE", "/api/pods/"+someID.String(), nil).status)
	assert.Equal(t, `[]`, string(w.do("GET", "/api/pods/"+someID.String()+"/history", nil).Data), "a list is never null")
	require.Equal(t, 200, w.do("GET", "/api/pods/"+someID.String()+"/logs?after=5&tail=2000", nil).status)
	assert.Equal(t, wire.LogQuery{After: 5, Tail: 2000, Limit: 2000}, w.got("logs"))
	require.Equal(t, 200, w.do("GET", "/api/pods/"+someID.String()+"/logs", nil).status)
	assert.Equal(t, wire.LogQuery{Limit: defaultLogLines}, w.got("logs"))
}

func TestNodes(t *testing.T) {
	t.Parallel()
	w := start(t)
	for field, body := range map[string]map[string]any{
		"name":             {"runtimeType": "node"},
		"runtimeType":      {"name": "n", "runtimeType": "deno"},
		"resources.pods":   {"name": "n", "runtimeType": "node", "resources": map[string]any{"pods": -1}},
		"resources.cpu":    {"name": "n", "runtimeType": "node", "resources": map[string]any{"cpu": "x"}},
		"resources.memory": {"name": "n", "runtimeType": "node", "resources": map[string]any{"memory": "x"}},
		"taints":           {"name": "n", "runtimeType": "node", "taints": []core.Taint{{Effect: "NoSchedule"}}},
		"taints.effect":    {"name": "n", "runtimeType": "node", "taints": []core.Taint{{Key: "a"}}},
		"access":           {"name": "n", "runtimeType": "node", "access": "shared"},
	} {
		a := w.do("POST", "/api/nodes", body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, a.body)
	}
	w.do("GET", "/api/nodes?status=dead", nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", "/api/nodes?runtimeType=deno", nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", "/api/nodes/a%00b", nil).refused(t, http.StatusBadRequest, core.CodeValidation)

	require.Equal(t, 201, w.do("POST", "/api/nodes", map[string]any{"name": "n", "runtimeType": "browser"}).status)
	require.Equal(t, 200, w.do("GET", "/api/nodes/a%2Fb%3Fc", nil).status)
	assert.Equal(t, "a/b?c", w.got("node"))
	require.Equal(t, 200, w.do("GET", "/api/nodes?status=healthy&runtimeType=node&name=x", nil).status)
	assert.Equal(t, wire.NodeFilter{Name: "x", Status: core.NodeHealthy, RuntimeType: core.RuntimeNode, Slice: wire.Slice{Limit: 50}}, w.got("nodes"))
	require.Equal(t, 200, w.do("DELETE", "/api/nodes/n", nil).status)
	assert.Equal(t, "n", w.got("delete"))
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	w := start(t)
	for field, body := range map[string]map[string]any{
		"name":                    {"name": "A"},
		"resourceQuota.maxPods":   {"name": "a", "resourceQuota": map[string]any{"maxPods": -1}},
		"resourceQuota.maxCpu":    {"name": "a", "resourceQuota": map[string]any{"maxCpu": ""}},
		"resourceQuota.maxMemory": {"name": "a", "resourceQuota": map[string]any{"maxMemory": "1GB"}},
		"maxGpu":                  {"name": "a", "resourceQuota": map[string]any{"maxGpu": 1}},
	} {
		a := w.do("POST", "/api/namespaces", body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, a.body)
	}
	a := w.do("POST", "/api/namespaces", map[string]any{"name": "team-a", "resourceQuota": map[string]any{"maxPods": 3}})
	require.Equal(t, 201, a.status)
	assert.Equal(t, "/api/namespaces/team-a", a.header.Get("Location"))
	a = w.do("GET", "/api/namespaces", nil)
	assert.JSONEq(t, `{"success":true,"data":[],"page":{}}`, a.body)
	require.Equal(t, 200, w.do("GET", "/api/namespaces/team-a", nil).status)
	require.Equal(t, 200, w.do("DELETE", "/api/namespaces/team-a", nil).status)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := start(t)
	for field, body := range map[string]string{
		"email": `{"password":"x"}`, "password": `{"email":"a@b.c"}`, "pasword": `{"email":"a@b.c","pasword":"x"}`,
	} {
		a := w.do("POST", "/auth/login", body, anonymous)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field)
	}
	w.loginErr = core.Errorf(core.CodeUnauthenticated, "wrong email address or password")
	w.do("POST", "/auth/login", `{"email":"a@b.c","password":"hunter22"}`, anonymous).refused(t, http.StatusUnauthorized, core.CodeUnauthenticated)
	w.loginErr = nil
	w.verifyErr = core.Errorf(core.CodeUnauthenticated, "the token is not valid")
	w.do("POST", "/auth/login", `{"email":"a@b.c","password":"hunter22"}`, anonymous).refused(t, http.StatusInternalServerError, core.CodeInternal)
	w.verifyErr = nil

	a := w.do("POST", "/auth/login", `{"email":"a@b.c","password":"hunter22"}`, anonymous)
	require.Equal(t, http.StatusOK, a.status, a.body)
	var session wire.Session
	require.NoError(t, json.Unmarshal(a.Data, &session))
	assert.Equal(t, goodToken, session.AccessToken)
	assert.Equal(t, "developer", session.User.Role)
	assert.Equal(t, "no-store", a.header.Get("Cache-Control"))
	assert.NotContains(t, w.logs.String(), "hunter22")
	assert.NotContains(t, w.logs.String(), goodToken)
}

func TestLogoutAndWhoami(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.do("POST", "/auth/logout?scope=everything", nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	for query, scope := range map[string]string{"": "local", "?scope=global": "global", "?scope=others": "others"} {
		require.Equal(t, 200, w.do("POST", "/auth/logout"+query, nil).status)
		assert.Equal(t, goodToken+" "+scope, w.got("signout"))
	}
	a := w.do("GET", "/auth/whoami", nil)
	assert.JSONEq(t, `{"success":true,"data":{"id":"`+developer.String()+`","email":"ada@example.com","displayName":"","role":"developer"}}`, a.body)
}
