package agentproc

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is a stand-in for Node.js: a shell script.
func program(t *testing.T, body string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Fatal("these tests need a shell")
	}
	path := filepath.Join(t.TempDir(), "node")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700))
	return path
}

func TestFindNode(t *testing.T) {
	t.Parallel()
	real, err := FindNode(t.Context(), "")
	require.NoError(t, err)
	require.Regexp(t, `^v\d+\.\d+\.\d+$`, real.Version)
	for name, c := range map[string]struct{ path, want string }{
		"missing":     {"/nowhere/node", "/nowhere/node --version"},
		"old":         {program(t, "echo v18.20.0"), "is v18.20.0, and 20 or newer is needed"},
		"not node":    {program(t, "echo hello"), "does not say a version"},
		"ends badly":  {program(t, "exit 3"), "exit status 3"},
		"a newer one": {program(t, "echo v24.1.0"), ""},
	} {
		node, err := FindNode(t.Context(), c.path)
		if c.want == "" {
			require.NoError(t, err, name)
			require.Equal(t, "v24.1.0", node.Version)
			continue
		}
		require.ErrorIs(t, err, ErrNoNode, name)
		require.ErrorContains(t, err, c.want, name)
	}
}

// lives runs an agent whose program is body and returns how it ended; told is called once it is there.
func lives(t *testing.T, body string, patience time.Duration, told func(cancel func(), pid int)) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	err := Run(ctx, Config{
		Node: Node{Path: program(t, body)}, Home: t.TempDir(), Out: &out, Patience: patience, Env: map[string]string{"STARK_NODE_NAME": "here"},
	}, func(pid int) {
		if told != nil {
			told(cancel, pid)
		}
	})
	return out.String(), err
}

func TestAgentThatEndsByItself(t *testing.T) {
	t.Parallel()
	out, err := lives(t, `echo "$STARK_NODE_NAME $STARK_AGENT_PARENT"; test -s "$1"`, 0, nil)
	require.NoError(t, err, "its program is there: %s", out)
	require.Equal(t, "here stdin\n", out)
	for code, final := range map[string]bool{"1": true, "2": true, "3": false, "137": false} {
		_, err := lives(t, "exit "+code, 0, nil)
		var exit *ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, final, exit.Final(), code)
	}
}

func TestAgentIsAskedToStop(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	stopWhenReady := func(cancel func(), _ int) {
		go func() {
			for {
				if _, err := os.Stat(ready); err == nil {
					cancel()
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	out, err := lives(t, `trap 'echo bye; exit 0' TERM; touch `+ready+`; while :; do sleep 0.01; done`, time.Minute, stopWhenReady)
	require.NoError(t, err)
	require.Equal(t, "bye\n", out)

	require.NoError(t, os.Remove(ready))
	_, err = lives(t, `trap '' TERM; touch `+ready+`; while :; do sleep 0.01; done`, 50*time.Millisecond, stopWhenReady)
	require.ErrorContains(t, err, "did not end within 50ms and was killed")
}

func TestProgramIsWrittenOnce(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	path, err := writeScript(home)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("damaged"), 0o600))
	again, err := writeScript(home)
	require.NoError(t, err)
	require.Equal(t, path, again)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Greater(t, len(text), 10_000, "a damaged program is replaced")
}

func TestCredentialsAreForTheirOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "credentials.json")
	require.NoError(t, Credentials{SupabaseURL: "http://127.0.0.1:54321", AnonKey: "k", RefreshToken: "r"}.Write(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, `{"supabaseUrl":"http://127.0.0.1:54321","anonKey":"k","refreshToken":"r"}`, string(text))
}
