package api

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestPodSelectors(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, bad := range []string{"a in", "=", "a>1", "!", "a in (b", "a=b=c", "a\x00"} {
		a := w.do("GET", "/api/pods?labelSelector="+url.QueryEscape(bad), nil)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, "labelSelector", a.Error.Field, bad)
	}
	assert.Empty(t, w.actors, "the store was never asked")
	a := w.do("GET", "/api/pods?createdBy="+someID.String()+"&labelSelector="+url.QueryEscape("app=web,tier notin (a),x,!y"), nil)
	assert.Equal(t, http.StatusOK, a.status, a.body)
	got := w.got("pods").(wire.PodFilter)
	assert.Equal(t, someID, *got.CreatedBy)
	assert.ElementsMatch(t, []wire.Requirement{{Key: "app", Op: "in", Values: []string{"web"}}, {Key: "tier", Op: "notin", Values: []string{"a"}},
		{Key: "x", Op: "exists", Values: []string{}}, {Key: "y", Op: "absent", Values: []string{}}}, got.Labels)
}

func TestPackChangesRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	for body, field := range map[string]string{
		`{}`: "", `{"visibility":"everyone"}`: "visibility", `{"metadata":[]}`: "metadata", `{"description":"\u0000"}`: "description", `{"version":"2.0.0"}`: "version",
	} {
		a := w.do("PATCH", "/api/packs/"+someID.String(), body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, body)
	}
	assert.Empty(t, w.actors, "the store was never asked")
}
