package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// person answers what they are asked.
type person map[string]string

func (person) Possible() bool { return true }

func (p person) Line(_ context.Context, label string) (string, error) { return p[label], nil }

func (p person) Secret(_ context.Context, label string) (string, error) {
	return p["secret "+label], nil
}

func TestLoginAsksThePerson(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var out, errOut bytes.Buffer
	c := f.terminal().cli(&out, &errOut)
	c.ask = person{"Email": email, "secret Password": password}
	require.Zero(t, c.run(t.Context(), []string{"login"}), errOut.String())
	require.NotContains(t, out.String()+errOut.String(), password)
}

func TestLineIsReadAndCanBeInterrupted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := terminalPrompter{in: strings.NewReader("  dev@stark.local \n"), out: &out}
	got, err := p.Line(t.Context(), "Email")
	require.NoError(t, err)
	require.Equal(t, "dev@stark.local", got)
	require.Equal(t, "Email: ", out.String())

	_, err = p.Line(t.Context(), "Email")
	require.Error(t, err, "the end of the input is no answer")
	require.False(t, p.Possible())
	_, err = p.Secret(t.Context(), "Password")
	require.Error(t, err, "a secret is only read where it can be hidden")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&signalError{signal: 2})
	never := make(chan struct{})
	defer close(never)
	p.in = readerFunc(func([]byte) (int, error) { <-never; return 0, nil })
	_, err = p.Line(ctx, "Email")
	require.ErrorIs(t, err, context.Canceled)
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

func TestPlainTextWarning(t *testing.T) {
	t.Parallel()
	for server, warned := range map[string]bool{
		"http://127.0.0.1:7827": false, "http://localhost:1": false, "http://[::1]:1": false, "https://stark.example.com": false,
		"http://stark.example.com": true, "http://192.168.1.5:7827": true,
	} {
		var notes bytes.Buffer
		newCLI(nil, nil, &notes, nil).warnOfPlainText(server)
		require.Equal(t, warned, strings.Contains(notes.String(), "not encrypted"), server)
	}
}
