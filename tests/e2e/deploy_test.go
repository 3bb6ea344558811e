package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

// version registers one version of the pack web.
func (w *world) version(version, code string) uuid.UUID {
	w.t.Helper()
	path := fmt.Sprintf("%s/web/%s/bundle.js", w.dev.id, version)
	w.upload(w.dev, path, code)
	var pack wire.Pack
	w.call(w.dev.token, http.MethodPost, "/api/packs", map[string]any{
		"name": "web", "version": version, "runtimeTag": "universal", "visibility": "public", "bundlePath": path,
	}, http.StatusCreated, &pack)
	return pack.ID
}

// A deployment on a real agent, whose server is killed while it rolls over: it comes to its end, a version that crashes is taken back, and the pods
// that work are never touched by that.
func TestDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	w.version("1.0.0", beacon)
	good := w.version("1.1.0", beacon)
	bad := w.version("1.2.0", `export default () => { throw new Error('boom') }`)
	runs := func(pack string, n int) bool {
		return w.text("select count(*) from pods p join packs k on k.id = p.pack_id where p.status = 'running' and p.desired_state = 'running' and k.version = $1", pack) == fmt.Sprint(n)
	}
	stable := func(generation string) bool {
		return w.text("select coalesce(status ->> 'stableGeneration', '') from deployments") == generation
	}

	var d wire.Deployment
	w.call(w.dev.token, http.MethodPost, "/api/deployments", map[string]any{
		"name": "web", "pack": "web", "version": "1.0.0", "replicas": 3, "strategy": map[string]any{"maxSurge": 1, "maxUnavailable": 0},
		"spec": map[string]any{"env": map[string]string{"WITNESS": w.witness.url}, "cpu": "50m", "memory": "64Mi"},
	}, http.StatusCreated, &d)
	path := "/api/deployments/" + d.ID.String()
	w.eventually("three run", func() bool { return runs("1.0.0", 3) && stable("1") })

	w.call(w.dev.token, http.MethodPatch, path, map[string]any{"packId": good}, http.StatusOK, nil)
	w.eventually("it has begun", func() bool { return !runs("1.1.0", 0) })
	w.server.kill()
	w.startServer()
	w.eventually("it is rolled over", func() bool { return runs("1.1.0", 3) && runs("1.0.0", 0) && stable("2") })
	require.Equal(t, "6", w.text("select count(*) from pods"), "one for one")

	before := w.text("select string_agg(id::text, ' ' order by id) from pods where status = 'running'")
	w.call(w.dev.token, http.MethodPatch, path, map[string]any{"packId": bad}, http.StatusOK, nil)
	w.eventually("it is taken back", func() bool { return stable("4") && runs("1.1.0", 3) })
	require.Equal(t, good.String(), w.text("select pack_id from deployments"))
	require.Equal(t, before, w.text("select string_agg(id::text, ' ' order by id) from pods where deployment_generation = 2"))
	require.Equal(t, "1", w.text("select count(*) from events where reason = 'rolled_back'"))

	w.call(w.dev.token, http.MethodDelete, path, nil, http.StatusOK, nil)
	w.eventually("its pods have stopped", func() bool { return w.text("select count(*) from pods where status = 'running'") == "0" })
}
