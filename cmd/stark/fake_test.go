package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

const (
	email    = "dev@stark.local"
	password = "correct horse battery staple"
	anonKey  = "anon-key"

	setupToken = "stark_setup_0123"
)

var userID = uuid.MustParse("11111111-2222-4333-8444-555555555555")

// fake is a Stark server and the Supabase behind it, in memory. Pods move one status with each look at them.
type fake struct {
	t   *testing.T
	url string

	mu            sync.Mutex // guards all below
	logins        int
	valid         string // the access token that is taken now
	refresh       string
	objects       map[string][]byte
	packs         []wire.Pack
	pods          []*wire.Pod
	script        []core.PodStatus // what a new pod goes through
	reason        string           // of a pod that ended
	logs          []wire.PodLogLine
	queries       []string // path?query of every request to /api
	calls         []string // method and path of the same
	created       []wire.PodCreate
	nodes         []wire.Node
	plan          wire.Plan
	planAsked     wire.PlanRequest     // the last one
	explanation   *wire.PodExplanation // nil: the server cannot say
	namespaces    []wire.Namespace
	patch         wire.AccountPatch // of the last change of a user
	drain         wire.NodeDrain    // of the last drain
	nodePatch     wire.NodePatch    // of the last change of a node
	override      http.HandlerFunc  // answers instead, when set
	refuseObjects bool
	deploys       []wire.Deployment
	deployed      wire.DeploymentCreate // the last one that was made
	deployPatch   wire.DeploymentPatch  // of the last change of a deployment
	faster        int                   // so many changes of a deployment come too late
	revisions     []wire.DeploymentRevision
	classes       []wire.PriorityClass
	settings      []wire.Setting
	events        []wire.Event
	bounds        wire.NamespacePatch // of the last change of a namespace
	streams       [][]string          // the frames of each GET /api/watch, in order; the last one stays open
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{
		t: t, objects: map[string][]byte{}, namespaces: []wire.Namespace{{Name: "default"}},
		script: []core.PodStatus{core.PodPending, core.PodScheduled, core.PodRunning, core.PodStopped}, reason: "completed",
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/info", f.info)
	mux.HandleFunc("POST /auth/login", f.login)
	mux.HandleFunc("POST /auth/v1/token", f.token)
	mux.HandleFunc("POST /storage/v1/object/packs/{path...}", f.upload)
	mux.HandleFunc("DELETE /storage/v1/object/packs/{path...}", f.removeObject)
	mux.HandleFunc("POST /auth/logout", f.auth(func(w http.ResponseWriter, _ *http.Request) { f.valid = ""; w.WriteHeader(http.StatusNoContent) }))
	mux.HandleFunc("POST /auth/setup", f.auth(func(w http.ResponseWriter, r *http.Request) {
		var in wire.Setup
		f.read(r, &in)
		if in.Token != setupToken {
			fail(w, 403, wire.Problem{Code: core.CodeForbidden, Message: "the setup token is wrong or has expired", Hint: "ask for another"})
			return
		}
		user := f.user()
		user.Role = "admin"
		ok(w, user)
	}))
	mux.HandleFunc("GET /api/users", f.auth(func(w http.ResponseWriter, _ *http.Request) {
		ok(w, []wire.Account{{User: f.user(), CreatedAt: time.Now(), Revision: 3}})
	}))
	mux.HandleFunc("PATCH /api/users/{id}", f.auth(func(w http.ResponseWriter, r *http.Request) {
		f.read(r, &f.patch)
		user := f.user()
		user.Role = *f.patch.Role
		ok(w, wire.Account{User: user, Revision: 4})
	}))
	mux.HandleFunc("GET /auth/whoami", f.auth(func(w http.ResponseWriter, _ *http.Request) { ok(w, f.user()) }))
	mux.HandleFunc("GET /api/packs", f.auth(f.listPacks))
	mux.HandleFunc("POST /api/packs", f.auth(f.createPack))
	mux.HandleFunc("DELETE /api/packs/{id}", f.auth(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	mux.HandleFunc("GET /api/pods", f.auth(f.listPods))
	mux.HandleFunc("POST /api/pods", f.auth(f.createPod))
	mux.HandleFunc("GET /api/pods/{id}", f.auth(f.pod(f.getPod)))
	mux.HandleFunc("GET /api/pods/{id}/explain", f.auth(f.pod(func(w http.ResponseWriter, _ *http.Request, _ *wire.Pod) {
		if f.explanation == nil {
			fail(w, 503, wire.Problem{Code: core.CodeUnavailable, Message: "no picture yet"})
			return
		}
		ok(w, f.explanation)
	})))
	mux.HandleFunc("DELETE /api/pods/{id}", f.auth(f.pod(func(w http.ResponseWriter, _ *http.Request, _ *wire.Pod) { w.WriteHeader(http.StatusNoContent) })))
	mux.HandleFunc("POST /api/pods/{id}/stop", f.auth(f.pod(f.stopPod)))
	mux.HandleFunc("GET /api/pods/{id}/logs", f.auth(f.pod(f.podLogs)))
	mux.HandleFunc("GET /api/pods/{id}/history", f.auth(f.pod(f.history)))
	mux.HandleFunc("GET /api/nodes", f.auth(func(w http.ResponseWriter, _ *http.Request) { ok(w, f.nodes) }))
	mux.HandleFunc("GET /api/nodes/{name}", f.auth(f.getNode))
	mux.HandleFunc("PATCH /api/nodes/{name}", f.auth(f.patchNode))
	mux.HandleFunc("POST /api/nodes/{name}/drain", f.auth(f.drainNode))
	mux.HandleFunc("DELETE /api/nodes/{name}", f.auth(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	mux.HandleFunc("GET /api/packs/{id}", f.auth(f.getPack))
	mux.HandleFunc("PATCH /api/packs/{id}", f.auth(f.patchPack))
	mux.HandleFunc("GET /api/watch", f.watch)
	f.deploymentRoutes(mux)
	mux.HandleFunc("POST /api/plan", f.auth(func(w http.ResponseWriter, r *http.Request) { f.read(r, &f.planAsked); ok(w, f.plan) }))
	mux.HandleFunc("GET /api/namespaces/{name}", f.auth(f.getNamespace))
	mux.HandleFunc("GET /api/namespaces", f.auth(func(w http.ResponseWriter, _ *http.Request) { ok(w, f.namespaces) }))
	mux.HandleFunc("POST /api/namespaces", f.auth(func(w http.ResponseWriter, r *http.Request) {
		var in wire.NamespaceCreate
		f.read(r, &in)
		ns := wire.Namespace{Name: in.Name, ResourceQuota: in.ResourceQuota, Labels: in.Labels}
		f.namespaces = append(f.namespaces, ns)
		ok(w, ns)
	}))
	f.cluster(mux)
	mux.HandleFunc("DELETE /api/namespaces/{name}", f.auth(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// session is one person's terminal: a configuration of their own, and what they have seen.
type terminal struct {
	t        *testing.T
	env      map[string]string
	in       string
	out, err string // of the last command
}

func (f *fake) terminal() *terminal {
	return &terminal{t: f.t, env: map[string]string{
		"STARK_CONFIG": filepath.Join(f.t.TempDir(), "config.json"), "STARK_SERVER": f.url,
	}}
}

func (s *terminal) cli(out, errOut io.Writer) *cli {
	c := newCLI(strings.NewReader(s.in), out, errOut, func(key string) string { return s.env[key] })
	c.pace = follow.Pace{Fast: time.Millisecond, Slow: 2 * time.Millisecond, Settle: 2 * time.Millisecond, Patience: 10 * time.Millisecond}
	return c
}

// run runs a command line and returns its exit code.
func (s *terminal) run(args ...string) int { return s.runContext(s.t.Context(), args...) }

func (s *terminal) runContext(ctx context.Context, args ...string) int {
	var out, errOut bytes.Buffer
	code := s.cli(&out, &errOut).run(ctx, args)
	s.out, s.err = out.String(), errOut.String()
	return code
}

// must runs a command line that has to succeed and returns its standard output.
func (s *terminal) must(args ...string) string {
	s.t.Helper()
	require.Zero(s.t, s.run(args...), "stark %s\n%s%s", strings.Join(args, " "), s.out, s.err)
	return s.out
}

func (f *fake) loggedIn() *terminal {
	f.t.Helper()
	s := f.terminal()
	s.in = password + "\n"
	s.must("login", "--email", email, "--password-stdin")
	s.in = ""
	return s
}

func ok(w http.ResponseWriter, data any) {
	reply(w, http.StatusOK, wire.Success{Success: true, Data: data})
}

func fail(w http.ResponseWriter, status int, p wire.Problem) {
	reply(w, status, wire.Failure{Error: p})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever went away fails the test by themselves
}

func (f *fake) read(r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		f.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
}

// auth lets only the valid token through; the handler holds the lock.
func (f *fake) auth(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.queries = append(f.queries, r.URL.RequestURI())
		f.calls = append(f.calls, r.Method+" "+r.URL.Path)
		switch {
		case f.override != nil:
			f.override(w, r)
		case f.valid == "" || r.Header.Get("Authorization") != "Bearer "+f.valid:
			fail(w, 401, wire.Problem{Code: core.CodeUnauthenticated, Message: "the token has expired"})
		default:
			next(w, r)
		}
	}
}

func (f *fake) user() wire.User {
	return wire.User{ID: userID, Email: email, DisplayName: "Dev", Role: "developer"}
}

func (f *fake) info(w http.ResponseWriter, _ *http.Request) {
	ok(w, wire.ServerInfo{Version: "1.2.3", SupabaseURL: f.url, AnonKey: anonKey})
}

// issue makes a new pair, the only valid one.
func (f *fake) issue() (expires time.Time) {
	f.logins++
	expires = time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	f.valid = token(fmt.Sprintf(`{"sub":%q,"n":%d,"exp":%d}`, userID, f.logins, expires.Unix()))
	f.refresh = fmt.Sprintf("refresh-%d", f.logins)
	return expires
}

func token(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func (f *fake) login(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in wire.Login
	f.read(r, &in)
	if in.Email != email || in.Password != password {
		fail(w, 401, wire.Problem{Code: core.CodeUnauthenticated, Message: "invalid login credentials"})
		return
	}
	expires := f.issue()
	ok(w, wire.Session{AccessToken: f.valid, RefreshToken: f.refresh, ExpiresAt: expires, User: f.user()})
}

// token is Supabase Auth's refresh.
func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in map[string]any
	f.read(r, &in)
	if in["refresh_token"] != f.refresh {
		reply(w, 400, map[string]any{"code": 400, "error_code": "refresh_token_already_used", "msg": "Invalid Refresh Token: Already Used"})
		return
	}
	expires := f.issue()
	reply(w, 200, map[string]any{"access_token": f.valid, "refresh_token": f.refresh, "expires_at": expires.Unix(), "user": map[string]any{"id": userID, "email": email}})
}

// upload is Supabase Storage.
func (f *fake) upload(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Errorf("upload: %v", err)
	}
	path := r.PathValue("path")
	_, exists := f.objects[path]
	switch {
	case f.refuseObjects || r.Header.Get("Authorization") != "Bearer "+f.valid || r.Header.Get("apikey") != anonKey:
		reply(w, 400, map[string]string{"statusCode": "403", "error": "Unauthorized", "message": "new row violates row-level security policy"})
	case exists:
		reply(w, 400, map[string]string{"statusCode": "409", "error": "Duplicate", "message": "The resource already exists"})
	case r.Header.Get("Content-Type") != contentType:
		reply(w, 400, map[string]string{"statusCode": "415", "error": "invalid_mime_type", "message": "mime type is not supported"})
	default:
		f.objects[path] = body
		reply(w, 200, map[string]string{"Key": "packs/" + path})
	}
}

func (f *fake) listPacks(w http.ResponseWriter, r *http.Request) {
	found := []wire.Pack{}
	for _, p := range f.packs {
		if name := r.URL.Query().Get("name"); name == "" || name == p.Name {
			found = append(found, p)
		}
	}
	ok(w, found)
}

func (f *fake) createPack(w http.ResponseWriter, r *http.Request) {
	var in wire.PackCreate
	f.read(r, &in)
	object, found := f.objects[in.BundlePath]
	if !found {
		fail(w, 400, wire.Problem{Code: core.CodeValidation, Field: "bundlePath", Message: "no such object"})
		return
	}
	pack := wire.Pack{
		ID: uuid.New(), Name: in.Name, Version: in.Version, RuntimeTag: in.RuntimeTag, Visibility: in.Visibility, BundlePath: in.BundlePath,
		BundleSHA256: in.BundleSHA256, BundleSize: int64(len(object)), Description: in.Description, CreatedAt: time.Now(),
	}
	f.packs = append([]wire.Pack{pack}, f.packs...)
	reply(w, 201, wire.Success{Success: true, Data: pack})
}

func (f *fake) createPod(w http.ResponseWriter, r *http.Request) {
	var in wire.PodCreate
	f.read(r, &in)
	f.created = append(f.created, in)
	if in.Name == "" {
		in.Name = in.Pack + "-1"
	}
	pod := &wire.Pod{
		ID: uuid.New(), Name: in.Name, Namespace: in.Namespace, PackName: in.Pack, PackVersion: in.Version,
		Status: f.script[0], Resources: wire.Resources{CPU: "100m", Memory: "128Mi"}, Env: in.Env, Args: in.Args, CreatedAt: time.Now(),
		Unschedulable: json.RawMessage(`{"nodes":0,"filters":{},"text":"no nodes: start an agent"}`), Result: json.RawMessage("null"),
	}
	f.pods = append(f.pods, pod)
	reply(w, 201, wire.Success{Success: true, Data: pod})
}

func (f *fake) listPods(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []*wire.Pod{}
	for _, p := range f.pods {
		if (q.Get("name") == "" || q.Get("name") == p.Name) && (q.Get("namespace") == "" || q.Get("namespace") == p.Namespace) &&
			(q.Get("nodeId") == "" || p.NodeID != nil && q.Get("nodeId") == p.NodeID.String()) {
			found = append(found, p)
		}
	}
	ok(w, found)
}

func (f *fake) pod(next func(http.ResponseWriter, *http.Request, *wire.Pod)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, p := range f.pods {
			if p.ID.String() == r.PathValue("id") {
				next(w, r, p)
				return
			}
		}
		fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such pod"})
	}
}

// getPod moves the pod on along its script.
func (f *fake) getPod(w http.ResponseWriter, _ *http.Request, p *wire.Pod) {
	ok(w, p)
	for i, s := range f.script {
		if s != p.Status || i+1 == len(f.script) {
			continue
		}
		p.Status, p.NodeName, p.Unschedulable = f.script[i+1], "laptop", nil
		if p.Status.Final() {
			p.Reason, p.Result = f.reason, json.RawMessage(`{"greeted":1}`)
		}
		return
	}
}

func (f *fake) stopPod(w http.ResponseWriter, _ *http.Request, p *wire.Pod) {
	p.DesiredState = core.DesiredStopped
	ok(w, p)
}

func (f *fake) podLogs(w http.ResponseWriter, r *http.Request, _ *wire.Pod) {
	q := r.URL.Query()
	lines := f.logs
	if n := 0; q.Get("tail") != "" {
		_, _ = fmt.Sscan(q.Get("tail"), &n)
		ok(w, lines[max(0, len(lines)-n):])
		return
	}
	var after int64
	_, _ = fmt.Sscan(q.Get("after"), &after)
	found := []wire.PodLogLine{}
	for _, l := range lines {
		if l.ID > after && len(found) < 2 {
			found = append(found, l)
		}
	}
	ok(w, found)
}

func (f *fake) history(w http.ResponseWriter, _ *http.Request, _ *wire.Pod) {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	pending, scheduled := "pending", "scheduled"
	ok(w, []wire.PodEvent{
		{ID: 1, At: at, Event: "created", To: &pending, ActorRole: "developer"},
		{ID: 2, At: at.Add(35 * time.Millisecond), Event: "status", From: &pending, To: &scheduled, Incarnation: 1, ActorRole: "service_role"},
	})
}

func (f *fake) getNode(w http.ResponseWriter, r *http.Request) {
	for _, n := range f.nodes {
		if n.Name == r.PathValue("name") || n.ID.String() == r.PathValue("name") {
			ok(w, n)
			return
		}
	}
	fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such node"})
}

func (f *fake) patchNode(w http.ResponseWriter, r *http.Request) {
	for i := range f.nodes {
		n := &f.nodes[i]
		if n.Name != r.PathValue("name") && n.ID.String() != r.PathValue("name") {
			continue
		}
		f.nodePatch = wire.NodePatch{}
		f.read(r, &f.nodePatch)
		if f.nodePatch.Unschedulable != nil {
			n.Unschedulable = *f.nodePatch.Unschedulable
		}
		for key, value := range f.nodePatch.Labels {
			if delete(n.Labels, key); value != nil {
				n.Labels[key] = *value
			}
		}
		ok(w, n)
		return
	}
	fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such node"})
}
