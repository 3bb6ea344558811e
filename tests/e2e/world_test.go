package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/functions/agent"
	"github.com/stark-o/stark/supabase/local"
)

const accountPassword = "correct horse battery staple"

// world is the embedded stack, a server and agents, each a process of its own, and people who use them.
type world struct {
	t       *testing.T
	stack   *local.Stack
	db      *pgxpool.Pool // as postgres
	listen  string        // of the server, the same after a restart
	server  *process
	witness *witness
	admin   person
	dev     person
}

// person is somebody who has logged in.
type person struct {
	id    uuid.UUID
	email string
	token string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, witness: newWitness(t)}
	var err error
	w.stack, err = local.Start(t.Context(), local.Config{Ephemeral: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.stack.Stop(context.Background())) })
	w.db, err = pgxpool.New(t.Context(), w.stack.DatabaseURL())
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.listen = freePort(t)
	w.startServer()
	w.admin = w.account("admin@example.com", "admin")
	w.dev = w.account("dev@example.com", "developer")
	return w
}

// freePort is an address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

func (w *world) url() string { return "http://" + w.listen }

// startServer starts `stark serve` and waits until it is ready.
func (w *world) startServer() {
	w.t.Helper()
	w.server = w.serve(w.listen)
}

func (w *world) serve(listen string) *process {
	w.t.Helper()
	env := []string{
		"SUPABASE_URL=" + w.stack.URL(), "SUPABASE_PUBLISHABLE_KEY=" + w.stack.PublishableKey(), "SUPABASE_DB_URL=" + w.stack.DatabaseURL(),
		"STARK_LOG_LEVEL=info",
	}
	p := launch(w.t, "serve", env, binary, "serve", "--listen", listen)
	require.Eventually(w.t, func() bool {
		res, err := http.Get("http://" + listen + "/ready")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, patience, 20*time.Millisecond, "the server is not ready:\n%s", p.out)
	return p
}

// account makes somebody with a role and logs them in.
func (w *world) account(email, role string) person {
	w.t.Helper()
	id, err := w.stack.EnsureUser(w.t.Context(), email, accountPassword, role)
	require.NoError(w.t, err)
	var session wire.Session
	w.call("", http.MethodPost, "/auth/login", wire.Login{Email: email, Password: accountPassword}, http.StatusOK, &session)
	return person{id: id, email: email, token: session.AccessToken}
}

// call is one request to the server; it insists on the status and reads data into out.
func (w *world) call(token, method, path string, body any, status int, out any) {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url()+path, bytes.NewReader(raw))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, status, res.StatusCode, "%s %s: %s", method, path, text)
	if out != nil {
		envelope := struct {
			Data any `json:"data"`
		}{Data: out}
		require.NoError(w.t, json.Unmarshal(text, &envelope))
	}
}

// startAgent starts a Node.js agent of an account of role node and waits until its node is healthy.
func (w *world) startAgent(name string, env ...string) *process {
	w.t.Helper()
	email := name + "@example.com"
	_, err := w.stack.EnsureUser(w.t.Context(), email, accountPassword, "node")
	require.NoError(w.t, err)
	return w.launchAgent(name, email, env...)
}

func (w *world) launchAgent(name, email string, env ...string) *process {
	w.t.Helper()
	home := w.t.TempDir()
	script := filepath.Join(home, "agent.mjs")
	require.NoError(w.t, os.WriteFile(script, agent.Script, 0o600))
	credentials, err := json.Marshal(map[string]string{
		"supabaseUrl": w.stack.URL(), "anonKey": w.stack.PublishableKey(), "email": email, "password": accountPassword,
	})
	require.NoError(w.t, err)
	file := filepath.Join(home, "credentials.json")
	require.NoError(w.t, os.WriteFile(file, credentials, 0o600))
	settings := append([]string{
		"STARK_SERVER=" + w.url(), "STARK_NODE_NAME=" + name, "STARK_AGENT_HOME=" + home, "STARK_CREDENTIALS=" + file, "STARK_LOG_LEVEL=debug",
	}, env...)
	p := launch(w.t, "agent "+name, settings, "node", script)
	w.eventually("node "+name+" is healthy", func() bool { return w.text("select status from nodes where name = $1", name) == "healthy" })
	return p
}

// push uploads a bundle as a person, straight to Storage, and registers it.
func (w *world) push(who person, name, code string) wire.Pack {
	w.t.Helper()
	path := fmt.Sprintf("%s/%s/1.0.0/bundle.js", who.id, name)
	w.upload(who, path, code)
	var pack wire.Pack
	w.call(who.token, http.MethodPost, "/api/packs", map[string]any{
		"name": name, "version": "1.0.0", "runtimeTag": "universal", "visibility": "public", "bundlePath": path,
	}, http.StatusCreated, &pack)
	return pack
}

func (w *world) upload(who person, path, code string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.stack.URL()+"/storage/v1/object/packs/"+path, strings.NewReader(code))
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+who.token)
	req.Header.Set("apikey", w.stack.PublishableKey())
	req.Header.Set("Content-Type", "text/javascript")
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, res.StatusCode, "%s", text)
}

// pod makes a pod through the API.
func (w *world) pod(who person, body map[string]any) wire.Pod {
	w.t.Helper()
	var pod wire.Pod
	w.call(who.token, http.MethodPost, "/api/pods", body, http.StatusCreated, &pod)
	return pod
}

func (w *world) text(sql string, args ...any) string {
	w.t.Helper()
	var text string
	err := w.db.QueryRow(w.t.Context(), "select coalesce(("+sql+")::text, '')", args...).Scan(&text)
	if err != nil {
		return "" // the database may be down just now; whoever asks asks again
	}
	return text
}

func (w *world) status(id uuid.UUID) string {
	w.t.Helper()
	return w.text("select status || case when reason = '' then '' else ' (' || reason || ')' end from pods where id = $1", id)
}

// becomes waits for a pod's status, written as "running" or "failed (crashed)".
func (w *world) becomes(id uuid.UUID, want string) {
	w.t.Helper()
	w.eventually("pod becomes "+want, func() bool { return w.status(id) == want })
}

func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain: %s\npods: %s\nhistory: %s\nnodes: %s", what,
				w.text("select jsonb_agg(to_jsonb(p) - 'env') from pods p"), w.text("select jsonb_agg(to_jsonb(h) order by id) from pod_history h"),
				w.text("select jsonb_agg(to_jsonb(n)) from nodes n"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// slots are the replication slots of this server's database.
func (w *world) slots() string {
	return w.text("select string_agg(slot_name, ',') from pg_replication_slots")
}

// witness is what packs report to: each run of a pack has an id of its own.
type witness struct {
	url string

	mu    sync.Mutex
	first map[string]time.Time // run → first heard
	beats map[string]time.Time // run → last heard
	runs  []string             // "<pod> <incarnation> <run>", in order of their start
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	w := &witness{first: map[string]time.Time{}, beats: map[string]time.Time{}}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		run := q.Get("run")
		w.mu.Lock()
		defer w.mu.Unlock()
		if _, known := w.beats[run]; !known {
			w.first[run] = time.Now()
			w.runs = append(w.runs, q.Get("pod")+" "+q.Get("incarnation")+" "+run)
		}
		w.beats[run] = time.Now()
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// incarnations are those that a pod has run as, one entry a run.
func (w *witness) incarnations(pod uuid.UUID) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := []string{}
	for _, run := range w.runs {
		if fields := strings.Fields(run); fields[0] == pod.String() {
			list = append(list, fields[1])
		}
	}
	return list
}

// alive are the runs of a pod that were heard after a moment.
func (w *witness) alive(pod uuid.UUID, after time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, run := range w.runs {
		if fields := strings.Fields(run); fields[0] == pod.String() && w.beats[fields[2]].After(after) {
			n++
		}
	}
	return n
}

// beacon is a pack that runs until it is stopped and tells the witness so every 50 ms.
const beacon = `
export default async ({ podId, incarnation, env, signal }) => {
  const run = crypto.randomUUID()
  const tell = () => fetch(env.WITNESS + '?pod=' + podId + '&incarnation=' + incarnation + '&run=' + run).catch(() => {})
  await tell()
  console.log('beacon is lit')
  const timer = setInterval(tell, 50)
  await new Promise(resolve => signal.addEventListener('abort', resolve))
  clearInterval(timer)
  console.log('beacon is out')
}`

// runsOnce waits until the pod is running and exactly one run of it is alive.
func (w *world) runsOnce(pod uuid.UUID) {
	w.t.Helper()
	w.becomes(pod, "running")
	since := time.Now()
	w.eventually("one run is heard", func() bool { return w.witness.alive(pod, since) > 0 })
	time.Sleep(300 * time.Millisecond) // six beats: another run would have been heard by now
	require.Equal(w.t, 1, w.witness.alive(pod, since), "runs of one pod at the same time: %v", w.witness.incarnations(pod))
}
