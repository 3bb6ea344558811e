package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestNodeChangesRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	for body, field := range map[string]string{
		`{}`: "", `{"revision":1}`: "", `{"labels":{"":"x"}}`: "labels", `{"labels":{"a":1}}`: "labels", `{"annotations":{"a":"\u0000"}}`: "annotations",
		`{"access":"everyone"}`: "access", `{"taints":[{"key":"k","effect":"Go"}]}`: "taints.effect", `{"unschedulable":"yes"}`: "unschedulable",
		`{"status":"healthy"}`: "status", `{"Drain":{"timeoutSeconds":1}}`: "Drain",
	} {
		a := w.do("PATCH", "/api/nodes/one", body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, body)
	}
	for _, body := range []string{`{"timeoutSeconds":-1}`, `{"timeoutSeconds":604801}`, `{"timeoutSeconds":"soon"}`} {
		a := w.do("POST", "/api/nodes/one/drain", body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, "timeoutSeconds", a.Error.Field, body)
	}
	assert.Empty(t, w.actors, "the store was never asked")
}

func TestNodeChanges(t *testing.T) {
	t.Parallel()
	w := start(t)
	on, off, zone, revision := true, false, "eu", int64(3)
	for _, c := range []struct {
		method, path, body string
		want               wire.NodePatch
	}{
		{"PATCH", "", `{"labels":{"zone":"eu","old":null},"revision":3}`, wire.NodePatch{Labels: map[string]*string{"zone": &zone, "old": nil}, Revision: &revision}},
		{"PATCH", "", `{"taints":[]}`, wire.NodePatch{Taints: &[]core.Taint{}}},
		{"POST", "/cordon", "", wire.NodePatch{Unschedulable: &on}},
		{"POST", "/uncordon", "", wire.NodePatch{Unschedulable: &off}},
		{"POST", "/drain", "", wire.NodePatch{Drain: &wire.NodeDrain{TimeoutSeconds: 300}}},
		{"POST", "/drain", `{"timeoutSeconds":9}`, wire.NodePatch{Drain: &wire.NodeDrain{TimeoutSeconds: 9}}},
	} {
		a := w.do(c.method, "/api/nodes/one"+c.path, c.body)
		assert.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, c.want, w.got("patch"), c.path+c.body)
	}
}

func TestRegisterAndRefresh(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, body := range []string{`{}`, `{"email":"a@example.com"}`, `{"email":"a@example.com","password":"p","role":"admin"}`} {
		w.do("POST", "/auth/register", body, anonymous).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
	w.do("POST", "/auth/refresh", `{"refreshToken":""}`, anonymous).refused(t, http.StatusBadRequest, core.CodeValidation)
	a := w.do("POST", "/auth/register", `{"email":"ada@example.com","password":"a secret of hers"}`, anonymous)
	assert.Equal(t, http.StatusCreated, a.status, a.body)
	assert.Contains(t, string(a.Data), `"role":"developer"`)
	a = w.do("POST", "/auth/register", `{"email":"unconfirmed@example.com","password":"a secret of hers"}`, anonymous)
	assert.Equal(t, http.StatusCreated, a.status, a.body)
	assert.Contains(t, string(a.Data), `"accessToken":""`)
	a = w.do("POST", "/auth/refresh", `{"refreshToken":"rt"}`, anonymous)
	assert.Equal(t, http.StatusOK, a.status, a.body)
	assert.Contains(t, string(a.Data), `"refreshToken":"rt2"`)
	assert.NotContains(t, w.logs.String(), "a secret of hers")
	w.loginErr = core.Errorf(core.CodeConflict, "there is such an account already")
	w.do("POST", "/auth/register", `{"email":"ada@example.com","password":"p"}`, anonymous).refused(t, http.StatusConflict, core.CodeConflict)
}
