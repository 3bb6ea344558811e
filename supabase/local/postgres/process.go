package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// life is one postmaster, from its start to its end.
type life struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	err    error         // how it ended; read it after exited
}

func (l *life) pid() int { return l.cmd.Process.Pid }

// launch starts a postmaster on the server's port. It does not wait until it takes connections.
func (s *Server) launch() (*life, error) {
	logfile, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%w: open the log: %w", ErrDir, err)
	}
	cmd := s.command(context.Background(), "postgres", "-D", s.data, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	cmd.Stdout, cmd.Stderr = logfile, logfile
	dieWithParent(cmd)
	l := &life{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal belongs to the thread that forks, so this one must last as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = logfile.Close() // the child has its own descriptor
		started <- err
		if err == nil {
			l.err = cmd.Wait()
			close(l.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return l, nil
}

// command prepares one of PostgreSQL's programs to run as the server's user, untouched by PG* variables of our own environment.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.bin.path(name), args...)
	cmd.Dir = s.dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PG") && !strings.HasPrefix(kv, "LC_") && !strings.HasPrefix(kv, "LANG") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	prepare(cmd, s.id)
	return cmd
}

// terminate asks the postmaster to end, with increasing force, and returns when it has. A cancelled ctx skips the patience, not the asking.
func (s *Server) terminate(ctx context.Context, l *life) error {
	for _, step := range shutdownSteps {
		if err := l.cmd.Process.Signal(step.how); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal postgres (process %d): %w", l.pid(), err)
		}
		wait, cancel := context.WithTimeout(ctx, step.patience)
		select {
		case <-l.exited:
			cancel()
			return nil
		case <-wait.Done():
			cancel()
			s.cfg.Log.Warn("postgres does not end; pressing on", "pid", l.pid(), "signal", step.how.String())
		}
	}
	<-l.exited // after SIGKILL it is only the kernel's to do
	return nil
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "postgres.log") }

const maxLog = 16 << 20

// trimLog starts a new log when the old one has grown large, and keeps that one.
func (s *Server) trimLog() error {
	info, err := os.Stat(s.logPath())
	if err != nil || info.Size() < maxLog {
		return nil // none yet, or small
	}
	return os.Rename(s.logPath(), s.logPath()+".1")
}

// lastWords returns the end of the server's log, for an error message.
func (s *Server) lastWords() string {
	f, err := os.Open(s.logPath())
	if err != nil {
		return "no log: " + err.Error()
	}
	defer func() { _ = f.Close() }() // only read
	const tail = 2 << 10
	if info, err := f.Stat(); err == nil && info.Size() > tail {
		if _, err := f.Seek(-tail, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
