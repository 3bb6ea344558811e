package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

// Whoever inserts the row, and by whatever way, the pod runs.
func TestEveryWayToInsertAPodEndsInRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	pack := w.push(w.dev, "beacon", beacon)
	env := map[string]string{"WITNESS": w.witness.url}
	const insert = `insert into public.pods (pack_id, env) values ($1, $2) returning id`

	var pods []uuid.UUID
	add := func(id uuid.UUID) { pods = append(pods, id) }
	as := func(role, claims string) {
		var id uuid.UUID
		require.NoError(t, pgx.BeginFunc(t.Context(), w.db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", role, claims); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), insert, pack.ID, env).Scan(&id)
		}))
		add(id)
	}
	as("service_role", "")
	as("authenticated", `{"sub":"`+w.dev.id.String()+`","role":"authenticated"}`)
	add(w.pod(w.dev, map[string]any{"pack": "beacon", "env": env}).ID)
	row := map[string]any{"pack_id": pack.ID, "env": env}
	made := w.supabaseJS(w.dev, row)
	require.Equal(t, http.StatusCreated, made.Status)
	add(made.ID)
	refused := w.supabaseJS(w.account("viewer@example.com", "viewer"), row)
	require.Equal(t, supabaseAnswer{Status: http.StatusForbidden, Code: "42501"}, refused)

	for _, id := range pods {
		w.runsOnce(id)
	}
	for _, id := range pods {
		w.call(w.admin.token, http.MethodPost, "/api/pods/"+id.String()+"/stop", nil, http.StatusOK, nil)
		w.becomes(id, "stopped (stopped_by_user)")
	}
	var lines []wire.PodLogLine
	w.call(w.dev.token, http.MethodGet, "/api/pods/"+pods[2].String()+"/logs", nil, http.StatusOK, &lines)
	require.Equal(t, []string{"beacon is lit", "beacon is out"}, []string{lines[0].Line, lines[len(lines)-1].Line})
	require.Equal(t, "pending scheduled starting running stopping stopped",
		w.text("select string_agg(to_status, ' ' order by id) from pod_history where pod_id = $1", pods[2]))
}

// supabaseAnswer is what supabase-js was told of an insert.
type supabaseAnswer struct {
	Status int
	ID     uuid.UUID
	Code   string
}

// supabaseJS logs somebody in and inserts a pod, with the official client.
func (w *world) supabaseJS(who person, row map[string]any) (a supabaseAnswer) {
	w.t.Helper()
	text, err := json.Marshal(row)
	require.NoError(w.t, err)
	cmd := exec.CommandContext(w.t.Context(), "node", "insert-pod.mjs")
	cmd.Dir = filepath.Join("..", "js")
	cmd.Env = append(os.Environ(), "SUPABASE_URL="+w.stack.URL(), "SUPABASE_KEY="+w.stack.PublishableKey(), "EMAIL="+who.email,
		"PASSWORD="+accountPassword, "ROW="+string(text))
	cmd.Stderr = w.t.Output()
	out, err := cmd.Output()
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(out, &a), string(out))
	return a
}

// A pack can be broken in many ways; each ends in a status that says which, and the node goes on.
func TestBrokenPacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	for name, c := range map[string]struct{ code, want, message string }{
		"throws":     {"throw new Error('boom at import')", "failed (import_error)", "boom at import"},
		"nonsense":   {"export default (", "failed (import_error)", "SyntaxError"},
		"no-entry":   {"export const answer = 42", "failed (import_error)", "no default export"},
		"rejects":    {"export default async () => { throw new TypeError('no luck') }", "failed (crashed)", "no luck"},
		"uncaught":   {"export default () => new Promise(() => setTimeout(() => { throw new Error('later') }, 10))", "failed (crashed)", "later"},
		"greedy":     {"export default () => { const all = []; for (;;) all.push(new Array(1e6).fill({})) }", "failed (oom)", ""},
		"commonjs":   {"module.exports = ({ args }) => args.length", "stopped (completed)", ""},
		"es-default": {"exports.default = async () => ({ ok: true })", "stopped (completed)", ""},
	} {
		w.push(w.dev, name, c.code)
		pod := w.pod(w.dev, map[string]any{"pack": name, "resources": map[string]string{"memory": "64Mi"}})
		w.becomes(pod.ID, c.want)
		require.Contains(t, w.text("select message from pods where id = $1", pod.ID), c.message, name)
	}
	pack := w.push(w.dev, "beacon", beacon)
	pod := w.pod(w.dev, map[string]any{"packId": pack.ID, "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(pod.ID)
}

// A bundle that is not what was registered never runs.
func TestBundleThatIsNotTheRegisteredOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	register := func(name, digest string, size int) uuid.UUID {
		path := w.dev.id.String() + "/" + name + "/1.0.0/bundle.js"
		var id uuid.UUID
		require.NoError(t, w.db.QueryRow(t.Context(), `insert into public.packs (name, version, runtime_tag, owner_id, bundle_path, bundle_sha256, bundle_size)
			values ($1, '1.0.0', 'node', $2, $3, $4, $5) returning id`, name, w.dev.id, path, digest, size).Scan(&id))
		return id
	}
	code := "export default () => fetch('" + w.witness.url + "?pod=evil&incarnation=1&run=evil')"
	w.upload(w.dev, w.dev.id.String()+"/evil/1.0.0/bundle.js", code)
	evil := w.pod(w.dev, map[string]any{"packId": register("evil", strings.Repeat("ab", 32), len(code))})
	w.becomes(evil.ID, "failed (digest_mismatch)")
	require.Contains(t, w.text("select message from pods where id = $1", evil.ID), strings.Repeat("ab", 32))

	missing := w.pod(w.dev, map[string]any{"packId": register("missing", strings.Repeat("cd", 32), 10)})
	w.becomes(missing.ID, "failed (bundle_unavailable)")
	w.witness.mu.Lock()
	defer w.witness.mu.Unlock()
	require.Empty(t, w.witness.runs, "it must not have run a line")
}

// A developer's node is private: nobody else's pods come to it.
func TestPrivateNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.account("other@example.com", "developer")
	w.launchAgent("devs-laptop", w.dev.email)
	w.push(w.dev, "beacon", beacon)
	env := map[string]string{"WITNESS": w.witness.url}
	theirs := w.pod(other, map[string]any{"pack": "beacon", "env": env})
	mine := w.pod(w.dev, map[string]any{"pack": "beacon", "env": env})
	w.runsOnce(mine.ID)
	w.eventually("the other pod is explained", func() bool {
		return strings.Contains(w.text("select unschedulable ->> 'text' from pods where id = $1", theirs.ID), "private node")
	})
	require.Equal(t, "pending", w.status(theirs.ID))
}

// The token for the first admin is shown once, and is of no use once there is an admin.
func TestSetupTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := regexp.MustCompile(`stark_setup_[0-9a-f]+`).FindString(w.server.says("stark_setup_"))
	w.call(w.dev.token, http.MethodPost, "/auth/setup", wire.Setup{Token: token}, http.StatusConflict, nil)
	w.server.stop()
	w.startServer()
	require.NotContains(t, w.server.says("Ctrl-C stops it"), "stark_setup_")

	var dev wire.Account
	w.call(w.admin.token, http.MethodPatch, "/api/users/"+w.dev.id.String(), map[string]string{"role": "viewer"}, http.StatusOK, &dev)
	require.Equal(t, "viewer", dev.Role)
	// It counts from the next request on, although the token is the same.
	w.call(w.dev.token, http.MethodPost, "/api/namespaces", wire.NamespaceCreate{Name: "mine"}, http.StatusForbidden, nil)
}
