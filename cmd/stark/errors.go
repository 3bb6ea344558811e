package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/scaffold"
	"github.com/stark-o/stark/cmd/stark/internal/session"
)

// The exit codes; root's help documents them.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	// exitChanges is not an error: diff and plan have found that something would change.
	exitChanges = 2
)

// annotationChanges marks the commands for which 2 means exitChanges; there, a wrong command line is 1.
const annotationChanges = "changes"

// usageError is a command line that makes no sense.
type usageError struct {
	command string
	code    int
	cause   error
}

func (e *usageError) Error() string { return e.cause.Error() }

// Unwrap gives what is wrong.
func (e *usageError) Unwrap() error { return e.cause }

func usage(cmd *cobra.Command, format string, args ...any) error {
	code := exitUsage
	if _, changes := cmd.Annotations[annotationChanges]; changes {
		code = exitError
	}
	return &usageError{command: cmd.CommandPath(), code: code, cause: fmt.Errorf(format, args...)}
}

// hintedError is an error with what to do next.
type hintedError struct {
	cause error
	hint  string
}

func (e *hintedError) Error() string { return e.cause.Error() }

// Unwrap gives the error without the hint.
func (e *hintedError) Unwrap() error { return e.cause }

func hinted(hint, format string, args ...any) error {
	return &hintedError{cause: fmt.Errorf(format, args...), hint: hint}
}

// statusError ends with the exit code of something that was run; whatever there was to say, it has said.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("ended with code %d", e.code) }

// failures are errors of several things that were asked for at once.
type failures []error

func (f failures) Error() string { return errors.Join(f...).Error() }

// Unwrap gives each of them.
func (f failures) Unwrap() []error { return f }

// each does something with all that refs name, also after a failure, and returns the failures. It ends early with the context.
func each(ctx context.Context, refs []string, do func(ref string) error) error {
	var failed failures
	for _, ref := range refs {
		if err := do(ref); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// report writes the error that a command ended with to standard error and returns the exit code.
func (c *cli) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	var stopped *signalError
	if errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &stopped) {
		return stopped.exitCode() // whoever sent the signal knows
	}
	var status *statusError
	if errors.As(err, &status) {
		return status.code
	}
	var several failures
	if errors.As(err, &several) {
		for _, e := range several {
			c.explain(e)
		}
		return exitError
	}
	c.explain(err)
	var wrong *usageError
	if errors.As(err, &wrong) {
		return wrong.code
	}
	return exitError
}

// explain writes one error, and what to do about it.
func (c *cli) explain(err error) {
	c.note("error: %s", face(err))
	if hint := hintFor(err); hint != "" {
		c.note("hint: %s", strings.ReplaceAll(hint, "\n", "\n      "))
	}
	var answer *client.Error
	if errors.As(err, &answer) && answer.Status >= 500 && answer.CorrelationID != "" {
		c.note("correlation id: %s", answer.CorrelationID)
	}
}

// face is what a person is told. What Supabase refused is a core.Error, whose text is for logs: its public message stands in for that.
func face(err error) string {
	var refused *core.Error
	if !errors.As(err, &refused) || refused.Message == "" {
		return err.Error()
	}
	message := refused.Message
	if refused.Field != "" {
		message = refused.Field + ": " + message
	}
	return strings.Replace(err.Error(), refused.Error(), message, 1)
}

// hintFor is the next step for who sees the error, or "".
func hintFor(err error) string {
	var (
		wrong       *usageError
		own         *hintedError
		manifest    *bundle.ManifestError
		taken       *scaffold.ExistsError
		builtin     *bundle.BuiltinError
		answer      *client.Error
		refused     *core.Error
		unreachable *client.UnreachableError
		foreign     *client.ForeignError
	)
	switch {
	case errors.As(err, &wrong):
		return "see `" + wrong.command + " --help`"
	case errors.As(err, &own):
		return own.hint
	case errors.As(err, &manifest):
		return manifest.Hint
	case errors.As(err, &taken):
		return "choose another folder, or move them away first"
	case errors.As(err, &builtin):
		return `if it is for Node.js only, set "stark": {"runtime": "node"} in package.json or pass --runtime node`
	case errors.Is(err, config.ErrNoContext):
		return "log in first: `stark login`"
	case errors.Is(err, session.ErrExpired):
		return "log in again: `stark login`"
	case errors.As(err, &answer):
		return hintForProblem(answer.Code, answer.Hint)
	case errors.As(err, &refused): // by Supabase itself
		return hintForProblem(refused.Code, refused.Hint)
	case errors.As(err, &unreachable):
		return "is it running? start one with `stark up`, or log in to another with `stark login --server URL`"
	case errors.As(err, &foreign):
		return "check the URL; log in to another server with `stark login --server URL`"
	}
	return ""
}

func hintForProblem(code core.Code, hint string) string {
	switch {
	case hint != "":
		return hint
	case code == core.CodeUnauthenticated:
		return "log in again: `stark login`"
	case code == core.CodeForbidden:
		return "`stark whoami` shows the role you have"
	case code == core.CodeRateLimited, code == core.CodeUnavailable:
		return "try again in a moment"
	}
	return ""
}
