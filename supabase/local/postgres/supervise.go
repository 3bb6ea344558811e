package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	maxFailures  = 12 // in a row, without ever taking connections
)

// supervise owns the postmaster for as long as the server lives: it alone starts and ends one.
func (s *Server) supervise(l *life) {
	var err error
	for l != nil {
		select {
		case <-s.stopping:
			s.setDown(l)
			err = s.terminate(s.stopContext(), l)
			l = nil
		case reply := <-s.restarts:
			s.setDown(l)
			if err = s.terminate(context.Background(), l); err == nil {
				l, err = s.revive()
			}
			reply <- err
		case <-l.exited:
			s.setDown(l)
			s.cfg.Log.Warn("postgres ended unexpectedly; restarting it", "how", l.err, "port", s.port)
			l, err = s.revive()
		}
	}
	err = errors.Join(err, s.release())
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	close(s.done)
}

// revive starts a postmaster again, and again. It returns nil and no error when the server is being stopped, and an error when it gives up.
func (s *Server) revive() (*life, error) {
	backoff := firstBackoff
	for failures := 1; ; failures++ {
		l, err := s.launch()
		if err == nil {
			ctx, cancel := s.untilStopped()
			err = s.waitReady(ctx, l)
			cancel()
			if err == nil {
				s.setUp(l)
				return l, nil
			}
			err = errors.Join(err, s.terminate(s.stopContext(), l))
		}
		if failures >= s.cfg.MaxRestarts {
			return nil, fmt.Errorf("postgres does not come up again: %w", err)
		}
		s.cfg.Log.Warn("postgres does not come up; trying again", "error", err, "in", backoff)
		pause := time.NewTimer(backoff)
		select {
		case <-s.stopping:
			pause.Stop()
			return nil, nil
		case <-pause.C:
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// waitReady returns when connections are taken. A postmaster that ends meanwhile is an error with the end of its log.
func (s *Server) waitReady(ctx context.Context, l *life) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgconn.Connect(ctx, s.URL(superuser, "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-l.exited:
			return fmt.Errorf("postgres ended while starting (%w); its log %s ends with:\n%s", exitError(l), s.logPath(), s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("postgres takes no connections: %w (%w); its log is %s", context.Cause(ctx), err, s.logPath())
		case <-tick.C:
		}
	}
}

func exitError(l *life) error {
	if l.err == nil {
		return errors.New("exit status 0")
	}
	return l.err
}

// Stop ends the server and returns when its process is gone: fast shutdown first, then by force once ctx is done or patience is over.
// Calling it again waits for the same end.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.stopCtx == nil {
		s.stopCtx = ctx
		close(s.stopping)
	}
	s.mu.Unlock()
	<-s.done
	return s.Err()
}

// Restart stops the postmaster and starts it again on the same port; it returns when connections are taken.
func (s *Server) Restart(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case s.restarts <- reply:
	case <-s.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Ready waits until connections are taken, for example after Kill.
func (s *Server) Ready(ctx context.Context) error {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-s.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Kill ends the postmaster and its backends with SIGKILL, as a crash would, and returns when the postmaster is gone. The server then comes
// back by itself; wait for that with Ready.
func (s *Server) Kill() error {
	s.mu.Lock()
	l := s.current
	s.mu.Unlock()
	if l == nil {
		return nil // it is down already
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	backends, err := children(ctx, l.pid())
	if err != nil {
		return fmt.Errorf("list the backends of postgres: %w", err)
	}
	if err := l.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill postgres: %w", err)
	}
	for _, pid := range backends {
		if err := signalPID(pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill a backend of postgres: %w", err)
		}
	}
	<-l.exited
	s.setDown(l) // now, not when the supervisor comes to it: Ready must wait for the next one
	return nil
}

// PID is the postmaster's process id; 0 while there is none.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return 0
	}
	return s.current.pid()
}

func (s *Server) setUp(l *life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = l
	close(s.ready)
}

// setDown notes that l takes no connections any more, unless another has taken its place already.
func (s *Server) setDown(l *life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == l {
		s.current = nil
		s.ready = make(chan struct{})
	}
}

// stopContext is Stop's context once it was called, and an endless one before.
func (s *Server) stopContext() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopCtx == nil {
		return context.Background()
	}
	return s.stopCtx
}

// untilStopped is a context that ends with Stop.
func (s *Server) untilStopped() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := make(chan struct{})
	go func() {
		select {
		case <-s.stopping:
			cancel(ErrStopped)
		case <-stop:
		}
	}()
	return ctx, func() { close(stop); cancel(nil) }
}
