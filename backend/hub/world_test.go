package hub

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second // for what must happen; nothing waits this long when all is well

var (
	ada   = uuid.MustParse("8d2a3c1e-4b5f-4c6d-8e7f-9a0b1c2d3e4f")
	bob   = uuid.MustParse("11111111-2222-4333-8444-555555555555")
	nodeA = uuid.MustParse("aaaaaaaa-0000-4000-8000-000000000001")
	nodeB = uuid.MustParse("bbbbbbbb-0000-4000-8000-000000000002")
	hello = &core.Pack{ID: uuid.MustParse("cccccccc-0000-4000-8000-000000000003"), Name: "hello", Version: "1.0.0", Tag: core.TagNode,
		BundlePath: "x/hello.js", BundleSHA256: "00", BundleSize: 1}
)

// fakeStore is the database as the hub sees it. What is set is asked; the rest says yes.
type fakeStore struct {
	mu       sync.Mutex
	whoami   func(core.Actor) (wire.User, error)
	register func(context.Context, core.Registration) (core.Registered, error)
	renew    func([]core.LeaseRenewal) (map[uuid.UUID]bool, error)
	report   func([]core.StatusReport) ([]string, error)
	append   func([]core.LogLine) error

	regs    []core.Registration
	gone    chan gone
	reports []core.StatusReport
	batches []int
	lines   []core.LogLine
	trimmed []uuid.UUID
}

type gone struct {
	node, session uuid.UUID
	goodbye       bool
}

func (f *fakeStore) set(change func(*fakeStore)) { f.mu.Lock(); defer f.mu.Unlock(); change(f) }

func (f *fakeStore) Whoami(_ context.Context, a core.Actor) (wire.User, error) {
	f.mu.Lock()
	whoami := f.whoami
	f.mu.Unlock()
	if whoami != nil {
		return whoami(a)
	}
	return wire.User{ID: a.UserID, Role: "operator"}, nil
}

func (f *fakeStore) RegisterNode(ctx context.Context, _ core.Actor, reg core.Registration) (core.Registered, error) {
	f.mu.Lock()
	f.regs = append(f.regs, reg)
	register := f.register
	f.mu.Unlock()
	if register != nil {
		return register(ctx, reg)
	}
	return core.Registered{NodeID: nodeNamed(reg.Name), Access: core.AccessShared}, nil
}

func nodeNamed(name string) uuid.UUID {
	switch name {
	case "a":
		return nodeA
	case "b":
		return nodeB
	}
	return uuid.NewSHA1(nodeA, []byte(name))
}

func (f *fakeStore) SetNodeGone(_ context.Context, node, session uuid.UUID, goodbye bool) (bool, error) {
	f.gone <- gone{node, session, goodbye}
	return true, nil
}

func (f *fakeStore) RenewNodeLeases(_ context.Context, renewals []core.LeaseRenewal) (map[uuid.UUID]bool, error) {
	f.mu.Lock()
	renew := f.renew
	f.mu.Unlock()
	if renew != nil {
		return renew(renewals)
	}
	held := map[uuid.UUID]bool{}
	for _, r := range renewals {
		held[r.SessionID] = true
	}
	return held, nil
}

func (f *fakeStore) ReportStatuses(_ context.Context, reports []core.StatusReport) ([]string, error) {
	f.mu.Lock()
	report := f.report
	f.mu.Unlock()
	verdicts := make([]string, len(reports))
	if report != nil {
		var err error
		if verdicts, err = report(reports); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, reports...)
	f.batches = append(f.batches, len(reports))
	return verdicts, nil
}

func (f *fakeStore) AppendLogs(_ context.Context, lines []core.LogLine) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.append != nil {
		if err := f.append(lines); err != nil {
			return err
		}
	}
	f.lines = append(f.lines, lines...)
	return nil
}

func (f *fakeStore) TrimLogs(_ context.Context, pods []uuid.UUID, _ int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trimmed = append(f.trimmed, pods...)
	return nil
}

func (f *fakeStore) reported() []core.StatusReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]core.StatusReport(nil), f.reports...)
}

func (f *fakeStore) logged() []core.LogLine {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]core.LogLine(nil), f.lines...)
}

// Verify knows tokens by name: "ada", "bob", and "ada for 50ms".
func (f *fakeStore) Verify(_ context.Context, token string) (core.Actor, error) {
	actor := core.Actor{UserID: ada, ExpiresAt: time.Now().Add(time.Hour)}
	switch token {
	case "ada":
		return actor, nil
	case "bob":
		actor.UserID = bob
		return actor, nil
	case "down":
		return core.Actor{}, core.Errorf(core.CodeUnavailable, "tokens cannot be checked right now")
	}
	var life string
	if _, err := fmt.Sscanf(token, "ada for %s", &life); err == nil {
		d, err := time.ParseDuration(life)
		actor.ExpiresAt = time.Now().Add(d)
		return actor, err
	}
	return core.Actor{}, core.Errorf(core.CodeUnauthenticated, "the token is not valid")
}

// world is a hub that runs, with a real picture of the cluster and a false database.
type world struct {
	t     *testing.T
	hub   *Hub
	store *fakeStore
	state *cluster.State
	logs  *syncBuffer
	stop  func() // ends Run; what is left is written
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

func start(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, store: &fakeStore{gone: make(chan gone, 100)}, state: cluster.New(), logs: &syncBuffer{}}
	cfg := Config{ServerID: "s1", Verifier: w.store, Store: w.store, Cluster: w.state, Supabase: wire.Supabase{URL: "http://supabase.example", AnonKey: "anon"},
		Log:          slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		CloseTimeout: 100 * time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	w.hub, err = New(cfg)
	require.NoError(t, err)
	w.state.Apply(core.Changes{Snapshot: true, Events: []core.Event{core.PackUpserted{Pack: hello}}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.hub.Run(ctx) }()
	var once sync.Once
	w.stop = func() { once.Do(func() { cancel(); <-ended }) }
	t.Cleanup(func() {
		last, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, w.hub.Shutdown(last))
		w.stop()
	})
	return w
}

// feed is what the feed does: first the picture, then the hub.
func (w *world) feed(events ...core.Event) {
	w.hub.Observe(w.state.Apply(core.Changes{Events: events}))
}

func (w *world) upsert(pods ...*core.Pod) {
	for _, pod := range pods {
		w.feed(core.PodUpserted{Pod: pod})
	}
}

func aPod(name string, node uuid.UUID, incarnation int64, status core.PodStatus) *core.Pod {
	return &core.Pod{ID: uuid.NewSHA1(uuid.Nil, []byte(name)), Name: name, Namespace: "default", PackID: hello.ID, NodeID: node, Incarnation: incarnation,
		Status: status, Desired: core.DesiredRunning, GracePeriod: 10 * time.Second}
}

func with(pod *core.Pod, change func(*core.Pod)) *core.Pod {
	c := *pod
	change(&c)
	return &c
}

// pipeConn is a WebSocket without the web: messages over net.Pipe, where a writer waits for its reader.
type pipeConn struct {
	net.Conn
	limit int64
}

func (p *pipeConn) SetReadLimit(limit int64) { p.limit = limit }

func (p *pipeConn) ReadMessage() (int, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(p.Conn, head[:]); err != nil {
		return 0, nil, err
	}
	data := make([]byte, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(p.Conn, data); err != nil {
		return 0, nil, err
	}
	if p.limit > 0 && int64(len(data)) > p.limit {
		return int(head[0]), nil, fmt.Errorf("%w: more than %d bytes", wire.ErrBadFrame, p.limit)
	}
	if head[0] == closeMessage {
		return 0, nil, io.EOF
	}
	return int(head[0]), data, nil
}

func (p *pipeConn) WriteMessage(kind int, data []byte) error {
	message := append([]byte{byte(kind)}, binary.BigEndian.AppendUint32(nil, uint32(len(data)))...)
	_, err := p.Write(append(message, data...))
	return err
}

// agent is the other end.
type agent struct {
	t      *testing.T
	conn   *pipeConn
	frames chan wire.Envelope // what came, in order; closed at the end
	code   int                // of the close frame, 0 if there was none; set when frames is closed
	text   string
	served chan struct{} // closed when Serve has returned
}

// dial connects an agent that reads.
func (w *world) dial() *agent {
	a := w.dialDeaf()
	go a.listen()
	return a
}

// dialDeaf connects an agent that does not read.
func (w *world) dialDeaf() *agent {
	w.t.Helper()
	ours, theirs := net.Pipe()
	a := &agent{t: w.t, conn: &pipeConn{Conn: theirs}, frames: make(chan wire.Envelope, 10_000), served: make(chan struct{})}
	go func() { defer close(a.served); w.hub.Serve(&pipeConn{Conn: ours}, "test") }()
	w.t.Cleanup(func() { _ = theirs.Close(); <-a.served })
	return a
}

func (a *agent) listen() {
	defer close(a.frames)
	var head [5]byte
	for {
		if _, err := io.ReadFull(a.conn.Conn, head[:]); err != nil {
			return
		}
		data := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(a.conn.Conn, data); err != nil {
			return
		}
		if head[0] == closeMessage {
			a.code, a.text = int(binary.BigEndian.Uint16(data)), string(data[2:])
			_ = a.conn.WriteMessage(closeMessage, data[:2])
			continue
		}
		env, err := wire.ParseEnvelope(data)
		if !assert.NoError(a.t, err) {
			return
		}
		a.frames <- env
	}
}

func (a *agent) send(kind wire.Type, payload any) { a.raw(textMessage, encode(a.t, kind, payload)) }

func encode(t *testing.T, kind wire.Type, payload any) []byte {
	t.Helper()
	frame, err := wire.Encode(kind, payload, time.Now(), "re:"+string(kind))
	require.NoError(t, err)
	return frame
}

// raw sends a message. The other end may be gone already.
func (a *agent) raw(kind int, data []byte) {
	_ = a.conn.SetWriteDeadline(time.Now().Add(patience))
	_ = a.conn.WriteMessage(kind, data)
}

func (a *agent) json(text string) { a.raw(textMessage, []byte(text)) }

// next waits for the next frame, which must be of this type.
func (a *agent) next(kind wire.Type) wire.Envelope {
	a.t.Helper()
	select {
	case env, open := <-a.frames:
		if !open {
			require.Fail(a.t, "closed", "with %d %q instead of %s", a.code, a.text, kind)
		}
		require.Equal(a.t, kind, env.Type, "%s", env.Payload)
		return env
	case <-time.After(patience):
		require.Fail(a.t, "no "+string(kind))
	}
	return wire.Envelope{}
}

func next[T any](a *agent, kind wire.Type) (payload T) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(a.next(kind).Payload, &payload))
	return payload
}

// end waits for the end of the connection and returns the close code and the frames that came before.
func (a *agent) end() (code int, before []wire.Envelope) {
	a.t.Helper()
	for {
		select {
		case env, open := <-a.frames:
			if !open {
				return a.code, before
			}
			before = append(before, env)
		case <-time.After(patience):
			require.Fail(a.t, "the connection does not end")
		}
	}
}

// refused waits for an error frame and the end.
func (a *agent) refused(t *testing.T, closeCode int, code string) {
	t.Helper()
	got, before := a.end()
	assert.Equal(t, closeCode, got, a.text)
	require.NotEmpty(t, before)
	last := before[len(before)-1]
	require.Equal(t, wire.TypeError, last.Type)
	var e wire.ErrorFrame
	require.NoError(t, json.Unmarshal(last.Payload, &e))
	assert.Equal(t, code, e.Code, e.Message)
	assert.NotEmpty(t, e.Message)
}

func (a *agent) login(token string) {
	a.t.Helper()
	a.send(wire.TypeAuthenticate, map[string]any{"token": token, "protocol": 1})
	a.next(wire.TypeAuthenticated)
}

func registration(name string, held ...wire.HeldPod) wire.NodeRegister {
	return wire.NodeRegister{Name: name, RuntimeType: core.RuntimeNode, BootID: uuid.New(), Resources: wire.NodeResources{CPU: "4", Memory: "8Gi", Pods: 110}, Pods: held}
}

// join logs in, registers and catches up: from then on changes are relayed as they come.
func (w *world) join(name string, held ...wire.HeldPod) *agent {
	w.t.Helper()
	a := w.dial()
	a.login("ada")
	a.send(wire.TypeNodeRegister, registration(name, held...))
	a.next(wire.TypeNodeRegistered)
	eventually(w.t, func() bool {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		return w.hub.live(nodeNamed(name)) != nil
	})
	return a
}

// settled waits until all that was sent before has been dealt with.
func (a *agent) settled() {
	a.t.Helper()
	a.send(wire.TypeNodeHeartbeat, map[string]any{"pods": 0})
	a.next(wire.TypeHeartbeatAck)
}

func (a *agent) report(pod *core.Pod, status core.PodStatus) {
	a.send(wire.TypePodStatus, wire.PodStatus{PodID: pod.ID, Incarnation: pod.Incarnation, Status: status, At: time.Now()})
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	require.Eventually(t, what, patience, time.Millisecond)
}

// onlySession is the hub's side of the only connection.
func (w *world) onlySession() (only *session) {
	w.t.Helper()
	eventually(w.t, func() bool {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		for s := range w.hub.sessions {
			only = s
		}
		return len(w.hub.sessions) == 1
	})
	return only
}
