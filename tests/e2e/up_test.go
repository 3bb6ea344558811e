package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// upWorld is a home for `stark up`. Every process that it starts, and theirs, has a mark in its environment.
type upWorld struct {
	t    *testing.T
	home string
	mark string
}

func newUpWorld(t *testing.T) upWorld {
	t.Helper()
	dir := t.TempDir()
	// Postgres may run as another user, who has to get in.
	for at := dir; strings.HasPrefix(at, os.TempDir()+string(filepath.Separator)); at = filepath.Dir(at) {
		require.NoError(t, os.Chmod(at, 0o711))
	}
	return upWorld{t: t, home: filepath.Join(dir, "home"), mark: "STARK_TEST_MARK=" + filepath.Base(filepath.Dir(dir)) + filepath.Base(dir)}
}

func (u upWorld) up(args ...string) *process {
	u.t.Helper()
	env := []string{"STARK_HOME=" + u.home, u.mark}
	return launch(u.t, "up", env, binary, append([]string{"up", "--port", "0", "--api-port", "0", "--db-port", "0", "--node-name", "here"}, args...)...)
}

// marked lists the processes that carry the mark.
func (u upWorld) marked() []string {
	u.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(u.t, err)
	found := []string{}
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(env), u.mark) {
			continue // ended meanwhile, or not ours to see
		}
		if cmdline, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline")); err == nil && len(cmdline) > 0 {
			found = append(found, strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

func (u upWorld) nothingIsLeft() {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return len(u.marked()) == 0 }, patience, 50*1e6, "processes are left: %v", u.marked())
}

func TestUpKeepsItsStateAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	u := newUpWorld(t)
	first := u.up()
	banner := first.says("Ctrl-C stops everything")
	require.Len(t, u.marked(), 3+postgresHelpers(u), "this program, Postgres and the agent: %v", u.marked())
	password := field(t, banner, "Password")
	server := field(t, banner, "Server")
	cli := func(server, in string, args ...string) *process {
		p := launch(t, "cli", []string{"STARK_SERVER=" + server, "STARK_CONFIG=" + filepath.Join(u.home, "cli.json")}, "/bin/sh",
			append([]string{"-c", `printf '%s\n' "$0" | exec "$@"`, in, binary}, args...)...)
		<-p.exited
		require.NoError(t, p.err, "%s", p.out)
		return p
	}
	cli(server, password, "login", "--email", "dev@stark.local", "--password-stdin")
	cli(server, "", "pack", "push", "../../docs/examples/hello")
	require.Contains(t, cli(server, "", "pod", "run", "hello", "-f", "--", "Ada").out.String(), "Hello, Ada!")
	first.stop()
	require.NoError(t, first.err, "Ctrl-C is an orderly end:\n%s", first.out)
	u.nothingIsLeft()

	second := u.up()
	banner = second.says("Ctrl-C stops everything")
	require.Equal(t, password, field(t, banner, "Password"))
	server = field(t, banner, "Server")
	cli(server, password, "login", "--server", server, "--email", "dev@stark.local", "--password-stdin")
	require.Contains(t, cli(server, "", "pack", "list").out.String(), "hello")
	second.stop()
	require.NoError(t, second.err)
	u.nothingIsLeft()
}

// postgresHelpers are the processes of Postgres besides its first.
func postgresHelpers(u upWorld) int {
	n := 0
	for _, line := range u.marked() {
		if strings.HasPrefix(line, "postgres:") {
			n++
		}
	}
	return n
}

func TestUpKilledLeavesNothingBehindAndStartsAgain(t *testing.T) {
	t.Parallel()
	u := newUpWorld(t)
	first := u.up()
	first.says("Ctrl-C stops everything")
	first.kill()
	u.nothingIsLeft()
	second := u.up("--", "/bin/sh", "-c", `"$STARK_BIN" version --client`)
	<-second.exited
	require.NoError(t, second.err, "%s", second.out)
	u.nothingIsLeft()
}

func TestUpRunsACommandAndEndsWithItsCode(t *testing.T) {
	t.Parallel()
	u := newUpWorld(t)
	p := u.up("--ephemeral", "--", "/bin/sh", "-c", `test -n "$SUPABASE_URL" && echo "on $STARK_SERVER" && exit 7`)
	<-p.exited
	require.Equal(t, 7, p.cmd.ProcessState.ExitCode(), "%s", p.out)
	require.Contains(t, p.out.String(), "on http://127.0.0.1:")
	u.nothingIsLeft()
	require.NoDirExists(t, u.home, "ephemeral keeps nothing")
}

func TestUpSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	taken := freePort(t)
	srv := &http.Server{Addr: taken} //nolint:gosec // it serves nobody
	listening := launchListener(t, srv)
	<-listening
	port := taken[strings.LastIndexByte(taken, ':')+1:]
	for flag, hint := range map[string]string{"--api-port": "--api-port", "--port": "--port"} {
		u := newUpWorld(t)
		args := []string{"up", "--ephemeral", "--no-agent", "--port", "0", "--api-port", "0", "--db-port", "0", flag, port}
		p := launch(t, "up", []string{"STARK_HOME=" + u.home, u.mark}, binary, args...)
		<-p.exited
		require.Equal(t, 1, p.cmd.ProcessState.ExitCode())
		require.Contains(t, p.out.String(), port)
		require.Contains(t, p.out.String(), hint)
		u.nothingIsLeft()
	}
	u := newUpWorld(t)
	p := u.up("--node", "/nowhere/node")
	<-p.exited
	require.Contains(t, p.out.String(), "no usable Node.js")
}

// field is a value of the banner.
func field(t *testing.T, banner, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^  ` + name + ` +(\S+)$`).FindStringSubmatch(banner)
	require.NotNil(t, m, "no %s in\n%s", name, banner)
	return m[1]
}
