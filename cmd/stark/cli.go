package main

import (
	"cmp"
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

	contextName string // of --context
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
	name    string         // of the context; "" when the token comes from the environment
}

// connect takes the login from $STARK_TOKEN or from the configuration. It talks to nobody yet.
func (c *cli) connect() (*connection, error) {
	server := strings.TrimRight(c.env("STARK_SERVER"), "/")
	if token := c.env("STARK_TOKEN"); token != "" {
		if c.contextName != "" {
			return nil, hinted("unset STARK_TOKEN, or leave --context out", "$STARK_TOKEN is set, which is no login of context %q", c.contextName)
		}
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
	name, err := c.choose(file, server)
	if err != nil {
		return nil, err
	}
	chosen := file.Contexts[name]
	conn, err := c.dial(chosen, session.New(store, name, chosen, session.Auth{}, c.now))
	if err != nil {
		return nil, err
	}
	conn.name = name
	return conn, nil
}

// choose is the name of the context to use: that of --context, else one for $STARK_SERVER, else the one in use. A token is for the server that it
// came from, so there is no mixing.
func (c *cli) choose(file *config.File, server string) (string, error) {
	if c.contextName != "" {
		if _, err := file.Get(c.contextName); err != nil {
			return "", noContext(file, c.contextName)
		}
		return c.contextName, nil
	}
	current, err := file.Current()
	switch {
	case len(file.Contexts) == 0:
		return "", config.ErrNoContext
	case server == "" && err != nil:
		return "", hinted("choose one with `stark context use NAME`: "+strings.Join(file.Names(), ", "), "no context is in use")
	case server == "":
		return file.CurrentContext, nil
	}
	if name := file.At(server); name != "" {
		return name, nil
	}
	return "", hinted("log in there with `stark login`, or unset STARK_SERVER",
		"$STARK_SERVER is %s, but you are logged in to %s", server, cmp.Or(current.Server, strings.Join(file.Names(), ", ")))
}

// noContext says which context is not there.
func noContext(file *config.File, name string) error {
	if len(file.Contexts) == 0 {
		return config.ErrNoContext
	}
	return hinted("there are "+strings.Join(file.Names(), ", ")+"; `stark login --context "+name+"` makes it", "there is no context %q", name)
}

func (c *cli) dial(at config.Context, tokens client.Tokens) (*connection, error) {
	api, err := client.New(client.Config{Server: at.Server, Tokens: tokens, UserAgent: userAgent()})
	if err != nil {
		return nil, err
	}
	return &connection{Client: api, tokens: tokens, context: at}, nil
}

func userAgent() string { return "stark-cli/" + buildVersion() }
