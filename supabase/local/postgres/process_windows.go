//go:build windows

package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// shutdownSteps: Windows has no signals to ask Postgres with from here; ending the process makes it recover at the next start.
var shutdownSteps = []struct {
	how      syscall.Signal
	patience time.Duration
}{{syscall.SIGKILL, 10 * time.Second}}

func prepare(cmd *exec.Cmd, _ identity) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

func signalPID(pid int, _ syscall.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil // it is gone
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func isPostmaster(ctx context.Context, pid int, _ string) bool {
	out, err := exec.CommandContext(ctx, "tasklist", "/FI", "PID eq "+strconv.Itoa(pid), "/NH").Output()
	return err == nil && strings.Contains(string(out), "postgres")
}

func children(context.Context, int) ([]int, error) { return nil, nil } // they end by themselves when the postmaster is gone
