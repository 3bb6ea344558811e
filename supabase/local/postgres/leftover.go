package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clearLeftover ends a postmaster that outlived the process that started it, and removes what a dead one left behind. The caller holds
// the state directory's lock, so a server that runs on this data directory can only be such an orphan.
func (s *Server) clearLeftover(ctx context.Context) error {
	pidfile := filepath.Join(s.data, "postmaster.pid")
	raw, err := os.ReadFile(pidfile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: read %s: %w", ErrDir, pidfile, err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && pid > 0 && isPostmaster(ctx, pid, s.data) {
		s.cfg.Log.Warn("a postgres from an earlier run is still there; stopping it", "pid", pid, "dir", s.data)
		s.cfg.Progress("Stopping a Postgres that an earlier run left behind")
		return s.stopOrphan(ctx, pid)
	}
	// Its process is gone, and the number may be someone else's by now: then Postgres itself would refuse to start.
	if err := os.Remove(pidfile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: remove %s: %w", ErrDir, pidfile, err)
	}
	return nil
}

// stopOrphan asks with increasing force, and returns when the process is gone.
func (s *Server) stopOrphan(ctx context.Context, pid int) error {
	for _, step := range shutdownSteps {
		if err := signalPID(pid, step.how); err != nil {
			return fmt.Errorf("stop the postgres that an earlier run left behind (process %d): %w; stop it by hand", pid, err)
		}
		if waitGone(ctx, pid, s.data, step.patience) {
			return nil
		}
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("stop the postgres that an earlier run left behind (process %d): %w", pid, err)
		}
	}
	return fmt.Errorf("the postgres that an earlier run left behind (process %d) does not end; stop it by hand", pid)
}

// waitGone polls, since a process that is not our child cannot be waited for.
func waitGone(ctx context.Context, pid int, data string, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for isPostmaster(ctx, pid, data) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
