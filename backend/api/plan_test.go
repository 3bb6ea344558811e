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

func TestPlanRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	for body, field := range map[string]string{
		`{}`: "", `{"pods":[{"name":"web"}]}`: "pods[0].pack", `{"pods":[{"pack":"p"},{"pack":"p","name":"W"}]}`: "pods[1].name",
		`{"deployments":[{"name":"web","pack":"p","mode":"daemonset"}]}`: "deployments[0].mode", `{"deployments":[{"name":"web","pack":"p","replicas":1001}]}`: "deployments[0].replicas",
		`{"deployments":[{"name":"web","pack":"p","spec":{"env":1}}]}`:         "deployments[0].env",
		`{"scale":[{"deploymentId":"` + someID.String() + `","replicas":-1}]}`: "scale[0].replicas", `{"evict":[]}`: "evict",
	} {
		a := w.do("POST", "/api/plan", body)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		assert.Equal(t, field, a.Error.Field, body)
	}
	assert.Empty(t, w.actors, "the store was never asked")
	w.err = core.Errorf(core.CodeNotFound, "there is no such node")
	w.do("POST", "/api/plan", `{"drain":["one"]}`).refused(t, http.StatusNotFound, core.CodeNotFound)
	assert.Nil(t, w.got("plan"), "of what the caller may not see the scheduler is not asked")
}

func TestPlan(t *testing.T) {
	t.Parallel()
	w := start(t)
	mine, others, node := uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}
	w.visible = []uuid.UUID{mine}
	w.planned = wire.Plan{
		Placements: []wire.PlannedPod{{Name: "new", Node: "secret", NodeID: &node, Reason: "created"}},
		Evictions:  []wire.PlannedPod{{PodID: &mine, Name: "mine", Reason: "drained"}, {PodID: &others, Name: "others", Reason: "drained"}},
	}
	a := w.do("POST", "/api/plan", `{"pods":[{"pack":"p"}],"deployments":[{"name":"web","pack":"q","replicas":2,"spec":{"cpu":"500m","env":{"A":"1"}}}],"drain":["one"],
		"scale":[{"deploymentId":"`+someID.String()+`","replicas":3}]}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	var plan wire.Plan
	require.NoError(t, json.Unmarshal(a.Data, &plan))
	assert.Equal(t, 1, plan.Hidden)
	assert.Equal(t, "mine", plan.Evictions[0].Name)
	assert.Empty(t, plan.Placements[0].Node)
	assert.NotContains(t, a.body, "others")
	assert.NotContains(t, a.body, "secret")
	created := w.got("preview").([]wire.PodCreate)
	require.Len(t, created, 6, "one, two of the new deployment, and three more of one that has none")
	assert.Equal(t, "500m", created[1].Resources.CPU)
	assert.Equal(t, map[string]string{"A": "1"}, created[2].Env)
	assert.Equal(t, "q", created[2].Pack)
	asked := w.got("plan").(planAsked)
	assert.Len(t, asked.create, 6)
	assert.Len(t, asked.drain, 1)
}

func TestASettingThatMeansNothingIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.do("PUT", "/api/config/scheduler.score", `{"value":"1 +"}`).refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Empty(t, w.actors, "the store was never asked")
}
