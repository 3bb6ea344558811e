// Package hub holds the live connections of agents: it relays assignments and stops to them as the feed shows them, and takes in
// what they report, in batches.
//
// A connection belongs to the goroutine that runs Serve. The hub never keeps a socket after Serve returned, because
// the web framework pools them. Nobody ever waits for a slow agent: its queue is bounded, and when it runs over the connection is
// closed and the agent resumes on a new one.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
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
	RenewInterval time.Duration // of node leases; default 5 s
	WriteTimeout  time.Duration // of one frame; default 10 s
	QueueLength   int           // frames that wait for one agent; default 1,024
}

// Hub is the registry of live sessions. Make it with New, start its loops with Run, give it connections with Serve.
type Hub struct {
	cfg      Config
	reporter *reporter
	logs     *logWriter

	mu       sync.Mutex // guards what follows
	sessions map[*session]struct{}
	byNode   map[uuid.UUID]*session
	closing  bool
	serving  sync.WaitGroup
}

// New makes a hub.
func New(cfg Config) (*Hub, error) {
	if cfg.ServerID == "" || cfg.Verifier == nil || cfg.Store == nil || cfg.Cluster == nil || cfg.Log == nil {
		return nil, errors.New("hub: ServerID, Verifier, Store, Cluster and Log are needed")
	}
	setDefault(&cfg.AuthTimeout, 10*time.Second)
	setDefault(&cfg.RenewInterval, 5*time.Second)
	setDefault(&cfg.WriteTimeout, 10*time.Second)
	if cfg.QueueLength <= 0 {
		cfg.QueueLength = 1024
	}
	h := &Hub{cfg: cfg, sessions: map[*session]struct{}{}, byNode: map[uuid.UUID]*session{}}
	h.reporter = newReporter(cfg.Store, cfg.Log)
	h.logs = newLogWriter(cfg.Store, cfg.Log, func() int64 { return cfg.Cluster.ConfigInt("logs.maxLinesPerPod", 10_000) })
	return h, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
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

// Shutdown closes every session with 1012, spread over a moment so that agents do not all come back at once, and waits
// for them. Their nodes are not marked as gone: the agents will be back.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closing = true
	sessions := make([]*session, 0, len(h.sessions))
	for s := range h.sessions {
		sessions = append(sessions, s)
	}
	h.mu.Unlock()
	for _, s := range sessions {
		jitter := time.Duration(0)
		if len(sessions) > 10 {
			jitter = rand.N(time.Second)
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

// Connected is how many agents are registered here.
func (h *Hub) Connected() int { h.mu.Lock(); defer h.mu.Unlock(); return len(h.byNode) }

// Observe relays what changed. It is called by the feed after the cluster state took the change in, and never blocks.
func (h *Hub) Observe(delta cluster.Delta) {
	for _, change := range delta.Pods {
		h.relay(change)
	}
}

func (h *Hub) relay(change cluster.PodChange) {
	before, after := change.Old, change.New
	hadHome := before != nil && before.Status.Active()
	hasHome := after != nil && after.Status.Active()
	moved := hadHome && (!hasHome || after.NodeID != before.NodeID || after.Incarnation != before.Incarnation)
	if moved {
		if s := h.sessionOf(before.NodeID); s != nil {
			reason := core.ReasonStale
			if after == nil {
				reason = core.ReasonDeleted
			}
			s.stop(before, reason)
		}
	}
	if !hasHome {
		return
	}
	s := h.sessionOf(after.NodeID)
	if s == nil {
		return
	}
	isNew := !hadHome || moved
	switch {
	case after.Desired == core.DesiredStopped:
		if isNew || before.Desired != core.DesiredStopped {
			s.stop(after, core.ReasonStoppedByUser)
		}
	case after.Status == core.PodScheduled && (isNew || before.Status != core.PodScheduled):
		s.assign(after)
	}
}

func (h *Hub) sessionOf(node uuid.UUID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byNode[node]
}

// enter takes a new connection in; it is false when the hub is closing.
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

// own makes s the session of its node and returns the one that it replaces, if any.
func (h *Hub) own(s *session) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.byNode[s.node]
	h.byNode[s.node] = s
	return old
}

// leave forgets a connection. owned says whether it still spoke for its node; closing whether the whole hub is going.
func (h *Hub) leave(s *session) (owned, closing bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
	owned = s.node != uuid.Nil && h.byNode[s.node] == s
	if owned {
		delete(h.byNode, s.node)
	}
	return owned, h.closing
}

// renewLeases extends the leases of the nodes that were heard, all in one statement. A session that lost its
// lease to another connection, here or on another server, is closed.
func (h *Hub) renewLeases(ctx context.Context) {
	ticker := time.NewTicker(h.cfg.RenewInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		heard := h.heard()
		if len(heard) == 0 {
			continue
		}
		renewals := make([]core.LeaseRenewal, len(heard))
		for i, s := range heard {
			renewals[i] = core.LeaseRenewal{NodeID: s.node, SessionID: s.id, Usage: s.lastUsage()}
		}
		write, cancel := context.WithTimeout(ctx, h.cfg.RenewInterval)
		held, err := h.cfg.Store.RenewNodeLeases(write, renewals)
		cancel()
		if err != nil {
			h.cfg.Log.Warn("renewing node leases failed; trying again", "nodes", len(renewals), "error", err)
			for _, s := range heard {
				s.heard.Store(true)
			}
			continue
		}
		for _, s := range heard {
			if !held[s.id] {
				s.close(wire.CloseSuperseded, "another connection registered this node")
			}
		}
	}
}

// heard returns the registered sessions that said something since it was last asked.
func (h *Hub) heard() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	var heard []*session
	for _, s := range h.byNode {
		if s.heard.Swap(false) {
			heard = append(heard, s)
		}
	}
	return heard
}

func usageOf(beat wire.NodeHeartbeat) json.RawMessage {
	usage, err := json.Marshal(map[string]int64{"pods": int64(beat.Pods), "cpuMillis": beat.Usage.CPUMillis, "memoryBytes": beat.Usage.MemoryBytes})
	if err != nil {
		return nil // three numbers are always JSON
	}
	return usage
}
