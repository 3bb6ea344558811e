package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// prompter asks the person at the terminal.
type prompter interface {
	// Possible says whether there is one.
	Possible() bool
	Line(ctx context.Context, label string) (string, error)
	// Secret reads without showing.
	Secret(ctx context.Context, label string) (string, error)
}

type terminalPrompter struct {
	in  io.Reader
	out io.Writer
}

// Possible says whether standard input is a terminal.
func (p terminalPrompter) Possible() bool { return output.IsTerminal(p.in) }

// Line reads one line.
func (p terminalPrompter) Line(ctx context.Context, label string) (string, error) {
	return p.wait(ctx, label, func() {}, func() (string, error) {
		line, err := bufio.NewReader(p.in).ReadString('\n') // a terminal gives a line at a time, so nothing is lost in the buffer
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return "", err
		}
		return strings.TrimSpace(line), nil
	})
}

// Secret reads one line with the echo off.
func (p terminalPrompter) Secret(ctx context.Context, label string) (string, error) {
	f, ok := p.in.(*os.File)
	if !ok {
		return "", errors.New("standard input is not a terminal")
	}
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the terminal's state: %w", err)
	}
	secret, err := p.wait(ctx, label, func() { silence(ctx, fd, *before) }, func() (string, error) {
		raw, err := term.ReadPassword(fd)
		return string(raw), err
	})
	fmt.Fprintln(p.out)   // the line end was not shown either
	if ctx.Err() != nil { // the reader is still at it: give the echo back for it
		return "", errors.Join(err, term.Restore(fd, before))
	}
	return secret, err
}

// silence waits until the terminal is no longer as it was, which means that the reader has turned the echo off. Somebody who types as soon as they
// see the question would else see their secret. A terminal that cannot be asked, or does not change, is not waited for.
func silence(ctx context.Context, fd int, before term.State) {
	for range 200 {
		now, err := term.GetState(fd)
		if err != nil || *now != before || ctx.Err() != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// wait asks once ready has returned. It lets an interrupt end the question although reading a terminal cannot be cancelled: the reader then ends with
// the process.
func (p terminalPrompter) wait(ctx context.Context, label string, ready func(), read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	ready()
	fmt.Fprintf(p.out, "%s: ", label)
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case a := <-got:
		if a.err != nil {
			return "", fmt.Errorf("read from the terminal: %w", a.err)
		}
		return a.text, nil
	}
}
