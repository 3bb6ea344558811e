package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// keyboard is a person at a pseudo-terminal in which a program runs.
type keyboard struct {
	*process
	pty *os.File
}

// atTerminal runs a program in a terminal of 120 columns, and reads its screen into out.
func atTerminal(t *testing.T, env []string, path string, args ...string) keyboard {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(pty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}))
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)

	p := &process{t: t, name: filepath.Base(path), out: &output{}, exited: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, p.cmd.Start())
	require.NoError(t, tty.Close())
	screen := make(chan struct{})
	go func() {
		defer close(screen)
		buf := make([]byte, 4096)
		for {
			n, err := pty.Read(buf)
			_, _ = p.out.Write(buf[:n]) // memory takes everything
			if err != nil {
				return // EIO: the program has ended
			}
		}
	}()
	go func() { p.err = p.cmd.Wait(); <-screen; close(p.exited) }()
	t.Cleanup(func() {
		select {
		case <-p.exited:
		default:
			p.kill()
		}
		require.NoError(t, pty.Close())
		if t.Failed() {
			t.Logf("--- the screen of %s:\n%s", strings.Join(args, " "), p.out)
		}
	})
	return keyboard{p, pty}
}

func (k keyboard) types(text string) {
	k.t.Helper()
	_, err := k.pty.WriteString(text)
	require.NoError(k.t, err)
}

// ends waits for an orderly end and returns the screen, its line ends as in a file.
func (k keyboard) ends() string {
	k.t.Helper()
	<-k.exited
	require.NoError(k.t, k.err, "%s", k.out)
	return strings.ReplaceAll(k.out.String(), "\r\n", "\n")
}

const (
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// TestAtATerminal is what somebody sees who types: a password that is not shown, colors, a progress bar, Ctrl-C.
func TestAtATerminal(t *testing.T) {
	t.Parallel()
	u := newUpWorld(t)
	stack := u.up("--ephemeral")
	banner := stack.says("Ctrl-C stops everything")
	password := field(t, banner, "Password")
	env := []string{"STARK_SERVER=" + field(t, banner, "Server"), "STARK_CONFIG=" + filepath.Join(t.TempDir(), "cli.json"), "TERM=xterm-256color", "NO_COLOR="}

	login := atTerminal(t, env, binary, "login")
	login.says("Email: ")
	login.types("dev@stark.local\r")
	login.says("Password: ")
	login.types(password + "\r")
	screen := login.ends()
	require.Contains(t, screen, "as dev@stark.local (admin)")
	require.NotContains(t, screen, password)

	interrupted := atTerminal(t, env, binary, "login")
	interrupted.says("Email: ")
	interrupted.types("\x03")
	<-interrupted.exited
	require.Equal(t, 130, interrupted.cmd.ProcessState.ExitCode())

	require.Contains(t, atTerminal(t, env, binary, "get", "nodes").ends(), green+"healthy"+plain)
	require.NotContains(t, atTerminal(t, append(env, "NO_COLOR=1"), binary, "get", "nodes").ends(), "\x1b")
	require.NotContains(t, atTerminal(t, env, binary, "get", "nodes", "-o", "json").ends(), "\x1b")

	push := atTerminal(t, env, binary, "pack", "push", "../../docs/examples/ticker", "--public").ends()
	require.Contains(t, push, "100 %")
	require.Contains(t, push, "pack/ticker@")

	watch := atTerminal(t, env, binary, "get", "pods", "-w")
	watch.says("no pods in namespace")
	atTerminal(t, env, binary, "pod", "run", "ticker", "--name", "tick", "--wait").ends()
	watch.says(green + "running" + plain)
	logs := atTerminal(t, env, binary, "pod", "logs", "tick", "-f")
	logs.says("tick 2")
	logs.types("\x03")
	<-logs.exited
	require.Equal(t, 130, logs.cmd.ProcessState.ExitCode())
	atTerminal(t, env, binary, "delete", "pod", "tick").ends()
	watch.says("pod/tick is gone")
	watch.types("\x03")
	<-watch.exited
	require.Equal(t, 130, watch.cmd.ProcessState.ExitCode())
	stack.stop()
	u.nothingIsLeft()
}
