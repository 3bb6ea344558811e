// Package hub holds the live connections of agents: it relays assignments and stops to them as the feed shows them, and takes in
// what they report, in batches.
//
// A connection belongs to the goroutine that runs Serve. The hub never keeps a socket after Serve returned, because
// the web framework pools them. Nobody ever waits for a slow agent: its queue is bounded, and when it runs over the connection is
// closed and the agent resumes on a new one.
package hub

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Verifier turns a token into who asks.
type verifier interface {
	Verify(ctx context.Context, token string) (core.Actor, error)
}

// nodeStore is what the hub needs of the database.
type nodeStore interface {
	Whoami(ctx context.Context, actor core.Actor) (wire.User, error)
	RegisterNode(ctx context.Context, actor core.Actor, reg core.Registration) (core.Registered, error)
	SetNodeGone(ctx context.Context, node, session uuid.UUID, goodbye bool) (bool, error)
	RenewNodeLeases(ctx context.Context, renewals []core.LeaseRenewal) (map[uuid.UUID]bool, error)
	ReportStatuses(ctx context.Context, reports []core.StatusReport) ([]string, error)
	AppendLogs(ctx context.Context, lines []core.LogLine) error
	TrimLogs(ctx context.Context, pods []uuid.UUID, keep int64) error
}

// picture is what the hub needs of the cluster state.
type picture interface {
	Pack(id uuid.UUID) *core.Pack
	PodsOn(node uuid.UUID) []*core.Pod
	ConfigInt(key string, fallback int64) int64
}

// Config says what a hub works with. All of it but the durations is needed.
type Config struct {
	ServerID string
	Verifier verifier
	Store    nodeStore
	Cluster  picture
	Supabase wire.Supabase // told to agents
	Log      *slog.Logger

	AuthTimeout   time.Duration // from the upgrade to a valid token; default 10 s
	StoreTimeout  time.Duration // of what an agent waits for: checking its token, registering; default 10 s
	RenewInterval time.Duration // of node leases; default 5 s
	WriteTimeout  time.Duration // of one frame, and of all that are left when a connection is closed; default 10 s
	CloseTimeout  time.Duration // for the agent to answer a close; default 1 s
	FlushTimeout  time.Duration // for an agent's reports to be committed when it says goodbye; default 5 s
	QueueLength   int           // frames that wait for one agent; default 16,384
	QueueBytes    int           // and their bytes; default 16 MiB
	MaxReports    int           // of one agent that wait for the database; default 8,192
}

func (c *Config) complete() error {
	if c.ServerID == "" || c.Verifier == nil || c.Store == nil || c.Cluster == nil || c.Log == nil {
		return errors.New("hub: ServerID, Verifier, Store, Cluster and Log are needed")
	}
	setDefault(&c.AuthTimeout, 10*time.Second)
	setDefault(&c.StoreTimeout, 10*time.Second)
	setDefault(&c.RenewInterval, 5*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.CloseTimeout, time.Second)
	setDefault(&c.FlushTimeout, 5*time.Second)
	setDefault(&c.QueueLength, 16<<10)
	setDefault(&c.QueueBytes, 16<<20)
	setDefault(&c.MaxReports, 8192)
	return nil
}

func setDefault[T time.Duration | int](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Hub is the registry of live sessions. Make it with New, start its loops with Run, give it connections with Serve.
type Hub struct {
	cfg      Config
	overdue  atomic.Bool // the last write of leases failed
	reporter *reporter
	logs     *logWriter

	// mu guards what follows. It is held for moments only, and no session's lock is taken under it.
	mu          sync.Mutex
	sessions    map[*session]struct{}
	byNode      map[uuid.UUID]*session
	registering map[*session][]cluster.PodChange // what has changed since they began to register
	names       map[string]chan struct{}         // that are being registered; closed when that is over
	closing     bool
	serving     sync.WaitGroup
}

// New makes a hub.
func New(cfg Config) (*Hub, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	h := &Hub{
		cfg: cfg, sessions: map[*session]struct{}{}, byNode: map[uuid.UUID]*session{},
		registering: map[*session][]cluster.PodChange{}, names: map[string]chan struct{}{},
	}
	h.reporter = newReporter(cfg.Store, cfg.Log)
	h.logs = newLogWriter(cfg.Store, cfg.Log, func() int64 { return cfg.Cluster.ConfigInt("logs.maxLinesPerPod", 10_000) })
	return h, nil
}

// Run does the batched writes until the context ends, then writes what is left.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { h.reporter.run(ctx) })
	wg.Go(func() { h.logs.run(ctx) })
	wg.Go(func() { h.renewLeases(ctx) })
	wg.Wait()
	return context.Cause(ctx)
}

// manyAgents is from how many on they are sent away over a moment, so that they do not all come back at once.
const (
	manyAgents   = 10
	spreadAgents = time.Second
)

// Shutdown closes every session with 1012 and waits for them; who is left when ctx ends is cut off. Their nodes are not marked as
// gone: the agents will be back.
func (h *Hub) Shutdown(ctx context.Context) error {
	sessions := h.refuseMore()
	for _, s := range sessions {
		jitter := time.Duration(0)
		if len(sessions) > manyAgents {
			jitter = rand.N(spreadAgents)
		}
		time.AfterFunc(jitter, func() { s.close(wire.CloseRestart, "server restarts") })
	}
	done := make(chan struct{})
	go func() { h.serving.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, s := range sessions {
			s.abort()
		}
		return context.Cause(ctx)
	}
}

// refuseMore lets no new session in and returns those that there are.
func (h *Hub) refuseMore() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closing = true
	sessions := make([]*session, 0, len(h.sessions))
	for s := range h.sessions {
		sessions = append(sessions, s)
	}
	return sessions
}

// Connected is how many agents are registered here.
func (h *Hub) Connected() int { h.mu.Lock(); defer h.mu.Unlock(); return len(h.byNode) }

// enter registers a connection; false when the hub is closing.
func (h *Hub) enter(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.sessions[s] = struct{}{}
	h.serving.Add(1)
	return true
}

// leave forgets a connection. owned says whether it still spoke for its node; closing whether the whole hub is going.
func (h *Hub) leave(s *session) (owned, closing bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
	delete(h.registering, s)
	owned = s.node != uuid.Nil && h.byNode[s.node] == s
	if owned {
		delete(h.byNode, s.node)
	}
	return owned, h.closing
}
