package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestContexts(t *testing.T) {
	t.Parallel()
	home, away := newFake(t), newFake(t)
	s := home.loggedIn()
	delete(s.env, "STARK_SERVER")

	s.in = password + "\n"
	require.Contains(t, s.must("login", "--context", "away", "--server", away.url, "--email", email, "--password-stdin"), ", context away")
	s.in = ""
	require.Equal(t, "away\n", s.must("context", "current"), "a login is in use at once")
	require.Regexp(t, `(?m)^CURRENT +NAME +SERVER +USER +LOGIN\n\* +away +\S+ +dev@stark\.local +renewed by itself\n +default +`, s.must("context", "list"))
	listed := s.must("context", "list", "-o", "json")
	for _, secret := range []string{home.valid, home.refresh, away.valid, away.refresh} {
		require.NotContains(t, listed, secret)
	}

	s.must("pod", "list")
	require.Len(t, away.queries, 1)
	s.must("pod", "list", "--context", "default")
	require.Len(t, home.queries, 1)
	require.Equal(t, "context default is in use: "+home.url+" as dev@stark.local\n", s.must("context", "use", "default"))
	s.must("pod", "list")
	require.Len(t, home.queries, 2)

	s.env["STARK_SERVER"] = away.url
	s.must("pod", "list")
	require.Len(t, away.queries, 2, "STARK_SERVER goes before the one in use")
	s.must("pod", "list", "--context", "default")
	require.Len(t, home.queries, 3, "and --context before STARK_SERVER")
	delete(s.env, "STARK_SERVER")

	require.Equal(t, "context default is home now\n", s.must("context", "rename", "default", "home"))
	require.Equal(t, "home\n", s.must("context", "current"))
	require.Equal(t, exitError, s.run("context", "rename", "home", "away"))
	require.Equal(t, exitError, s.run("context", "use", "nowhere"))
	require.Equal(t, "error: there is no context \"nowhere\"\nhint: there are away, home; `stark login --context nowhere` makes it\n", s.err)
	require.Equal(t, exitError, s.run("pod", "list", "--context", "nowhere"))

	s.must("logout", "--context", "away")
	require.Empty(t, away.valid, "the login has ended at its own server")
	require.NotEmpty(t, home.valid)
	require.Equal(t, "home\n", s.must("context", "current"))
	s.must("context", "delete", "home")
	require.Equal(t, exitError, s.run("pod", "list"))
	require.Contains(t, s.err, "not logged in")
}

func TestOneContextIsRefreshedAndNoOther(t *testing.T) {
	t.Parallel()
	home, away := newFake(t), newFake(t)
	s := home.loggedIn()
	s.in = password + "\n"
	s.must("login", "--server", away.url, "--email", email, "--password-stdin")
	s.in = ""
	home.mu.Lock()
	home.valid = "revoked"
	home.mu.Unlock()
	s.env["STARK_SERVER"] = home.url
	s.must("whoami")
	s.must("whoami")
	require.Equal(t, 2, home.logins, "the new pair was kept under its own name")
	delete(s.env, "STARK_SERVER")
	s.must("whoami")
	require.Equal(t, 1, away.logins)
}

func TestNoContextInUse(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	delete(s.env, "STARK_SERVER")
	s.in = password + "\n"
	s.must("login", "--context", "other", "--server", f.url, "--email", email, "--password-stdin")
	s.in = ""
	s.must("context", "delete", "other")
	require.Equal(t, exitError, s.run("whoami"))
	require.Equal(t, "error: no context is in use\nhint: choose one with `stark context use NAME`: default\n", s.err)

	s.env["STARK_TOKEN"] = f.valid
	require.Equal(t, exitError, s.run("whoami", "--context", "default"))
	require.Contains(t, s.err, "unset STARK_TOKEN")
}
