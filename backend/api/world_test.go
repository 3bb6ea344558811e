package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's clock of the Date header runs as long as the process does.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its pool of workers sleeps for ten seconds before it sees that the server has stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const goodToken = "good.token.here"

var (
	developer = uuid.MustParse("8d2a3c1e-4b5f-4c6d-8e7f-9a0b1c2d3e4f")
	someID    = uuid.MustParse("11111111-2222-4333-8444-555555555555")
)

// fakes stands for everything behind the API. Each test sets what it needs; the rest answers with something harmless.
type fakes struct {
	mu     sync.Mutex
	err    error // what the store says
	seen   map[string]any
	actors []core.Actor
	panics bool

	explanation wire.PodExplanation
	planned     wire.Plan
	visible     []uuid.UUID

	object    []byte
	objectErr error
	loginErr  error
	verifyErr error
	notReady  bool
	serve     func(conn SocketConn, remote string)
	stream    func(ctx context.Context, send func([]wire.WatchFrame) error) error
}

func (f *fakes) note(what string, actor core.Actor, value any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("the store fell over")
	}
	f.seen[what] = value
	f.actors = append(f.actors, actor)
	return f.err
}

func (f *fakes) got(what string) any { f.mu.Lock(); defer f.mu.Unlock(); return f.seen[what] }

func (f *fakes) CreatePack(_ context.Context, a core.Actor, in wire.PackCreate, size int64) (wire.Pack, error) {
	return wire.Pack{ID: someID, Name: in.Name, BundleSHA256: in.BundleSHA256, BundleSize: size}, f.note("pack", a, in)
}
func (f *fakes) Pack(_ context.Context, a core.Actor, id uuid.UUID) (wire.Pack, error) {
	return wire.Pack{ID: id}, f.note("pack", a, id)
}
func (f *fakes) ListPacks(_ context.Context, a core.Actor, filter wire.PackFilter) ([]wire.Pack, string, error) {
	return nil, "", f.note("packs", a, filter)
}
func (f *fakes) UpdatePack(_ context.Context, a core.Actor, id uuid.UUID, patch wire.PackPatch) (wire.Pack, error) {
	return wire.Pack{ID: id}, f.note("patch", a, patch)
}
func (f *fakes) DeletePack(_ context.Context, a core.Actor, id uuid.UUID) error {
	return f.note("delete", a, id)
}
func (f *fakes) CreatePod(_ context.Context, a core.Actor, in wire.PodCreate) (wire.Pod, error) {
	return wire.Pod{ID: someID, Name: in.Name}, f.note("pod", a, in)
}
func (f *fakes) Pod(_ context.Context, a core.Actor, id uuid.UUID) (wire.Pod, error) {
	return wire.Pod{ID: id}, f.note("pod", a, id)
}
func (f *fakes) ListPods(_ context.Context, a core.Actor, filter wire.PodFilter) ([]wire.Pod, string, error) {
	return []wire.Pod{{ID: someID}}, "next", f.note("pods", a, filter)
}
func (f *fakes) StopPod(_ context.Context, a core.Actor, id uuid.UUID) (wire.Pod, error) {
	return wire.Pod{ID: id, DesiredState: core.DesiredStopped}, f.note("stop", a, id)
}
func (f *fakes) DeletePod(_ context.Context, a core.Actor, id uuid.UUID) error {
	return f.note("delete", a, id)
}
func (f *fakes) PodHistory(_ context.Context, a core.Actor, id uuid.UUID) ([]wire.PodEvent, error) {
	return nil, f.note("history", a, id)
}
func (f *fakes) PodLogs(_ context.Context, a core.Actor, _ uuid.UUID, want wire.LogQuery) ([]wire.PodLogLine, error) {
	return nil, f.note("logs", a, want)
}
func (f *fakes) CreateNode(_ context.Context, a core.Actor, in wire.NodeCreate) (wire.Node, error) {
	return wire.Node{ID: someID, Name: in.Name}, f.note("node", a, in)
}
func (f *fakes) Node(_ context.Context, a core.Actor, idOrName string) (wire.Node, error) {
	return wire.Node{Name: idOrName}, f.note("node", a, idOrName)
}
func (f *fakes) ListNodes(_ context.Context, a core.Actor, filter wire.NodeFilter) ([]wire.Node, string, error) {
	return nil, "", f.note("nodes", a, filter)
}
func (f *fakes) UpdateNode(_ context.Context, a core.Actor, idOrName string, patch wire.NodePatch) (wire.Node, error) {
	return wire.Node{Name: idOrName}, f.note("patch", a, patch)
}
func (f *fakes) DeleteNode(_ context.Context, a core.Actor, idOrName string) error {
	return f.note("delete", a, idOrName)
}
func (f *fakes) VisibleNodes(_ context.Context, a core.Actor, ids []uuid.UUID) ([]uuid.UUID, error) {
	return f.visible, f.note("visible", a, ids)
}
func (f *fakes) Explain(_ context.Context, pod uuid.UUID) (wire.PodExplanation, error) {
	return f.explanation, f.note("explain", core.Actor{}, pod)
}
func (f *fakes) CheckSetting(key string, _ json.RawMessage) error {
	if key == "scheduler.score" {
		return core.Invalid("value", "the expression does not compile")
	}
	return nil
}
func (f *fakes) Plan(_ context.Context, create []*core.Pod, shrink map[uuid.UUID]int32, drain []uuid.UUID) (wire.Plan, error) {
	return f.planned, f.note("plan", core.Actor{}, planAsked{create, shrink, drain})
}
func (f *fakes) PreviewPods(_ context.Context, a core.Actor, in []wire.PodCreate) (pods []*core.Pod, err error) {
	for range in {
		pods = append(pods, &core.Pod{ID: uuid.New(), CreatedBy: a.UserID})
	}
	return pods, f.note("preview", a, in)
}
func (f *fakes) VisiblePods(_ context.Context, a core.Actor, _ []uuid.UUID) ([]uuid.UUID, error) {
	return f.visible, f.note("visible pods", a, nil)
}
func (f *fakes) CreateNamespace(_ context.Context, a core.Actor, in wire.NamespaceCreate) (wire.Namespace, error) {
	return wire.Namespace{Name: in.Name}, f.note("namespace", a, in)
}
func (f *fakes) Namespace(_ context.Context, a core.Actor, name string) (wire.Namespace, error) {
	return wire.Namespace{Name: name}, f.note("namespace", a, name)
}
func (f *fakes) ListNamespaces(_ context.Context, a core.Actor, part wire.Slice) ([]wire.Namespace, string, error) {
	return nil, "", f.note("namespaces", a, part)
}
func (f *fakes) DeleteNamespace(_ context.Context, a core.Actor, name string) error {
	return f.note("delete", a, name)
}
func (f *fakes) CreatePods(ctx context.Context, a core.Actor, in []wire.PodCreate) ([]wire.Pod, error) {
	if o := wire.OnceOf(ctx); o != nil {
		o.Replayed = f.got("key "+o.Key) == o.Request
		_ = f.note("key "+o.Key, a, o.Request)
	}
	return make([]wire.Pod, len(in)), f.note("batch", a, in)
}
func (f *fakes) UpdatePod(_ context.Context, a core.Actor, id uuid.UUID, patch wire.PodPatch) (wire.Pod, error) {
	return wire.Pod{ID: id, Revision: 8}, f.note("patch", a, patch)
}
func (f *fakes) RollBackPod(_ context.Context, a core.Actor, _ uuid.UUID, version string) (wire.Pod, error) {
	return wire.Pod{ID: someID}, f.note("rollback", a, version)
}
func (f *fakes) UpdateNamespace(_ context.Context, a core.Actor, name string, patch wire.NamespacePatch) (wire.Namespace, error) {
	return wire.Namespace{Name: name}, f.note("patch", a, patch)
}
func (f *fakes) CreatePriorityClass(_ context.Context, a core.Actor, in wire.PriorityClassCreate) (wire.PriorityClass, error) {
	return wire.PriorityClass{Name: in.Name}, f.note("class", a, in)
}
func (f *fakes) PriorityClass(_ context.Context, a core.Actor, name string) (wire.PriorityClass, error) {
	return wire.PriorityClass{Name: name, Revision: 7}, f.note("class", a, name)
}
func (f *fakes) ListPriorityClasses(_ context.Context, a core.Actor) ([]wire.PriorityClass, error) {
	return nil, f.note("classes", a, nil)
}
func (f *fakes) UpdatePriorityClass(_ context.Context, a core.Actor, name string, patch wire.PriorityClassPatch) (wire.PriorityClass, error) {
	return wire.PriorityClass{Name: name}, f.note("patch", a, patch)
}
func (f *fakes) DeletePriorityClass(_ context.Context, a core.Actor, name string) error {
	return f.note("delete", a, name)
}
func (f *fakes) Settings(_ context.Context, a core.Actor) ([]wire.Setting, error) {
	return nil, f.note("settings", a, nil)
}
func (f *fakes) Setting(_ context.Context, a core.Actor, key string) (wire.Setting, error) {
	return wire.Setting{Key: key}, f.note("setting", a, key)
}
func (f *fakes) PutSetting(_ context.Context, a core.Actor, key string, value json.RawMessage, revision *int64) (wire.Setting, error) {
	return wire.Setting{Key: key}, f.note("put", a, string(value))
}
func (f *fakes) ResetSetting(_ context.Context, a core.Actor, key string) (wire.Setting, error) {
	return wire.Setting{Key: key}, f.note("reset", a, key)
}
func (f *fakes) ListEvents(_ context.Context, a core.Actor, filter wire.EventFilter) ([]wire.Event, string, error) {
	return []wire.Event{{ID: 5}}, "5", f.note("events", a, filter)
}
func (f *fakes) CreateDeployment(_ context.Context, a core.Actor, in wire.DeploymentCreate) (wire.Deployment, error) {
	return wire.Deployment{ID: someID, Name: in.Name}, f.note("deployment", a, in)
}
func (f *fakes) Deployment(_ context.Context, a core.Actor, id uuid.UUID) (wire.Deployment, error) {
	return wire.Deployment{ID: id, Name: "web"}, f.note("deployment", a, id)
}
func (f *fakes) ListDeployments(_ context.Context, a core.Actor, filter wire.DeploymentFilter) ([]wire.Deployment, string, error) {
	return nil, "", f.note("deployments", a, filter)
}
func (f *fakes) UpdateDeployment(_ context.Context, a core.Actor, id uuid.UUID, patch wire.DeploymentPatch) (wire.Deployment, error) {
	return wire.Deployment{ID: id}, f.note("patch", a, patch)
}
func (f *fakes) UndoDeployment(_ context.Context, a core.Actor, id uuid.UUID, back wire.DeploymentRollback) (wire.Deployment, error) {
	return wire.Deployment{ID: id}, f.note("undo", a, back)
}
func (f *fakes) DeploymentRevisions(_ context.Context, a core.Actor, id uuid.UUID) ([]wire.DeploymentRevision, error) {
	return nil, f.note("revisions", a, id)
}
func (f *fakes) DeleteDeployment(_ context.Context, a core.Actor, id uuid.UUID) error {
	return f.note("delete", a, id)
}
func (f *fakes) SetupAdmin(_ context.Context, a core.Actor, token string) (wire.User, error) {
	return wire.User{ID: a.UserID, Role: "admin"}, f.note("setup", a, token)
}
func (f *fakes) Account(_ context.Context, a core.Actor, id uuid.UUID) (wire.Account, error) {
	return wire.Account{User: wire.User{ID: id}}, f.note("user", a, id)
}
func (f *fakes) ListAccounts(_ context.Context, a core.Actor, part wire.Slice) ([]wire.Account, string, error) {
	return nil, "", f.note("users", a, part)
}
func (f *fakes) UpdateAccount(_ context.Context, a core.Actor, id uuid.UUID, patch wire.AccountPatch) (wire.Account, error) {
	return wire.Account{User: wire.User{ID: id}}, f.note("patch", a, patch)
}
func (f *fakes) Whoami(_ context.Context, a core.Actor) (wire.User, error) {
	return wire.User{ID: a.UserID, Email: a.Email, Role: "developer"}, f.note("whoami", a, nil)
}

func (f *fakes) Open(_ context.Context, a core.Actor, query wire.WatchQuery) (func(context.Context, func([]wire.WatchFrame) error) error, error) {
	stream := f.stream
	if stream == nil {
		stream = func(context.Context, func([]wire.WatchFrame) error) error { return nil }
	}
	return stream, f.note("watch", a, query)
}

func (f *fakes) Verify(_ context.Context, token string) (core.Actor, error) {
	if f.verifyErr != nil {
		return core.Actor{}, f.verifyErr
	}
	if token != goodToken {
		return core.Actor{}, core.Errorf(core.CodeUnauthenticated, "the token is not valid")
	}
	return core.Actor{UserID: developer, Email: "ada@example.com", Claims: `{}`}, nil
}

func (f *fakes) SignIn(_ context.Context, email, _ string) (wire.Session, error) {
	return wire.Session{AccessToken: goodToken, RefreshToken: "rt", User: wire.User{Email: email}}, f.loginErr
}

func (f *fakes) SignUp(_ context.Context, email, _ string) (wire.Session, error) {
	if strings.HasPrefix(email, "unconfirmed") {
		return wire.Session{User: wire.User{Email: email}}, f.loginErr
	}
	return wire.Session{AccessToken: goodToken, RefreshToken: "rt", User: wire.User{Email: email}}, f.loginErr
}

func (f *fakes) Refresh(_ context.Context, refreshToken string) (wire.Session, error) {
	return wire.Session{AccessToken: goodToken, RefreshToken: refreshToken + "2"}, f.loginErr
}

func (f *fakes) SignOut(_ context.Context, token, scope string) error {
	return f.note("signout", core.Actor{}, token+" "+scope)
}

func (f *fakes) OpenObject(_ context.Context, token, bucket, path string) (io.ReadCloser, int64, error) {
	_ = f.note("object", core.Actor{}, token+" "+bucket+" "+path)
	if f.objectErr != nil {
		return nil, 0, f.objectErr
	}
	return io.NopCloser(bytes.NewReader(f.object)), -1, nil
}

func (f *fakes) ready(context.Context) (bool, any) {
	return !f.notReady, map[string]any{"postgres": map[string]any{"ok": !f.notReady}}
}

// world is a running server and a client.
type world struct {
	*fakes
	t    *testing.T
	srv  *Server
	url  string
	http *http.Client
	logs *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *logBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func start(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{fakes: &fakes{seen: map[string]any{}}, t: t, logs: &logBuffer{}, http: &http.Client{Transport: &http.Transport{}}}
	cfg := Config{
		Store: w.fakes, Verifier: w.fakes, Auth: w.fakes, Objects: w.fakes, Watches: w.fakes, Advisor: w.fakes, Ready: w.ready,
		Sockets: SocketsFunc(func(conn SocketConn, remote string) {
			if w.serve != nil {
				w.serve(conn, remote)
			}
		}),
		Info:           wire.ServerInfo{Version: "1.2.3", SupabaseURL: "http://supabase.example", AnonKey: "anon"},
		Log:            slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		AllowedOrigins: []string{"https://console.example.com"},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	w.srv, err = New(cfg)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.url = "http://" + ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- w.srv.Listen(ln) }()
	t.Cleanup(func() {
		w.http.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, w.srv.Shutdown(ctx))
		assert.NoError(t, <-done)
	})
	return w
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
	wire.Failure
	Data json.RawMessage `json:"data"`
	Page *wire.Page      `json:"page"`
}

// planAsked is what the advisor was asked to plan.
type planAsked struct {
	create []*core.Pod
	shrink map[uuid.UUID]int32
	drain  []uuid.UUID
}

type option func(*http.Request)

func with(header, value string) option {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(header)
			return
		}
		r.Header.Set(header, value)
	}
}

var anonymous = with("Authorization", "")

// do sends a request as the developer; a string body goes as it is, anything else as JSON.
func (w *world) do(method, path string, body any, options ...option) answer {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		require.NoError(w.t, err)
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, reader)
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+goodToken)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, o := range options {
		o(req)
	}
	resp, err := w.http.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(raw)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		require.NoError(w.t, json.Unmarshal(raw, &a), "%s", raw)
	}
	return a
}

// refused checks that an answer is the seed's failure envelope with this code.
func (a answer) refused(t *testing.T, status int, code core.Code) {
	t.Helper()
	assert.Equal(t, status, a.status, a.body)
	assert.False(t, a.Success)
	assert.Equal(t, code, a.Error.Code, a.body)
	assert.NotEmpty(t, a.Error.Message)
	assert.Equal(t, a.header.Get("X-Correlation-ID"), a.Error.CorrelationID)
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
}
