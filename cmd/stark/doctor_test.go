package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/doctor"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	s.env["STARK_HOME"] = t.TempDir()
	require.Equal(t, exitError, s.run("doctor"), "the fake has no /health")
	require.Regexp(t, `(?m)^STATUS +CHECK +FINDING\nfail +server +what answers is not a Stark server`, s.out)
	require.Regexp(t, `(?m)^ok +login +dev@stark\.local is developer$`, s.out)
	require.Contains(t, s.err, "server: correct the URL")
	require.NotContains(t, s.err, "error:", "what it found is all that there is to say")

	require.Equal(t, exitError, s.run("doctor", "-o", "json"))
	var findings []doctor.Finding
	require.NoError(t, json.Unmarshal([]byte(s.out), &findings))
	require.Equal(t, "server_foreign", findings[0].Problem)

	fresh := f.terminal()
	fresh.env["STARK_HOME"] = t.TempDir()
	delete(fresh.env, "STARK_SERVER")
	require.Contains(t, fresh.must("doctor"), "you are not logged in", "what is not known is not wrong")
	require.NoFileExists(t, fresh.env["STARK_CONFIG"])
}
