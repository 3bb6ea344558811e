package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestUserRefusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	path := "/api/users/" + someID.String()
	for body, field := range map[string]string{
		`{}`: "", `{"revision":3}`: "", `{"role":"root"}`: "role", `{"role":""}`: "role", `{"role":7}`: "role", `{"displayName":"a\u0000"}`: "displayName",
		`{"displayName":"` + strings.Repeat("x", 201) + `"}`: "displayName", `{"email":"x@example.com"}`: "email",
	} {
		a := w.do("PATCH", path, body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, body)
	}
	w.do("PATCH", "/api/users/me", `{"role":"viewer"}`).refused(t, http.StatusBadRequest, core.CodeValidation)
	for _, body := range []string{`{}`, `{"token":""}`, `{"token":"` + strings.Repeat("x", 257) + `"}`} {
		w.do("POST", "/auth/setup", body).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
	assert.Empty(t, w.actors, "the store was never asked")
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := start(t)
	role, revision := "operator", int64(4)
	a := w.do("PATCH", "/api/users/"+someID.String(), map[string]any{"role": role, "revision": revision})
	assert.Equal(t, http.StatusOK, a.status, a.body)
	assert.Equal(t, wire.AccountPatch{Role: &role, Revision: &revision}, w.got("patch"))
	assert.Equal(t, http.StatusOK, w.do("GET", "/api/users?limit=3", nil).status)
	assert.Equal(t, wire.Slice{Limit: 3}, w.got("users"))
	assert.Equal(t, http.StatusOK, w.do("GET", "/api/users/"+someID.String(), nil).status)
	assert.Equal(t, someID, w.got("user"))
	a = w.do("POST", "/auth/setup", map[string]any{"token": "stark_setup_1"})
	assert.Equal(t, http.StatusOK, a.status, a.body)
	assert.Equal(t, "stark_setup_1", w.got("setup"))
	assert.NotContains(t, w.logs.String(), "stark_setup_1", "a token is not for the log")
}
