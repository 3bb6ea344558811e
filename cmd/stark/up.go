package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/app"
	"github.com/stark-o/stark/cmd/stark/internal/agentproc"
	"github.com/stark-o/stark/cmd/stark/internal/devlogin"
	"github.com/stark-o/stark/cmd/stark/internal/logging"
	"github.com/stark-o/stark/functions/agent"
	"github.com/stark-o/stark/functions/console"
	"github.com/stark-o/stark/supabase/local"
)

type upOptions struct {
	dir                   string
	ephemeral             bool
	apiPort, dbPort, port int
	node, nodeName        string
	noAgent, verbose      bool
	command               []string
}

func newUp(c *cli) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up [-- COMMAND [ARG …]]",
		Short: "Start everything on this machine: Supabase stand-in, server and one agent",
		Long: `Start everything on this machine: a stand-in for Supabase (a real PostgreSQL, Auth and Storage), the Stark server and one agent on
this machine's Node.js. It stays in the foreground; Ctrl-C stops all of it. Database, objects, keys and logins are kept for the next time.

With a COMMAND, the command runs against the stack and everything stops when it ends, with its exit code. It finds the stack in its
environment: STARK_SERVER, STARK_EMAIL, STARK_PASSWORD, SUPABASE_URL, SUPABASE_ANON_KEY, SUPABASE_SERVICE_ROLE_KEY, SUPABASE_DB_URL, and this
program itself in STARK_BIN.

The stack is for development: it listens on this machine only, and every database role's password is "postgres".`,
		Example: `  stark up
  stark up --port 8000 --api-port 55321 --db-port 55322
  stark up --ephemeral -- npm test`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n != 0 && len(args) > 0 {
				return usage(cmd, "unexpected argument %q; a command comes after --", args[0])
			}
			o.command = args
			return c.up(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.dir, "dir", "", "state directory (default $STARK_HOME, then the system's place for a program's state)")
	fs.BoolVar(&o.ephemeral, "ephemeral", false, "keep nothing; faster, for tests")
	fs.IntVar(&o.port, "port", 7827, "port of the Stark server; 0 is a free one")
	fs.IntVar(&o.apiPort, "api-port", local.DefaultAPIPort, "port of Supabase's API; 0 is a free one")
	fs.IntVar(&o.dbPort, "db-port", local.DefaultDBPort, "port of Postgres; 0 is a free one")
	fs.StringVar(&o.node, "node", "", "the node program that the agent runs on (default the one on PATH)")
	fs.StringVar(&o.nodeName, "node-name", "", "name of the node (default this machine's)")
	fs.BoolVar(&o.noAgent, "no-agent", false, "start no agent")
	fs.BoolVarP(&o.verbose, "verbose", "v", false, "show what the server and the agent log")
	return cmd
}

// up starts the parts in order and stops them in reverse. Whatever ends first ends the rest.
func (c *cli) up(ctx context.Context, o upOptions) (err error) {
	began := c.now()
	log, err := c.upLog(o)
	if err != nil {
		return err
	}
	var node agentproc.Node
	if !o.noAgent { // before the rest: it should not take half a minute to learn that Node.js is missing
		if node, err = agentproc.FindNode(ctx, o.node); err != nil {
			return err
		}
	}
	home, forget, err := upHome(c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, forget()) }()

	stack, err := c.startStack(ctx, o, home, log)
	if err != nil {
		return err
	}
	defer func() {
		c.note("• Stopping the database")
		err = errors.Join(err, stack.Stop(context.WithoutCancel(ctx)))
	}()
	logins, err := devlogin.Load(home)
	if err != nil {
		return err
	}
	for _, l := range []devlogin.Login{logins.Person, logins.Agent} {
		if _, err := stack.EnsureUser(ctx, l.Email, l.Password, l.Role); err != nil {
			return err
		}
	}
	c.note("• Starting the server")
	server, err := app.New(ctx, app.Config{
		Listen: net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)), DatabaseURL: stack.DatabaseURL(), SupabaseURL: stack.URL(), AnonKey: stack.PublishableKey(),
		JWTIssuer: stack.Issuer(), Version: buildVersion(), Limits: app.DefaultLimits, Log: log, AgentPage: agent.Page, Console: console.Page,
	})
	if err != nil {
		return hinted("stop the other server, or choose another port with --port", "%w", err)
	}
	run := upRun{cli: c, o: o, stack: stack, server: server, logins: logins, node: node, home: home, log: log, began: began}
	return run.run(ctx)
}

func (c *cli) upLog(o upOptions) (*slog.Logger, error) {
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelInfo
	}
	return logging.New(c.err, c.env("STARK_LOG_FORMAT"), c.env("STARK_LOG_LEVEL"), level)
}

// upHome is where logins and the agent live: the state directory, or a temporary one that forget removes.
func upHome(c *cli, o upOptions) (home string, forget func() error, err error) {
	if o.ephemeral {
		if home, err = os.MkdirTemp("", "stark-up-"); err != nil {
			return "", nil, fmt.Errorf("make a temporary directory: %w", err)
		}
		return home, func() error { return os.RemoveAll(home) }, nil
	}
	if home = o.dir; home == "" {
		if home, err = local.DefaultDir(c.env); err != nil {
			return "", nil, err
		}
	}
	if home, err = filepath.Abs(home); err != nil {
		return "", nil, fmt.Errorf("find the state directory: %w", err)
	}
	return home, func() error { return nil }, nil
}

func (c *cli) startStack(ctx context.Context, o upOptions, home string, log *slog.Logger) (*local.Stack, error) {
	cfg := local.Config{
		Ephemeral: o.ephemeral, APIPort: o.apiPort, DBPort: o.dbPort, JWTSecret: c.env("STARK_JWT_SECRET"), Log: log,
		Progress: c.upProgress(),
	}
	if !o.ephemeral {
		cfg.Dir = home
	}
	return local.Start(ctx, cfg)
}

// upProgress says each step; the migrations of a new database are one.
func (c *cli) upProgress() func(string) {
	var once sync.Once
	return func(step string) {
		if !strings.HasPrefix(step, "Applying migration ") {
			c.note("• %s", step)
			return
		}
		once.Do(func() { c.note("• Applying Stark's migrations") })
	}
}

// waitTimeout bounds how long a part of the stack may take to be ready.
const waitTimeout = 60 * time.Second
