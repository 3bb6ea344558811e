package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
	"github.com/stark-o/stark/cmd/stark/internal/output"
	"github.com/stark-o/stark/cmd/stark/internal/session"
)

const defaultServer = "http://127.0.0.1:7827"

// cli is what a command knows of the process that it runs in.
type cli struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time
	pace     follow.Pace
	ask      prompter
}

func newCLI(in io.Reader, out, err io.Writer, env func(string) string) *cli {
	return &cli{in: in, out: out, err: err, env: env, now: time.Now, pace: follow.DefaultPace(), ask: terminalPrompter{in: in, out: err}}
}

// note writes a line for the person at the terminal. That is a courtesy: it never fails a command.
func (c *cli) note(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...)
}

// say writes a line of the command's result.
func (c *cli) say(format string, args ...any) error {
	if _, err := fmt.Fprintf(c.out, format+"\n", args...); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (c *cli) printer(format output.Format) output.Printer {
	return output.Printer{W: c.out, Format: format, Color: output.Colorful(c.out, c.env)}
}

func (c *cli) store() (config.Store, error) {
	path, err := config.DefaultPath(c.env("STARK_CONFIG"))
	return config.Store{Path: path}, err
}

// connection is a server and the login there.
type connection struct {
	*client.Client
	tokens  client.Tokens
	context config.Context // SupabaseURL and AnonKey are empty when the token comes from the environment
}

// connect takes the login from $STARK_TOKEN or from the configuration. It talks to nobody yet.
func (c *cli) connect() (*connection, error) {
	server := strings.TrimRight(c.env("STARK_SERVER"), "/")
	if token := c.env("STARK_TOKEN"); token != "" {
		if server == "" {
			server = defaultServer
		}
		return c.dial(config.Context{Server: server}, session.Fixed(token))
	}
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	file, err := store.Load()
	if err != nil {
		return nil, err
	}
	current, err := file.Current()
	if err != nil {
		return nil, err
	}
	if server != "" && server != current.Server {
		// A token is for the server that it came from.
		return nil, hinted("log in there with `stark login`, or unset STARK_SERVER",
			"$STARK_SERVER is %s, but you are logged in to %s", server, current.Server)
	}
	return c.dial(current, session.New(store, current, session.Auth{}, c.now))
}

func (c *cli) dial(at config.Context, tokens client.Tokens) (*connection, error) {
	api, err := client.New(client.Config{Server: at.Server, Tokens: tokens, UserAgent: userAgent()})
	if err != nil {
		return nil, err
	}
	return &connection{Client: api, tokens: tokens, context: at}, nil
}

func userAgent() string { return "stark-cli/" + buildVersion() }
