package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// What has an ETag is changed only as it was read, when the request says so.
func TestIfMatchOfAPack(t *testing.T) {
	t.Parallel()
	w := start(t)
	path := "/api/packs/" + someID.String()
	for _, tag := range []string{`7`, `"seven"`, `"1", "2"`} {
		w.do("PATCH", path, `{"visibility":"public"}`, with("If-Match", tag)).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
	a := w.do("PATCH", path, `{"visibility":"public","revision":6}`, with("If-Match", `"7"`))
	a.refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Equal(t, "revision", a.Error.Field)
	assert.Empty(t, w.actors, "the store was never asked")
	require.Equal(t, http.StatusOK, w.do("PATCH", path, `{"visibility":"public"}`, with("If-Match", `"7"`)).status)
	assert.EqualValues(t, 7, *w.got("patch").(wire.PackPatch).Revision)
}
