// Package app is the composition root: it turns a configuration into a running server and ends it in order.
//
//	start: store → feed → cluster → control, hub, watch → api
//	stop:  api and hub (intake; watchers hear goodbye) → control (decisions) → hub's writers (completions) → feed → store
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/api"
	"github.com/stark-o/stark/backend/auth"
	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/control"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/feed"
	"github.com/stark-o/stark/backend/hub"
	"github.com/stark-o/stark/backend/store"
	"github.com/stark-o/stark/backend/supa"
	"github.com/stark-o/stark/backend/watch"
	"github.com/stark-o/stark/backend/wire"
)

// Server is one server process. Make it with New, then Run it once.
type Server struct {
	cfg      Config
	listener net.Listener
	metrics  *metrics
	// metricsListener is nil when nobody may ask.
	metricsListener net.Listener
	store           *store.Store
	verifier        *auth.Verifier
	supabase        *supa.Client
	state           *cluster.State
	feed            *feed.Feed
	control         *control.Controller
	hub             *hub.Hub
	watch           *watch.Room
	api             *api.Server
	ready           chan struct{} // closed once the first snapshot is in
	once            sync.Once
}

// New checks the configuration, takes the port and puts the parts together. Nothing talks to Supabase yet: a server starts in any order
// with it. The port is given back by Run, or by Close when Run is never called.
func New(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, state: cluster.New(), ready: make(chan struct{})}
	if err := s.compose(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) compose(ctx context.Context) (err error) {
	cfg := s.cfg
	if s.store, err = store.Open(ctx, store.Config{URL: cfg.DatabaseURL}); err != nil {
		return err
	}
	s.verifier, err = auth.New(context.WithoutCancel(ctx), auth.Config{SupabaseURL: cfg.SupabaseURL, Issuer: cfg.JWTIssuer, Secret: cfg.JWTSecret, Log: cfg.Log})
	if err != nil {
		return err
	}
	if s.supabase, err = supa.New(supa.Config{URL: cfg.SupabaseURL, AnonKey: cfg.AnonKey}); err != nil {
		return err
	}
	if s.feed, err = feed.New(feed.Config{URL: cfg.DatabaseURL, Sink: s.sink, Log: cfg.Log}); err != nil {
		return err
	}
	serverID := newServerID()
	s.control, err = control.New(control.Config{ServerID: serverID, Store: s.store, Cluster: s.state, Log: cfg.Log, LeaseTTL: cfg.LeaseTTL})
	if err != nil {
		return err
	}
	s.hub, err = hub.New(hub.Config{
		ServerID: serverID, Verifier: s.verifier, Store: s.store, Cluster: s.state, Log: cfg.Log,
		Supabase: wire.Supabase{URL: cfg.PublicSupabaseURL, AnonKey: cfg.AnonKey},
	})
	if err != nil {
		return err
	}
	if s.watch, err = watch.New(watch.Config{Store: s.store, Log: cfg.Log}); err != nil {
		return err
	}
	s.metrics = newMetrics(s)
	s.api, err = api.New(api.Config{
		Store: s.store, Verifier: s.verifier, Auth: s.supabase, Objects: s.supabase, Watches: s.watch, Advisor: advisor{control.NewCounsel(s.state, 0), s.state.Node, s.ready}, Ready: s.Ready, Log: cfg.Log, AllowedOrigins: cfg.AllowedOrigins, AgentPage: cfg.AgentPage, Console: cfg.Console,
		Limits:   cfg.Limits,
		Answered: s.metrics.request,
		Sockets:  api.SocketsFunc(func(conn api.SocketConn, remote string) { s.hub.Serve(conn, remote) }),
		Info:     wire.ServerInfo{Version: cfg.Version, SupabaseURL: cfg.PublicSupabaseURL, AnonKey: cfg.AnonKey},
	})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	if s.listener, err = lc.Listen(ctx, "tcp", cfg.Listen); err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	if cfg.MetricsListen != "" {
		if s.metricsListener, err = lc.Listen(ctx, "tcp", cfg.MetricsListen); err != nil {
			return fmt.Errorf("%s: listen on %s: %w", EnvMetrics, cfg.MetricsListen, err)
		}
	}
	return nil
}

// sink takes what the feed shows: first into the picture, then to those who act on it.
func (s *Server) sink(changes core.Changes) {
	delta := s.state.Apply(changes)
	s.hub.Observe(delta)
	s.control.Observe(delta)
	s.watch.Observe(changes)
	if delta.Snapshot {
		s.once.Do(func() { close(s.ready) })
	}
}

// newServerID names this process among its peers, for people and for fencing.
func newServerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "server"
	}
	return host + "-" + uuid.NewString()[:8]
}

// URL is where the server listens.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Synced is closed once the server has its first picture of the cluster.
func (s *Server) Synced() <-chan struct{} { return s.ready }

// Connected is how many agents are registered here.
func (s *Server) Connected() int { return s.hub.Connected() }

// OfferSetup makes the token for the first admin, to be shown once; "" when there is an admin or one is out already.
func (s *Server) OfferSetup(ctx context.Context, renew bool) (string, error) {
	return s.store.OfferSetup(ctx, renew)
}

// Close gives back what New took. It is for servers that are never run; Run does it by itself.
func (s *Server) Close() error {
	var err error
	for _, ln := range []net.Listener{s.listener, s.metricsListener} {
		if ln == nil {
			continue
		}
		if e := ln.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	if s.supabase != nil {
		s.supabase.Close()
	}
	if s.verifier != nil {
		s.verifier.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
	return err
}

// Run serves until ctx ends, then stops in order and returns nil; or it returns why it had to stop before. Once.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 6)
	feeding := s.start(failed, "feed", s.feed.Run)
	reporting := s.start(failed, "hub", s.hub.Run)
	deciding := s.start(failed, "control", s.control.Run)
	telling := s.start(failed, "watch", s.watch.Run)
	serving := s.start(failed, "api", func(context.Context) error { return s.api.Listen(s.listener) })
	measured := s.start(failed, "metrics", func(ctx context.Context) error {
		if s.metricsListener == nil {
			return nil
		}
		return s.metrics.serve(ctx, s.metricsListener, s.cfg.Log)
	})
	s.cfg.Log.Info("serving", "url", s.URL(), "supabase", s.cfg.SupabaseURL)

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.StopTimeout)
	defer cancel()
	s.cfg.Log.Info("stopping")
	err := s.stopIntake(stop)
	serving.stop()
	deciding.stop()
	reporting.stop()
	telling.stop()
	feeding.stop()
	measured.stop()
	return errors.Join(cause, err, s.Close())
}

// stopIntake takes no more requests and sends the agents away; both at once, since each waits for the other's side of a socket.
func (s *Server) stopIntake(ctx context.Context) error {
	var wg sync.WaitGroup
	var hubErr, apiErr error
	wg.Go(func() { hubErr = s.hub.Shutdown(ctx) })
	wg.Go(func() { apiErr = s.api.Shutdown(ctx) })
	wg.Wait()
	return errors.Join(hubErr, apiErr)
}

// part is one running piece of the server.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (p part) stop() { p.cancel(); <-p.done }

// errStopped is why a part's context ends.
var errStopped = errors.New("the server stops")

// start runs fn until its part is stopped; anything that ends before is reported.
func (s *Server) start(failed chan<- error, name string, fn func(context.Context) error) part {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := part{cancel: func() { cancel(errStopped) }, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		err := fn(ctx)
		if ctx.Err() == nil && err != nil {
			failed <- fmt.Errorf("%s: %w", name, err)
		}
	}()
	return p
}

// check is one line of /ready.
type check struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// readiness is what /ready answers with.
type readiness struct {
	Postgres check `json:"postgres"`
	Feed     struct {
		check
		Position string     `json:"position,omitempty"` // pg_lsn
		HeardAt  *time.Time `json:"heardAt,omitempty"`
	} `json:"feed"`
	Lease struct {
		Leading bool  `json:"leading"`
		Epoch   int64 `json:"epoch,omitempty"`
	} `json:"lease"`
	Agents int `json:"agents"`
	Nodes  int `json:"nodes"`
	Pods   int `json:"pods"`
}

// Ready says whether this server can do its work: the database answers and the feed has caught up. Not leading is no fault.
func (s *Server) Ready(ctx context.Context) (bool, any) {
	var r readiness
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := s.store.Ping(ctx)
	r.Postgres.OK = err == nil
	if err != nil {
		r.Postgres.Error = "the database does not answer"
	}
	status := s.feed.Status()
	r.Feed.OK = status.Synced
	if status.Err != nil {
		r.Feed.Error = "not connected; listing again as soon as the database answers"
	}
	if status.Synced {
		r.Feed.Position = fmt.Sprintf("%X/%X", status.Position>>32, uint32(status.Position))
		r.Feed.HeardAt = &status.HeardAt
	}
	if epoch, leads := s.control.Leads(); leads {
		r.Lease.Leading, r.Lease.Epoch = true, epoch.Number
	}
	r.Agents = s.hub.Connected()
	r.Nodes, r.Pods, _ = s.state.Counts()
	return r.Postgres.OK && r.Feed.OK, r
}

func sorted(list []string) []string { slices.Sort(list); return list }
