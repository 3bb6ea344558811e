package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestDeploymentsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	for body, field := range map[string]string{
		`{"name":"web"}`: "pack", `{"name":"Web","pack":"p"}`: "name", `{"name":"` + strings.Repeat("a", 51) + `","pack":"p"}`: "name",
		`{"name":"web","pack":"p","version":"one"}`: "version", `{"name":"web","packId":"x"}`: "packId", `{"name":"web","packId":"` + someID.String() + `","pack":"p"}`: "packId",
		`{"name":"web","pack":"p","mode":"many"}`: "mode", `{"name":"web","pack":"p","replicas":-1}`: "replicas", `{"name":"web","pack":"p","replicas":100001}`: "replicas",
		`{"name":"web","pack":"p","historyLimit":0}`: "historyLimit", `{"name":"web","pack":"p","spec":[]}`: "spec", `{"name":"web","pack":"p","strategy":"fast"}`: "strategy",
		`{"name":"web","pack":"p","labels":{"":"x"}}`: "labels", `{"name":"web","pack":"p","status":{}}`: "status",
	} {
		a := w.do("POST", "/api/deployments", body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, body)
	}
	path := "/api/deployments/" + someID.String()
	for body, field := range map[string]string{
		`{}`: "", `{"revision":1}`: "", `{"replicas":-1}`: "replicas", `{"version":"1.0.0"}`: "pack", `{"name":"other"}`: "name", `{"paused":"yes"}`: "paused", `{"spec":"x"}`: "spec",
	} {
		a := w.do("PATCH", path, body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, body)
	}
	w.do("POST", path+"/scale", `{}`).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("POST", path+"/scale", `{"replicas":-1}`).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("POST", path+"/rollback", `{"generation":-1}`).refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", "/api/deployments/web", "").refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", "/api/deployments?packId=x", "").refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Empty(t, w.actors, "the store was never asked")
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	w := start(t)
	three, on, off, x := int32(3), true, false, "x"
	a := w.do("POST", "/api/deployments", `{"name":"web","pack":"p","version":"latest","replicas":3,"spec":{"env":{"A":"1"}},"followLatest":true}`)
	assert.Equal(t, http.StatusCreated, a.status, a.body)
	assert.Equal(t, wire.DeploymentCreate{Name: "web", Pack: "p", Version: "latest", Replicas: &three, Spec: json.RawMessage(`{"env":{"A":"1"}}`), FollowLatest: true}, w.got("deployment"))
	path := "/api/deployments/" + someID.String()
	for _, c := range []struct {
		method, path, body string
		want               wire.DeploymentPatch
	}{
		{"PATCH", "", `{"labels":{"a":"x","b":null},"pack":"p","version":"2.0.0"}`, wire.DeploymentPatch{Labels: map[string]*string{"a": &x, "b": nil}, Pack: "p", Version: "2.0.0"}},
		{"PATCH", "", `{"packId":"` + someID.String() + `"}`, wire.DeploymentPatch{PackID: &someID}},
		{"POST", "/scale", `{"replicas":3}`, wire.DeploymentPatch{Replicas: &three}},
		{"POST", "/pause", "", wire.DeploymentPatch{Paused: &on}},
		{"POST", "/resume", "", wire.DeploymentPatch{Paused: &off}},
	} {
		a := w.do(c.method, path+c.path, c.body)
		assert.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, c.want, w.got("patch"), c.path+c.body)
	}
	assert.Equal(t, http.StatusOK, w.do("POST", path+"/rollback", "").status)
	assert.Equal(t, wire.DeploymentRollback{}, w.got("undo"))
	assert.Equal(t, http.StatusOK, w.do("POST", path+"/rollback", `{"generation":4}`).status)
	assert.Equal(t, wire.DeploymentRollback{Generation: 4}, w.got("undo"))

	// A change that is meant for what was read says so, in the body or in If-Match.
	seven := int64(7)
	assert.Equal(t, http.StatusOK, w.do("POST", path+"/rollback", "", withHeader("If-Match", `"7"`)).status)
	assert.Equal(t, wire.DeploymentRollback{Revision: &seven}, w.got("undo"))
	assert.Equal(t, http.StatusOK, w.do("POST", path+"/scale", `{"replicas":3}`, withHeader("If-Match", `"7"`)).status)
	assert.Equal(t, wire.DeploymentPatch{Replicas: &three, Revision: &seven}, w.got("patch"))
	for _, verb := range []string{"/rollback", "/pause", "/resume"} {
		w.do("POST", path+verb, "", withHeader("If-Match", "7")).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
}
