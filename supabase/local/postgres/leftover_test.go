//go:build unix

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// helperDir, when set, makes this test binary a program that runs a server there until its standard input ends.
const helperDir = "STARK_POSTGRES_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Config{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.PID())
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Println("stop:", s.Stop(context.Background()))
}

// TestKilledOwner is kill -9 of the process that runs the server: the next start finds the data whole and nobody in the way.
func TestKilledOwner(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	stdin, err := cmd.StdinPipe() // held open: the helper ends by being killed
	require.NoError(t, err)
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	require.ErrorIs(t, Held(dir), ErrLocked)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	if runtime.GOOS == "linux" {
		require.True(t, waitGone(t.Context(), pid, filepath.Join(dir, "postgres", "data"), 20*time.Second), "it dies with its parent")
	}

	s := start(t, Config{Dir: dir})
	require.NotEqual(t, pid, s.PID())
	requireGone(t, pid, s.data)
	require.Equal(t, 1, value[int](t, s, "select count(*)::int from stark_local.bootstrap"))
}

// TestOrphanIsStopped starts a postmaster that nobody supervises, as on systems where none dies with its parent.
func TestOrphanIsStopped(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := start(t, Config{Dir: dir})
	require.NoError(t, first.Stop(t.Context()))
	orphan, err := first.launch()
	require.NoError(t, err)
	require.NoError(t, first.waitReady(t.Context(), orphan))

	second := start(t, Config{Dir: dir, Port: first.Port()})
	<-orphan.exited
	require.Equal(t, first.Port(), second.Port(), "the orphan's port is free again")
	require.Equal(t, 1, value[int](t, second, "select 1"))
}

// TestStalePIDFile names a process that is alive and no Postgres: this one.
func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := start(t, Config{Dir: dir})
	require.NoError(t, first.Stop(t.Context()))
	for _, text := range []string{strconv.Itoa(os.Getpid()) + "\n" + first.data + "\n", "garbage"} {
		require.NoError(t, os.WriteFile(filepath.Join(first.data, "postmaster.pid"), []byte(text), 0o600))
		s := start(t, Config{Dir: dir})
		require.Equal(t, 1, value[int](t, s, "select 1"))
		require.NoError(t, s.Stop(t.Context()))
	}
}
