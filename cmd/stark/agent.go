package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/agentproc"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/supabase/local"
)

type agentOptions struct {
	server, name, home, node, credentials string
	email                                 string
	passwordFromIn                        bool
	labels, taints                        []string
	cpu, memory, isolation                string
	pods                                  int
}

func newAgent(c *cli) *cobra.Command {
	var o agentOptions
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Offer this machine's Node.js as a node",
		Long: `Offer this machine's Node.js as a node: pods that are placed on it run here, each in a worker of its own.

The agent needs a login of its own. It asks for one the first time and keeps it (readable by you only) in its folder; or give it a file with
--credentials. A node of a developer is private: only their own pods come to it. Accounts of role node, operator and admin share theirs.

A pod is a thread of the agent unless you say --isolation process: threads start faster and take less, but they are no security boundary, and a
pack that allocates far beyond its memory at once can end the agent and with it every pod here. Take processes for packs that you do not trust.`,
		Example: `  stark agent
  stark agent --server https://stark.example.com --name build-1 --label zone=eu --taint dedicated=ci:NoSchedule
  stark agent --email agent@example.com --password-stdin < password.txt`,
		Args: between(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.agent(cmd, o) },
	}
	fs := cmd.Flags()
	fs.StringVar(&o.server, "server", "", "URL of the server (default $STARK_SERVER, then the one you are logged in to, then "+defaultServer+")")
	fs.StringVar(&o.name, "name", "", "name of the node (default this machine's)")
	fs.StringVar(&o.home, "home", "", "the agent's folder (default under $STARK_HOME)")
	fs.StringVar(&o.node, "node", "", "the node program to run on (default the one on PATH)")
	fs.StringVar(&o.credentials, "credentials", "", "file with its credentials (default credentials.json in its folder)")
	fs.StringVar(&o.email, "email", "", "log the agent in as this account")
	fs.BoolVar(&o.passwordFromIn, "password-stdin", false, "read that account's password from standard input")
	fs.StringSliceVarP(&o.labels, "label", "l", nil, "labels of the node: KEY=VALUE,…")
	fs.StringSliceVar(&o.taints, "taint", nil, "taints of a new node: KEY[=VALUE]:EFFECT,…")
	fs.StringVar(&o.cpu, "cpu", "", "CPU it offers (default what there is)")
	fs.StringVar(&o.memory, "memory", "", "memory it offers (default three quarters of what there is)")
	fs.StringVar(&o.isolation, "isolation", "", "what a pod is run in: thread or process (default $STARK_AGENT_ISOLATION, then thread)")
	fs.IntVar(&o.pods, "max-pods", 0, "pods it takes at most (default 110)")
	return cmd
}

func (c *cli) agent(cmd *cobra.Command, o agentOptions) error {
	ctx := cmd.Context()
	if _, err := pairs(cmd, "label", o.labels, nil); err != nil {
		return err
	}
	if o.isolation != "" && o.isolation != "thread" && o.isolation != "process" {
		return usage(cmd, "--isolation %q: want thread or process", o.isolation)
	}
	node, err := agentproc.FindNode(ctx, o.node)
	if err != nil {
		return err
	}
	if o.home == "" {
		dir, err := local.DefaultDir(c.env)
		if err != nil {
			return err
		}
		o.home = filepath.Join(dir, "agent", nodeFolder(o.name))
	}
	store, err := c.store()
	if err != nil {
		return err
	}
	if o.server, err = c.loginServer(store, o.server); err != nil {
		return err
	}
	if o.credentials == "" {
		o.credentials = agentproc.CredentialsPath(o.home)
	}
	if o.credentials, err = filepath.Abs(o.credentials); err != nil {
		return fmt.Errorf("find the credentials: %w", err)
	}
	if err := c.agentLogin(cmd, o); err != nil {
		return err
	}
	c.note("agent on Node.js %s for %s; Ctrl-C stops its pods and ends it", node.Version, o.server)
	return c.runAgent(ctx, agentproc.Config{Node: node, Home: o.home, Env: o.env(c), Out: c.err})
}

// runAgent turns how the agent ended into an exit code; why has been said by the agent itself.
func (c *cli) runAgent(ctx context.Context, cfg agentproc.Config) error {
	err := agentproc.Run(ctx, cfg, nil)
	var exit *agentproc.ExitError
	if errors.As(err, &exit) {
		return &statusError{code: exit.Code}
	}
	return err
}

func nodeFolder(name string) string {
	if name == "" {
		return "default"
	}
	return filepath.Base(name)
}

// env are the agent's settings.
func (o agentOptions) env(c *cli) map[string]string {
	env := map[string]string{"STARK_SERVER": o.server, "STARK_CREDENTIALS": o.credentials}
	set := func(key, value string) {
		if value != "" {
			env[key] = value
		}
	}
	set("STARK_NODE_NAME", o.name)
	set("STARK_NODE_LABELS", join(o.labels))
	set("STARK_NODE_TAINTS", join(o.taints))
	set("STARK_NODE_CPU", o.cpu)
	set("STARK_NODE_MEMORY", o.memory)
	if o.pods > 0 {
		env["STARK_NODE_PODS"] = fmt.Sprint(o.pods)
	}
	set("STARK_AGENT_ISOLATION", o.isolation)
	set("STARK_LOG_FORMAT", c.env("STARK_LOG_FORMAT"))
	set("STARK_LOG_LEVEL", c.env("STARK_LOG_LEVEL"))
	return env
}

// agentLogin makes the credentials file when there is none, or when another account is asked for.
func (c *cli) agentLogin(cmd *cobra.Command, o agentOptions) error {
	_, err := os.Stat(o.credentials)
	if err == nil && o.email == "" {
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the agent's credentials: %w", err)
	}
	ctx := cmd.Context()
	api, err := client.New(client.Config{Server: o.server, UserAgent: userAgent()})
	if err != nil {
		return usage(cmd, "%w", err)
	}
	info, err := api.Info(ctx)
	if err != nil {
		return err
	}
	if o.email == "" && !c.ask.Possible() {
		return usage(cmd, "the agent needs a login: pass --email with --password-stdin, or --credentials")
	}
	c.note("The agent needs a login of its own at %s.", o.server)
	got, err := c.askLogin(cmd, api, o.email, o.passwordFromIn)
	if err != nil {
		return err
	}
	return agentproc.Credentials{
		SupabaseURL: info.SupabaseURL, AnonKey: info.AnonKey, AccessToken: got.AccessToken, RefreshToken: got.RefreshToken, Email: got.User.Email,
	}.Write(o.credentials)
}
