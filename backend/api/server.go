// Package api is Stark's REST surface and the door of its WebSocket endpoint, on Fiber.
//
// It parses, checks and answers; it decides nothing. Who asks is the verifier's word, what they may do is the database's. One
// resource a file; errors become statuses in one table (errors.go).
package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/wire"
)

const (
	maxBody     = 1 << 20  // bytes of a request's body
	maxHeaders  = 16 << 10 // bytes; an access token with much metadata is a few KiB
	readTimeout = 30 * time.Second
	idleTimeout = 2 * time.Minute
)

// Config is what a server works with. All but the last block is needed.
type Config struct {
	Store    Store
	Verifier Verifier
	Auth     Authenticator
	Objects  Objects
	Sockets  Sockets
	Watches  Watches
	Advisor  Advisor
	// Ready says whether this server can do its work, and the state of what it needs, as JSON.
	Ready func(ctx context.Context) (ok bool, checks any)
	// AgentPage are the files of the page at /agent, which makes a browser tab a node; nil serves none.
	AgentPage fs.FS
	// Console are the files of the web console at /console; nil serves none.
	Console fs.FS
	// Info is told to anybody; its Version is also /health's.
	Info wire.ServerInfo
	Log  *slog.Logger

	// AllowedOrigins are the browser origins, besides our own, that may use the API and the socket: "https://console.example.com", or "*".
	AllowedOrigins []string
	// Limits bound how often somebody may ask; the zero value bounds nothing.
	Limits Limits
	// Answered, when set, hears of each answer. Route is a pattern as it was mounted, "none" where nothing is; there are few of them.
	Answered func(route, method string, status int, took time.Duration)
	// RequestTimeout bounds a request; default 30 s. BundleTimeout bounds one that reads a bundle; default 5 min.
	RequestTimeout, BundleTimeout time.Duration
}

// Server answers HTTP. Make it with New, run it with Listen, end it with Shutdown.
type Server struct {
	cfg         Config
	app         *fiber.App
	ctx         context.Context // of every request; ends when Shutdown stops waiting
	cancel      context.CancelCauseFunc
	origins     map[string]bool
	limits      limits
	sockets     socketRegistry
	streaming   context.Context // of streams; ends when Shutdown begins
	stopStreams context.CancelCauseFunc

	mu      sync.Mutex // guards what follows
	ln      net.Listener
	stopped bool
}

// New checks the configuration and builds the routes.
func New(cfg Config) (*Server, error) {
	if cfg.Store == nil || cfg.Verifier == nil || cfg.Auth == nil || cfg.Objects == nil || cfg.Sockets == nil || cfg.Watches == nil || cfg.Advisor == nil || cfg.Ready == nil || cfg.Log == nil {
		return nil, errors.New("api: Store, Verifier, Auth, Objects, Sockets, Watches, Advisor, Ready and Log are needed")
	}
	origins, err := parseOrigins(cfg.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = 30 * time.Second
	}
	if cfg.BundleTimeout <= 0 {
		cfg.BundleTimeout = 5 * time.Minute
	}
	s := &Server{cfg: cfg, origins: origins, limits: newLimits(cfg.Limits)}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.streaming, s.stopStreams = context.WithCancelCause(s.ctx)
	s.app = fiber.New(fiber.Config{
		AppName:               "stark",
		BodyLimit:             maxBody,
		ReadBufferSize:        maxHeaders,
		ReadTimeout:           readTimeout,
		IdleTimeout:           idleTimeout,
		CaseSensitive:         true,
		Immutable:             true, // strings outlive their handler: in logs, in sessions
		DisableStartupMessage: true,
		ErrorHandler:          s.refuseConnection,
		// Nothing here takes forms; parsing them early would read bodies that nobody asked for.
		DisablePreParseMultipartForm: true,
	})
	keepHijacked(s.app)
	s.app.Server().Handler = s.refuseUnknownMethods(s.app.Handler())
	if err := s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) routes() error {
	s.app.Use(s.observe, s.cors, s.limitAddress)
	s.app.Get("/health", s.health)
	s.app.Get("/ready", s.ready)
	s.app.Get("/ws", s.socket())

	s.app.Post("/auth/login", s.guessing(s.login))
	s.app.Post("/auth/register", s.guessing(s.register))
	s.app.Post("/auth/refresh", s.refresh)
	s.app.Post("/auth/logout", s.as(s.logout))
	s.app.Get("/auth/whoami", s.as(s.whoami))
	s.app.Post("/auth/setup", s.guessing(s.as(s.setup)))

	api := s.app.Group("/api")
	api.Get("/info", s.info)
	s.packRoutes(api.Group("/packs"))
	s.podRoutes(api.Group("/pods"))
	s.nodeRoutes(api.Group("/nodes"))
	s.namespaceRoutes(api.Group("/namespaces"))
	s.deploymentRoutes(api.Group("/deployments"))
	s.priorityClassRoutes(api.Group("/priorityclasses"))
	s.configRoutes(api.Group("/config"))
	api.Get("/events", s.as(s.listEvents))
	s.userRoutes(api.Group("/users"))
	api.Get("/watch", s.as(s.watch))
	api.Post("/plan", s.as(s.plan))
	if err := s.docsRoutes(); err != nil {
		return err
	}
	if err := s.consoleRoutes(); err != nil {
		return err
	}
	return s.agentPageRoutes()
}

// Listen serves until Shutdown, and then returns nil; after Shutdown it serves nothing. It closes ln.
func (s *Server) Listen(ln net.Listener) error {
	s.mu.Lock()
	s.ln = ln
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		return ln.Close()
	}
	if err := s.app.Listener(&lingerListener{ln}); err != nil {
		return fmt.Errorf("api: serve: %w", err)
	}
	return nil
}

// Shutdown takes no new connections and waits for requests and sockets to end. Whoever owns the sockets tells their agents to go, before or
// meanwhile. What is left when ctx ends is cut off, and the error says so. It may come before Listen, and more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	done := s.sockets.close()
	s.stopStreams(errShutdown) // each says goodbye, and then its request is over
	err := s.app.ShutdownWithContext(ctx)
	s.closeListener()
	select {
	case <-done:
	case <-ctx.Done():
		s.sockets.abort()
		err = errors.Join(err, context.Cause(ctx))
	}
	s.cancel(errShutdown)
	if err != nil {
		return fmt.Errorf("api: shutdown: %w", err)
	}
	return nil
}

// closeListener ends a Listen that fasthttp did not know of yet when it was told to stop.
func (s *Server) closeListener() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.ln != nil {
		_ = s.ln.Close() // closed already, as a rule
	}
}

var errShutdown = errors.New("the server has shut down")

// parseOrigins reads the allow-list: scheme://host[:port], as browsers send it, or "*".
func parseOrigins(list []string) (map[string]bool, error) {
	origins := make(map[string]bool, len(list))
	for _, entry := range list {
		u, err := url.Parse(entry)
		if entry != "*" && (err != nil || u.Scheme == "" || u.Host == "" || entry != u.Scheme+"://"+u.Host) {
			return nil, fmt.Errorf(`api: allowed origin %q must be scheme://host[:port] or "*"`, entry)
		}
		origins[strings.ToLower(entry)] = true
	}
	return origins, nil
}
