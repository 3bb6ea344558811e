//go:build unix

package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shutdownSteps are Postgres's three ways to end, and how long each gets: fast (roll back and write out), immediate (recover at the next
// start), and the kernel's.
var shutdownSteps = []struct {
	how      syscall.Signal
	patience time.Duration
}{
	{syscall.SIGINT, 15 * time.Second},
	{syscall.SIGQUIT, 5 * time.Second},
	{syscall.SIGKILL, 5 * time.Second},
}

// prepare makes cmd run as the identity and in a process group of its own, so that a terminal's Ctrl-C reaches us first.
func prepare(cmd *exec.Cmd, id identity) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: id.credential()}
}

func signalPID(pid int, how syscall.Signal) error {
	err := syscall.Kill(pid, how)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// isPostmaster says whether pid is alive and is the postmaster of this data directory: a postmaster's working directory is its data.
func isPostmaster(ctx context.Context, pid int, data string) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	if cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd"); err == nil {
		home, err := filepath.EvalSymlinks(data)
		return err == nil && cwd == home
	}
	out, err := exec.CommandContext(ctx, "ps", "-p", strconv.Itoa(pid), "-o", "stat=,command=").Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z") && strings.Contains(string(out), data)
}
