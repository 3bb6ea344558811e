package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func verdict(name string, id byte, refusals ...wire.Refusal) wire.NodeVerdict {
	return wire.NodeVerdict{Node: name, NodeID: uuid.UUID{15: id}, Refusals: refusals}
}

func TestExplainConcealsNodes(t *testing.T) {
	t.Parallel()
	w := start(t)
	secret := verdict("secret", 2)
	w.explanation = wire.PodExplanation{
		PodID: someID, Status: core.PodRunning, Nodes: 3, Fits: 2, Filters: map[string]int{"taint": 1}, Chosen: &secret,
		Closest:  []wire.NearNode{{Node: "secret", NodeID: secret.NodeID}},
		Verdicts: []wire.NodeVerdict{verdict("open", 1), secret, verdict("tainted", 3, wire.Refusal{Filter: "taint", Detail: "gpu"})},
	}
	w.visible = []uuid.UUID{{15: 1}, {15: 3}}
	path := "/api/pods/" + someID.String() + "/explain"
	a := w.do("GET", path, "")
	require.Equal(t, http.StatusOK, a.status, a.body)
	assert.NotContains(t, a.body, "secret")
	var got wire.PodExplanation
	require.NoError(t, json.Unmarshal(a.Data, &got))
	assert.Equal(t, "running; 2/3 nodes would take it now: refused by 1 taint", got.Text)
	assert.Equal(t, 1, got.Hidden)
	assert.Nil(t, got.Chosen)
	assert.Len(t, got.Verdicts, 2)
	assert.ElementsMatch(t, []uuid.UUID{{15: 1}, {15: 2}, {15: 3}}, w.got("visible"), "the database says which are the caller's to see")
	assert.Equal(t, someID, w.got("pod"), "the pod was read as the caller")

	a = w.do("GET", path+"?limit=1", "")
	require.NoError(t, json.Unmarshal(a.Data, &got))
	assert.Equal(t, "open", got.Verdicts[0].Node)
	assert.Equal(t, 1, got.More)

	w.visible = []uuid.UUID{{15: 1}, {15: 2}, {15: 3}}
	a = w.do("GET", path, "")
	require.NoError(t, json.Unmarshal(a.Data, &got))
	assert.Equal(t, "running on secret; 2/3 nodes would take it now: refused by 1 taint", got.Text)
}

func TestExplainRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	path := "/api/pods/" + someID.String() + "/explain"
	w.do("GET", "/api/pods/web/explain", "").refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", path+"?limit=0", "").refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", path+"?limit=1001", "").refused(t, http.StatusBadRequest, core.CodeValidation)
	w.do("GET", path, "", anonymous).refused(t, http.StatusUnauthorized, core.CodeUnauthenticated)
	w.err = core.Errorf(core.CodeNotFound, "there is no such pod")
	w.do("GET", path, "").refused(t, http.StatusNotFound, core.CodeNotFound)
	assert.Nil(t, w.got("explain"), "of what the caller may not see the scheduler is not asked")
}
