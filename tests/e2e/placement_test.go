package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

// What a pod asks of its place is obeyed on the whole way, from the request to the node; what cannot be is explained.
func TestPlacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("east-1", "STARK_NODE_LABELS=zone=east")
	w.startAgent("east-2", "STARK_NODE_LABELS=zone=east")
	w.startAgent("west-1", "STARK_NODE_LABELS=zone=west")
	w.push(w.dev, "beacon", beacon)
	env := map[string]string{"WITNESS": w.witness.url}
	zone := func(pod string) string {
		return w.text("select n.labels ->> 'zone' from pods p join nodes n on n.id = p.node_id where p.name = $1", pod)
	}

	affinity := map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
		"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{map[string]any{"key": "zone", "operator": "NotIn", "values": []string{"east"}}}}},
	}}}
	west := w.pod(w.dev, map[string]any{"pack": "beacon", "name": "west", "env": env, "affinity": affinity})
	w.becomes(west.ID, "running")
	require.Equal(t, "west", zone("west"))

	spread := []any{map[string]any{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
		"labelSelector": map[string]any{"matchLabels": map[string]string{"app": "spread"}}}}
	for _, name := range []string{"spread-1", "spread-2", "spread-3", "spread-4"} {
		pod := w.pod(w.dev, map[string]any{"pack": "beacon", "name": name, "env": env, "labels": map[string]string{"app": "spread"}, "topologySpread": spread})
		w.becomes(pod.ID, "running")
	}
	require.Equal(t, "2", w.text("select count(*) from pods p join nodes n on n.id = p.node_id where p.name like 'spread-%' and n.labels ->> 'zone' = 'west'"),
		"two zones share four pods, however many nodes each has")

	// A group is placed when all of it can be, and not before.
	gang := func(name string) map[string]any {
		return map[string]any{"pack": "beacon", "name": name, "env": env, "schedulingGroup": "both", "schedulingGroupSize": 2}
	}
	first := w.pod(w.dev, gang("gang-1"))
	w.eventually("the first waits for the second", func() bool {
		return strings.Contains(w.text("select unschedulable ->> 'text' from pods where id = $1", first.ID), "1 of 2")
	})
	second := w.pod(w.dev, gang("gang-2"))
	w.becomes(first.ID, "running")
	w.becomes(second.ID, "running")

	nowhere := w.pod(w.dev, map[string]any{"pack": "beacon", "env": env, "nodeSelector": map[string]string{"zone": "north"}})
	w.eventually("it is explained", func() bool {
		return strings.HasPrefix(w.text("select unschedulable ->> 'text' from pods where id = $1", nowhere.ID), "0/3 nodes: ")
	})
	var why wire.PodExplanation
	w.call(w.dev.token, http.MethodGet, "/api/pods/"+nowhere.ID.String()+"/explain", nil, http.StatusOK, &why)
	require.Equal(t, map[string]int{"node_selector": 3}, why.Filters)
	require.Len(t, why.Verdicts, 3)
	w.call(w.dev.token, http.MethodGet, "/api/pods/"+west.ID.String()+"/explain", nil, http.StatusOK, &why)
	require.Equal(t, "running on west-1; 1/3 nodes would take it now: refused by 2 node_affinity", why.Text)
}

// What is planned is what then happens, and planning leaves nothing behind.
func TestPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("one", "STARK_NODE_CPU=300m")
	w.startAgent("two", "STARK_NODE_CPU=200m")
	w.push(w.dev, "beacon", beacon)
	body := func(name, cpu string) map[string]any {
		return map[string]any{"pack": "beacon", "name": name, "env": map[string]string{"WITNESS": w.witness.url}, "resources": map[string]string{"cpu": cpu}}
	}
	first := w.pod(w.dev, body("first", "150m"))
	w.becomes(first.ID, "running")
	home := w.text("select n.name from pods p join nodes n on n.id = p.node_id where p.id = $1", first.ID)

	var plan wire.Plan
	pods := []any{body("a", "150m"), body("b", "150m"), body("c", "150m")}
	w.call(w.dev.token, http.MethodPost, "/api/plan", map[string]any{"pods": pods}, http.StatusOK, &plan)
	require.Len(t, plan.Placements, 2)
	require.Len(t, plan.Pending, 1)
	require.Contains(t, plan.Pending[0].Text, "2 insufficient cpu")
	require.Equal(t, "1", w.text("select count(*) from pods"), "nothing was written")
	for _, planned := range plan.Placements {
		require.Nil(t, planned.PodID)
		for _, p := range pods {
			if p := p.(map[string]any); p["name"] == planned.Name {
				w.becomes(w.pod(w.dev, p).ID, "running")
				require.Equal(t, planned.Node, w.text("select n.name from pods p join nodes n on n.id = p.node_id where p.name = $1", planned.Name))
			}
		}
	}

	w.call(w.dev.token, http.MethodPost, "/api/plan", map[string]any{"drain": []string{home}}, http.StatusOK, &plan)
	require.NotEmpty(t, plan.Evictions)
	require.Equal(t, "drained", plan.Evictions[0].Reason)
	require.Equal(t, "false", w.text("select unschedulable from nodes where name = $1", home))
	w.call(w.dev.token, http.MethodPost, "/api/plan", map[string]any{"pods": []any{map[string]any{"pack": "nothing-like-it"}}}, http.StatusBadRequest, nil)
	w.call(w.dev.token, http.MethodPost, "/api/plan", map[string]any{"drain": []string{"nowhere"}}, http.StatusNotFound, nil)
}
