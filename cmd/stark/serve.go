package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/joho/godotenv"
	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/app"
	"github.com/stark-o/stark/cmd/stark/internal/logging"
	"github.com/stark-o/stark/functions/agent"
	"github.com/stark-o/stark/functions/console"
	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/migrate"
)

type serveOptions struct {
	listen, envFile string
	migrate         bool
	setupToken      bool
}

func newServe(c *cli) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server beside a Supabase project",
		Long: `Run the server beside a Supabase project: hosted, "supabase start", or the embedded one of "stark up".

Needed in the environment (.env.example describes all):
  SUPABASE_URL        the project's API, e.g. https://abcd.supabase.co
  SUPABASE_ANON_KEY   its public key: an anon JWT, or sb_publishable_… (also as SUPABASE_PUBLISHABLE_KEY)
  SUPABASE_DB_URL     the direct connection (not the pooler) as role postgres: logical replication needs it

Several servers may run beside one project: one decides, the others relay, and take over within seconds.`,
		Example: `  stark serve
  stark serve --env-file .env --migrate
  stark serve --listen 0.0.0.0:7827`,
		Args: between(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.listen, "listen", "", "host:port to listen on (default $STARK_LISTEN, then "+app.DefaultListen+")")
	cmd.Flags().StringVar(&o.envFile, "env-file", "", "read variables from this file too; those of the environment win")
	cmd.Flags().BoolVar(&o.setupToken, "setup-token", false, "print a new setup token, if there is no admin yet")
	cmd.Flags().BoolVar(&o.migrate, "migrate", false, "apply Stark's migrations and seed first")
	return cmd
}

func (c *cli) serve(ctx context.Context, o serveOptions) error {
	env, err := c.withEnvFile(o.envFile)
	if err != nil {
		return err
	}
	log, err := logging.New(c.err, env("STARK_LOG_FORMAT"), env("STARK_LOG_LEVEL"), slog.LevelInfo)
	if err != nil {
		return err
	}
	cfg := app.FromEnv(env)
	cfg.Version, cfg.Log, cfg.AgentPage, cfg.Console = buildVersion(), log, agent.Page, console.Page
	if o.listen != "" {
		cfg.Listen = o.listen
	}
	server, err := app.New(ctx, cfg)
	var missing *app.MissingError
	if errors.As(err, &missing) {
		return hinted("see .env.example, or start everything on this machine with `stark up`", "%w", err)
	}
	if err != nil {
		return err
	}
	if err := c.prepareDatabase(ctx, cfg.DatabaseURL, o.migrate, log); err != nil {
		return errors.Join(err, server.Close())
	}
	c.offerSetup(ctx, server, o.setupToken, log)
	c.note("stark %s serves %s for %s; Ctrl-C stops it", buildVersion(), server.URL(), cfg.SupabaseURL)
	return server.Run(ctx)
}

// withEnvFile looks into the environment first and into the file second.
func (c *cli) withEnvFile(path string) (func(string) string, error) {
	if path == "" {
		return c.env, nil
	}
	file, err := godotenv.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read --env-file %s: %w", path, err)
	}
	return func(key string) string {
		if v := c.env(key); v != "" {
			return v
		}
		return file[key]
	}, nil
}

// prepareDatabase brings the schema up to date when it may, and says so when it may not. A database that does not answer yet is no
// reason to end: the server connects when it does.
func (c *cli) prepareDatabase(ctx context.Context, url string, apply bool, log *slog.Logger) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		if apply {
			return hinted("check SUPABASE_DB_URL: the direct connection as role postgres", "connect to migrate: %w", err)
		}
		log.Warn("the database does not answer yet", "error", err)
		return nil
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if apply {
		if _, err := migrate.Up(ctx, conn, supabase.Files, func(m migrate.Migration) { c.note("applying migration %s_%s", m.Version, m.Name) }); err != nil {
			return err
		}
		_, err := migrate.Seed(ctx, conn, supabase.Files)
		return err
	}
	pending, err := migrate.Pending(ctx, conn, supabase.Files)
	if errors.Is(err, migrate.ErrUnknown) {
		log.Warn("the database is newer than this program, or shared with another project", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return hinted("run `stark serve --migrate` once, or `supabase db push`", "the database lacks %d of Stark's migrations, from %s on", len(pending), pending[0].Version)
	}
	return nil
}

// offerSetup prints the token for the first admin, once: while there is none, and no token is out. Nobody else gets to see it.
func (c *cli) offerSetup(ctx context.Context, server *app.Server, renew bool, log *slog.Logger) {
	token, err := server.OfferSetup(ctx, renew)
	switch {
	case err != nil:
		log.Warn("asking for the first admin failed; `stark serve --setup-token` asks again", "error", err)
	case token != "":
		c.note("There is no admin yet. Log in and show this token, once, within 7 days: `stark login && stark setup`\n\n  %s\n", token)
	case renew:
		c.note("There is an admin already.")
	}
}
