package sockettest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/fasthttp/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/backend/api"
	"github.com/stark-o/stark/backend/auth"
	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/hub"
	"github.com/stark-o/stark/backend/store"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) {
	code := testdb.Main(m)
	if err := goleak.Find(
		// fasthttp's clock of the Date header runs as long as the process does; its pools sleep before they see that a server has stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const patience = 20 * time.Second // for what must happen; nothing waits this long when all is well

// project is the part of Supabase Auth that signs tokens and publishes the key.
type project struct {
	url  string
	key  *ecdsa.PrivateKey
	down atomic.Bool // the key endpoint does not answer
}

func newProject(t *testing.T) *project {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	jwk, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "k1", USE: jwkset.UseSig}})
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"keys": []any{jwk.Marshal()}})
	require.NoError(t, err)
	p := &project{key: key}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if p.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func (p *project) claims(user uuid.UUID) jwt.MapClaims {
	return jwt.MapClaims{"iss": p.url + "/auth/v1", "aud": "authenticated", "sub": user.String(), "role": "authenticated",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
}

func (p *project) sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = "k1"
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func (p *project) token(t *testing.T, user uuid.UUID) string {
	t.Helper()
	return p.sign(t, jwt.SigningMethodES256, p.key, p.claims(user))
}

// world is a server on a database of its own. The feed is played by hand.
type world struct {
	t       *testing.T
	project *project
	hub     *hub.Hub
	srv     *api.Server
	url     string
	dbURL   string
	db      *pgxpool.Pool
	state   *cluster.State

	operator, other uuid.UUID // who may have shared nodes; a developer
	pack            *core.Pack
}

func start(t *testing.T, change ...func(*hub.Config)) *world {
	t.Helper()
	db := testdb.New(t)
	w := &world{t: t, project: newProject(t), dbURL: db.URL, db: db.Pool(t)}
	w.people(db)
	w.serve("s1", change...)
	return w
}

// second is another server on the same database.
func (w *world) second(change ...func(*hub.Config)) *world {
	other := *w
	other.serve("s2", change...)
	return &other
}

func (w *world) serve(name string, change ...func(*hub.Config)) {
	t := w.t
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{URL: w.dbURL, MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	verifier, err := auth.New(context.Background(), auth.Config{SupabaseURL: w.project.url, Log: log})
	require.NoError(t, err)
	t.Cleanup(verifier.Close)
	w.state = cluster.New()
	w.state.Apply(core.Changes{Snapshot: true, Events: []core.Event{core.PackUpserted{Pack: w.pack}}})
	cfg := hub.Config{ServerID: name, Verifier: verifier, Store: st, Cluster: w.state, Log: log, Supabase: wire.Supabase{URL: w.project.url, AnonKey: "anon"}}
	for _, f := range change {
		f(&cfg)
	}
	w.hub, err = hub.New(cfg)
	require.NoError(t, err)
	h := w.hub
	w.srv, err = api.New(api.Config{Store: st, Verifier: verifier, Auth: noAuth{}, Objects: noObjects{}, Watches: noWatches{}, Advisor: noAdvisor{}, Log: log,
		Sockets: api.SocketsFunc(func(conn api.SocketConn, remote string) { h.Serve(conn, remote) }),
		Ready:   func(context.Context) (bool, any) { return true, nil }})
	require.NoError(t, err)
	w.run()
}

type (
	noAuth    struct{ api.Authenticator }
	noAdvisor struct{ api.Advisor }
	noObjects struct{ api.Objects }
	noWatches struct{ api.Watches }
)

func (w *world) run() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	w.url = "ws://" + ln.Addr().String() + "/ws"
	srv, h := w.srv, w.hub
	served, ran := make(chan error, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { served <- srv.Listen(ln) }()
	go func() { defer close(ran); _ = h.Run(ctx) }()
	w.t.Cleanup(func() {
		last, done := context.WithTimeout(context.Background(), patience)
		defer done()
		assert.NoError(w.t, h.Shutdown(last))
		assert.NoError(w.t, srv.Shutdown(last))
		assert.NoError(w.t, <-served)
		cancel()
		<-ran
	})
}

func (w *world) people(db testdb.DB) {
	admin := db.PoolFor(w.t, "supabase_auth_admin")
	w.operator, w.other = uuid.New(), uuid.New()
	for id, role := range map[uuid.UUID]string{w.operator: "operator", w.other: "developer"} {
		_, err := admin.Exec(w.t.Context(), `insert into auth.users (id, email) values ($1, $2)`, id, role+"@example.com")
		require.NoError(w.t, err)
		w.exec(`update public.users set role = $2 where id = $1`, id, role)
	}
	w.pack = &core.Pack{ID: uuid.New(), Name: "hello", Version: "1.0.0", Tag: core.TagNode, OwnerID: w.other, BundlePath: w.other.String() + "/hello.js",
		BundleSHA256: strings.Repeat("0", 64), BundleSize: 10}
	w.exec(`insert into public.packs (id, name, version, runtime_tag, owner_id, bundle_path, bundle_sha256, bundle_size)
		values ($1, 'hello', '1.0.0', 'node', $2, $3, $4, 10)`, w.pack.ID, w.other, w.pack.BundlePath, w.pack.BundleSHA256)
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

// place makes a pod and gives it to a node, in the database and in the picture, as the scheduler and the feed would.
func (w *world) place(node uuid.UUID) *core.Pod {
	w.t.Helper()
	pod := &core.Pod{ID: uuid.New(), Namespace: "default", PackID: w.pack.ID, NodeID: node, Status: core.PodScheduled, Incarnation: 1,
		Desired: core.DesiredRunning, GracePeriod: 10 * time.Second}
	pod.Name = "p-" + pod.ID.String()[:8]
	w.exec(`insert into public.pods (id, name, pack_id) values ($1, $2, $3)`, pod.ID, pod.Name, w.pack.ID)
	w.exec(`update public.pods set status = 'scheduled', node_id = $2 where id = $1`, pod.ID, node)
	w.hub.Observe(w.state.Apply(core.Changes{Events: []core.Event{core.PodUpserted{Pod: pod}}}))
	return pod
}

func (w *world) status(pod *core.Pod) (status, reason string) {
	w.t.Helper()
	require.NoError(w.t, w.db.QueryRow(w.t.Context(), `select status, reason from public.pods where id = $1`, pod.ID).Scan(&status, &reason))
	return status, reason
}

// agent is a real WebSocket client.
type agent struct {
	t *testing.T
	*websocket.Conn
}

func (w *world) dial() *agent {
	w.t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	conn, _, err := dialer.DialContext(w.t.Context(), w.url, nil)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(w.t, conn.SetReadDeadline(time.Now().Add(patience)))
	return &agent{t: w.t, Conn: conn}
}

func (a *agent) send(kind wire.Type, payload any) {
	a.t.Helper()
	frame, err := wire.Encode(kind, payload, time.Now(), "c-"+string(kind))
	require.NoError(a.t, err)
	require.NoError(a.t, a.WriteMessage(websocket.TextMessage, frame))
}

func next[T any](a *agent, kind wire.Type) (payload T) {
	a.t.Helper()
	_, data, err := a.ReadMessage()
	require.NoError(a.t, err, "instead of %s", kind)
	env, err := wire.ParseEnvelope(data)
	require.NoError(a.t, err)
	require.Equal(a.t, kind, env.Type, "%s", data)
	return decode[T](a.t, env)
}

func decode[T any](t *testing.T, env wire.Envelope) (payload T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(env.Payload, &payload))
	return payload
}

// refused reads to the end: an error frame with this code, and the close.
func (a *agent) refused(t *testing.T, code string, closeCode int) {
	t.Helper()
	var last wire.ErrorFrame
	for {
		_, data, err := a.ReadMessage()
		if err != nil {
			assert.True(t, websocket.IsCloseError(err, closeCode), "%v instead of %d", err, closeCode)
			assert.Equal(t, code, last.Code, last.Message)
			return
		}
		env, err := wire.ParseEnvelope(data)
		require.NoError(t, err)
		if env.Type == wire.TypeError {
			require.NoError(t, json.Unmarshal(env.Payload, &last))
		}
	}
}

func (a *agent) login(token string) wire.Authenticated {
	a.t.Helper()
	a.send(wire.TypeAuthenticate, map[string]any{"token": token, "protocol": wire.Protocol})
	return next[wire.Authenticated](a, wire.TypeAuthenticated)
}

func (a *agent) register(name string, held ...wire.HeldPod) wire.NodeRegistered {
	a.t.Helper()
	a.send(wire.TypeNodeRegister, wire.NodeRegister{Name: name, RuntimeType: core.RuntimeNode, RuntimeVersion: "v22.0.0", BootID: uuid.New(),
		Resources: wire.NodeResources{CPU: "4", Memory: "8Gi", Pods: 110}, Pods: held})
	return next[wire.NodeRegistered](a, wire.TypeNodeRegistered)
}

// join logs in, registers and catches up: from then on changes are relayed as they come, each once.
func (w *world) join(name string) (*agent, uuid.UUID) {
	w.t.Helper()
	a := w.dial()
	a.login(w.project.token(w.t, w.operator))
	node := a.register(name).NodeID
	a.beats()
	return a, node
}

func (a *agent) beats() {
	a.t.Helper()
	a.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 0})
	next[struct{}](a, wire.TypeHeartbeatAck)
}

func (a *agent) reports(pod *core.Pod, incarnation int64, status core.PodStatus) wire.PodStatusAck {
	a.t.Helper()
	a.send(wire.TypePodStatus, wire.PodStatus{PodID: pod.ID, Incarnation: incarnation, Status: status, At: time.Now()})
	return next[wire.PodStatusAck](a, wire.TypePodStatusAck)
}
