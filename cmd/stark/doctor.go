package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/app"
	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/doctor"
	"github.com/stark-o/stark/cmd/stark/internal/output"
	"github.com/stark-o/stark/supabase/local"
)

func newDoctor(c *cli) *cobra.Command {
	var envFile, node string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps Stark from working here, and say how to mend it",
		Long: `Look for what keeps Stark from working here, and say how to mend it. Nothing is changed. The exit code is 1 if something has to be mended.

It looks at the server and your login there, the Supabase project and its public key, the database (when SUPABASE_DB_URL is set: the direct
connection, wal_level, publications, slots, migrations), the clocks, Node.js and the state directory. docs/troubleshooting.md explains each finding.`,
		Example: `  stark doctor
  stark doctor --env-file .env
  stark doctor -o json`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().StringVar(&envFile, "env-file", "", "read variables from this file too, as stark serve does; those of the environment win")
	cmd.Flags().StringVar(&node, "node", "", "the node program to look at (default the one on PATH)")
	headersFlag(cmd)
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out, err := c.localPrinter(cmd, format)
		if err != nil {
			return err
		}
		env, err := c.withEnvFile(envFile)
		if err != nil {
			return err
		}
		target, err := c.target(env)
		if err != nil {
			return err
		}
		target.NodePath = node
		findings := doctor.Examine(cmd.Context(), target)
		if err := output.List(out, findings, findingColumns(), "finding", func(f doctor.Finding) string { return cmp.Or(f.Problem, f.Check) }); err != nil {
			return err
		}
		if out.Format.People() {
			c.tellMends(findings)
		}
		if doctor.Failed(findings) {
			return &statusError{code: exitError}
		}
		return nil
	}
	return cmd
}

func findingColumns() []output.Column[doctor.Finding] {
	return []output.Column[doctor.Finding]{
		{Title: "STATUS", Tint: true, Cell: func(f doctor.Finding) string { return string(f.Status) }},
		{Title: "CHECK", Cell: func(f doctor.Finding) string { return f.Check }},
		{Title: "FINDING", Cell: func(f doctor.Finding) string { return f.Message }},
		{Title: "PROBLEM", Wide: true, Cell: func(f doctor.Finding) string { return f.Problem }},
	}
}

// tellMends says what to do about each finding that is not ok.
func (c *cli) tellMends(findings []doctor.Finding) {
	for _, f := range findings {
		if f.Mend != "" {
			c.note("%s: %s", f.Check, f.Mend)
		}
	}
}

// target is what there is to look at: what the login knows, and over it what the environment says.
func (c *cli) target(env func(string) string) (doctor.Target, error) {
	cfg := app.FromEnv(env)
	t := doctor.Target{
		Server: strings.TrimRight(env("STARK_SERVER"), "/"), Version: buildVersion(), SupabaseURL: cfg.SupabaseURL, Key: cfg.AnonKey,
		HasSecret: cfg.JWTSecret != "", DatabaseURL: cfg.DatabaseURL, Now: c.now,
	}
	store, err := c.store()
	if err != nil {
		return t, err
	}
	t.ConfigPath = store.Path
	if t.StateDir, err = local.DefaultDir(env); err != nil {
		return t, fmt.Errorf("find the state directory: %w", err)
	}
	conn, err := c.connect()
	switch {
	case err == nil:
		t.Login, t.Server = conn, conn.Server()
		if t.SupabaseURL == "" && t.Key == "" {
			t.SupabaseURL, t.Key = conn.context.SupabaseURL, conn.context.AnonKey
		}
	case t.Server == "" && errors.Is(err, config.ErrNoContext) && cfg.Listen != "":
		t.Server = "http://" + cfg.Listen
	}
	return t, nil
}
