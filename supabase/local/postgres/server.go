package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Config says where a server lives and what it may use.
type Config struct {
	// Dir is the state directory; the server keeps itself in Dir/postgres and locks Dir. Empty with Ephemeral: a temporary one.
	Dir string
	// Port on 127.0.0.1; 0 picks a free one, which is then kept for the server's life.
	Port int
	// Ephemeral trades durability for speed and removes the cluster at Stop.
	Ephemeral bool
	// Log takes what an operator should know; nil discards.
	Log *slog.Logger
	// Progress is told about every step that takes noticeable time; nil discards. It is called from Start's goroutine and from a download's.
	Progress func(string)
	// MaxRestarts is how often in a row a server that died is started again without success before it is given up; default 12, which
	// takes half a minute.
	MaxRestarts int
	// BinariesDir keeps a PostgreSQL that had to be fetched. Empty: Dir/dist, or the user's cache directory for an Ephemeral server.
	BinariesDir string
	// BinaryRepositoryURL is the Maven repository to fetch PostgreSQL from when the machine has none; empty is Maven Central.
	BinaryRepositoryURL string
}

// Server is a running PostgreSQL. It is restarted when it dies; Done is closed when it is stopped or given up.
type Server struct {
	cfg       Config
	dir, data string
	programs  string // holds fetched installations
	temporary bool   // dir's parent is ours to remove
	id        identity
	bin       binaries
	port      int
	lock      *os.File

	stopping chan struct{}
	done     chan struct{}
	restarts chan chan error

	mu      sync.Mutex // guards what follows; held for moments only
	current *life
	ready   chan struct{}   // closed while connections are taken
	stopCtx context.Context //nolint:containedctx // Stop's, for the goroutine that ends the postmaster; set before stopping is closed
	err     error           // set before done is closed
}

// Start brings up a server: programs, cluster, process, bootstrap. It returns when connections are taken and the bootstrap is in place.
// Errors match ErrLocked, ErrPortInUse, ErrNoBinaries or ErrDir where one of these is the reason.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg.withDefaults(), stopping: make(chan struct{}), done: make(chan struct{}), restarts: make(chan chan error), ready: make(chan struct{})}
	l, err := s.bringUp(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start postgres: %w", err), s.release())
	}
	go s.supervise(l)
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.MaxRestarts <= 0 {
		c.MaxRestarts = maxFailures
	}
	return c
}

// bringUp does Start's steps in order; what it took is given back by release.
func (s *Server) bringUp(ctx context.Context) (*life, error) {
	if err := s.prepareDir(); err != nil {
		return nil, err
	}
	if err := s.chooseBinaries(ctx); err != nil {
		return nil, err
	}
	if err := s.clearLeftover(ctx); err != nil {
		return nil, err
	}
	if err := s.prepareCluster(ctx); err != nil {
		return nil, err
	}
	if err := s.choosePort(ctx); err != nil {
		return nil, err
	}
	s.cfg.Progress("Starting PostgreSQL " + strconv.Itoa(s.bin.major))
	l, err := s.launch()
	if err != nil {
		return nil, err
	}
	err = s.waitReady(ctx, l)
	if err == nil {
		err = s.bootstrap(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.terminate(ctx, l))
	}
	s.setUp(l)
	return l, nil
}

// prepareDir makes and locks the state directory and decides which user the server runs as.
func (s *Server) prepareDir() error {
	state := s.cfg.Dir
	switch {
	case state == "" && !s.cfg.Ephemeral:
		return fmt.Errorf("%w: none given", ErrDir)
	case state == "":
		made, err := os.MkdirTemp("", "stark-postgres-")
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDir, err)
		}
		state, s.temporary = made, true
	}
	state, err := filepath.Abs(state)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDir, err)
	}
	s.dir = filepath.Join(state, "postgres")
	s.data = filepath.Join(s.dir, "data")
	if s.programs, err = programsDir(s.cfg, state); err != nil {
		return fmt.Errorf("%w: %w", ErrDir, err)
	}
	if s.id, err = chooseIdentity(); err != nil {
		return err
	}
	if err := s.makeDirs(state); err != nil {
		return err
	}
	if s.lock, err = acquireLock(state); err != nil {
		return err
	}
	return nil
}

// makeDirs creates the directories so that the server's user can reach its own, and checks that it can.
func (s *Server) makeDirs(state string) error {
	_, statErr := os.Stat(state)
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrDir, err)
	}
	if errors.Is(statErr, os.ErrNotExist) || s.temporary {
		// Made by us: entered by all, listed by none.
		if err := os.Chmod(state, 0o711); err != nil {
			return fmt.Errorf("%w: %w", ErrDir, err)
		}
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrDir, err)
	}
	return s.id.reaches(s.dir)
}

// chooseBinaries finds PostgreSQL, of the cluster's own major version if there is a cluster, or fetches it.
func (s *Server) chooseBinaries(ctx context.Context) error {
	major, err := clusterMajor(s.data)
	if err != nil {
		return err
	}
	s.bin, err = findBinaries(ctx, append([]string{filepath.Join(s.programs, "*", "bin")}, places...), major)
	if errors.Is(err, ErrNoBinaries) {
		s.bin, err = s.fetchBinaries(ctx, major)
	}
	return err
}

// prepareCluster makes the data directory if there is none, gives it to the server's user, and writes the configuration.
func (s *Server) prepareCluster(ctx context.Context) error {
	owns, err := s.id.owns(s.dir)
	if err == nil && !owns {
		err = s.id.own(s.dir)
	}
	if err != nil {
		return fmt.Errorf("%w: give it to user %s: %w", ErrDir, s.id.name, err)
	}
	major, err := clusterMajor(s.data)
	if err != nil {
		return err
	}
	if major == 0 {
		if err := s.initCluster(ctx); err != nil {
			return err
		}
	} else if owns, err := s.id.owns(s.data); err != nil || !owns {
		if err := errors.Join(err, s.id.own(s.data)); err != nil {
			return fmt.Errorf("%w: give it to user %s: %w", ErrDir, s.id.name, err)
		}
		if owns, err := s.id.owns(s.data); err != nil || !owns {
			return fmt.Errorf("%w: %s belongs to another user; start as that user or as root, or choose another state directory", ErrDir, s.data)
		}
	}
	if err := s.trimLog(); err != nil {
		return fmt.Errorf("%w: %w", ErrDir, err)
	}
	return s.configure()
}

// choosePort takes the wanted port if it is free, or any free one.
func (s *Server) choosePort(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.cfg.Port)))
	if err != nil {
		if s.cfg.Port != 0 {
			return &PortError{Port: s.cfg.Port}
		}
		return fmt.Errorf("find a free port: %w", err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// release gives back what Start or the server's life took: the temporary cluster and the lock. Errors are worth reporting, not acting on.
func (s *Server) release() error {
	var errs []error
	if s.lock == nil && !s.temporary {
		return nil
	}
	switch {
	case s.temporary:
		errs = append(errs, os.RemoveAll(filepath.Dir(s.dir)))
	case s.cfg.Ephemeral:
		errs = append(errs, os.RemoveAll(s.dir))
	}
	if s.lock != nil {
		errs = append(errs, releaseLock(s.lock))
	}
	return errors.Join(errs...)
}

// URL is a connection string for a role and a database of this server.
func (s *Server) URL(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database,
		RawQuery: "sslmode=disable"}
	return u.String()
}

// Port is where the server listens on 127.0.0.1, also after it was restarted.
func (s *Server) Port() int { return s.port }

// Major is the version of PostgreSQL that runs, for example 15.
func (s *Server) Major() int { return s.bin.major }

// Done is closed when the server was stopped, or given up because it kept failing; Err then tells which.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is nil while the server is kept running and after Stop, and else why it was given up.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// startTimeout bounds how long a server may take to come up, crash recovery included.
const startTimeout = 90 * time.Second
