package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const hookSecret = "a-secret-of-the-deploy-hook"

// CI's side of deploy-hook is the example that people copy.
func TestDeployHookFromCI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ci := w.account("ci@example.com", "developer")
	other := w.push(w.dev, "other", "export default () => 1")
	url := w.function("deploy-hook", "STARK_HOOK_SECRET="+hookSecret, "STARK_HOOK_EMAIL=ci@example.com", "STARK_HOOK_PASSWORD="+accountPassword)
	for name, owner := range map[string]uuid.UUID{"web": ci.id, "theirs": w.dev.id} {
		_, err := w.db.Exec(t.Context(), "insert into deployments (name, pack_id, created_by) values ($1, $2, $3)", name, other.ID, owner)
		require.NoError(t, err)
	}
	bundle := filepath.Join(t.TempDir(), "web.js")
	deploy := func(code, secret string, args ...string) (ok bool, said string) {
		require.NoError(t, os.WriteFile(bundle, []byte(code), 0o600))
		cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("..", "..", "docs", "examples", "deploy-hook.mjs"), bundle}, args...)...)
		cmd.Env = append(os.Environ(), "STARK_HOOK_URL="+url, "STARK_HOOK_SECRET="+secret)
		out, err := cmd.CombinedOutput()
		return err == nil, string(out)
	}
	deployed := func(name string) string {
		return w.text("select p.name || '@' || p.version from deployments d join packs p on p.id = d.pack_id where d.name = $1", name)
	}
	ok, said := deploy("export default () => 'v1'", "not-the-secret-of-the-hook", "web", "1.0.0", "default/web")
	require.False(t, ok, said)
	require.Contains(t, said, "UNAUTHORIZED")
	require.Empty(t, w.text("select id from packs where name = 'web'"))

	ok, said = deploy("export default () => 'v1'", hookSecret, "web", "1.0.0", "default/web")
	require.True(t, ok, said)
	require.Equal(t, "web@1.0.0", deployed("web"))
	require.Equal(t, ci.id.String(), w.text("select owner_id from packs where name = 'web'"))

	ok, said = deploy("export default () => 'other'", hookSecret, "web", "1.0.0")
	require.False(t, ok, said)
	require.Contains(t, said, "CONFLICT")
	ok, said = deploy("export default () => 'v2'", hookSecret, "web", "1.1.0", "default/theirs")
	require.False(t, ok, said)
	require.Contains(t, said, "FORBIDDEN", "a deployment of somebody else")
	require.Equal(t, "other@1.0.0", deployed("theirs"))
	ok, said = deploy("export default () => 'v1'", hookSecret, "other", "2.0.0")
	require.False(t, ok, said)
	require.Contains(t, said, "CONFLICT", "the pack name is somebody else's")

	// What was registered runs.
	w.startAgent("node-a")
	ok, said = deploy("export default ({ signal }) => new Promise((end) => signal.addEventListener('abort', end))", hookSecret, "web", "1.2.0", "default/fresh=2")
	require.True(t, ok, said)
	require.Equal(t, "web@1.2.0", deployed("fresh"))
	require.Equal(t, ci.id.String(), w.text("select created_by from deployments where name = 'fresh'"))
	w.eventually("the deployment that was made runs", func() bool {
		return w.text("select count(*) from pods p join deployments d on d.id = p.deployment_id where d.name = 'fresh' and p.status = 'running'") == "2"
	})
	ok, said = deploy("export default () => 3", hookSecret, "web", "1.3.0", "default/absent")
	require.False(t, ok, said)
	require.Contains(t, said, "there is no deployment default/absent")
	pod := w.pod(ci, map[string]any{"pack": "web", "version": "1.0.0"})
	w.becomes(pod.ID, "stopped (completed)")
	require.Equal(t, `"v1"`, w.text("select result from pods where id = $1", pod.ID))
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	viewer := w.account("viewer@example.com", "viewer")
	w.push(w.dev, "double", "export default ({ args }) => args.map((x) => 2 * x)")
	w.push(w.dev, "broken", "export default () => { throw new Error('boom') }")
	w.push(w.dev, "endless", "export default () => new Promise(() => {})")
	url := w.function("invoke")

	a := w.ask(url, w.dev.token, map[string]any{"pack": "double", "args": []int{1, 2}}, http.StatusOK)
	require.JSONEq(t, "[2, 4]", string(a.Data.Result))
	require.Equal(t, w.dev.id.String(), w.text("select created_by from pods where id = $1", a.Data.PodID))

	a = w.ask(url, w.dev.token, map[string]any{"pack": "broken"}, http.StatusBadGateway)
	require.Equal(t, []string{"POD_FAILED", "crashed"}, []string{a.Error.Code, a.Error.Reason})
	require.Contains(t, a.Error.Message, "boom")

	a = w.ask(url, w.dev.token, map[string]any{"pack": "endless", "timeoutSeconds": 0.5, "stopOnTimeout": true}, http.StatusGatewayTimeout)
	require.Equal(t, "TIMEOUT", a.Error.Code)
	w.eventually("it was stopped", func() bool {
		return w.text("select status from pods where id = $1", a.Error.PodID) == "stopped"
	})

	w.ask(url, "not.a.token", map[string]any{"pack": "double"}, http.StatusUnauthorized)
	a = w.ask(url, viewer.token, map[string]any{"pack": "double"}, http.StatusForbidden)
	require.Equal(t, "FORBIDDEN", a.Error.Code)
	_, err := w.db.Exec(t.Context(), "update packs set visibility = 'private' where name = 'double'")
	require.NoError(t, err)
	other := w.account("other@example.com", "developer")
	a = w.ask(url, other.token, map[string]any{"pack": "double"}, http.StatusBadRequest)
	require.Equal(t, "pack", a.Error.Field, "a private pack of somebody else is not there")
}
