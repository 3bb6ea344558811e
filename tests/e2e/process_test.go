package e2e

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait; nothing is asserted about how long things take.
const patience = 60 * time.Second

// process is a program that a test has started and owns.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	out    *output
	exited chan struct{}
	err    error // read it after exited
}

// output collects what a process prints and lets a test wait for a line.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}
func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.text.String() }

// launch starts a program in a process group of its own. It is killed when the test ends, if it has not ended before.
func launch(t *testing.T, name string, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, out: &output{}, exited: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild that keeps the pipe open must not keep us.
	p.cmd.WaitDelay = 5 * time.Second
	require.NoError(t, p.cmd.Start())
	go func() { p.err = p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() {
		select {
		case <-p.exited:
		default:
			p.kill()
		}
		if t.Failed() {
			t.Logf("--- %s said:\n%s", name, p.out)
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Kill())
	<-p.exited
}

// stop asks as Ctrl-C does and waits for the end.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.name)
	}
}

// says waits until the process has printed something, and fails when it ends without.
func (p *process) says(text string) string {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		if strings.Contains(p.out.String(), text) {
			return true
		}
		select {
		case <-p.exited:
			p.t.Errorf("%s ended (%v) without saying %q", p.name, p.err, text)
			return true
		default:
			return false
		}
	}, patience, 10*time.Millisecond, "%s does not say %q", p.name, text)
	if p.t.Failed() {
		p.t.FailNow()
	}
	return p.out.String()
}

// launchListener occupies a port until the test ends.
func launchListener(t *testing.T, srv *http.Server) <-chan struct{} {
	t.Helper()
	ln, err := net.Listen("tcp", srv.Addr)
	require.NoError(t, err)
	listening := make(chan struct{})
	go func() {
		close(listening)
		_ = srv.Serve(ln) // ends with the test
	}()
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	return listening
}
