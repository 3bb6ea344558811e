// Package local is `supabase start` without Docker: a real PostgreSQL with Supabase's roles and schemas, Stark's migrations and seed, and
// Auth, Storage and PostgREST's API behind one gateway on loopback. It is a development stand-in; whoever uses it sees a URL and keys, as of any project.
//
//	stack        what there is, and the order it starts in
//	stop         the reverse, once, whatever the reason
//	keyfile      key material that outlives a restart
//	dir          where the state is
//	users        accounts to begin with
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/local/auth"
	"github.com/stark-o/stark/supabase/local/gateway"
	"github.com/stark-o/stark/supabase/local/keys"
	"github.com/stark-o/stark/supabase/local/postgres"
	"github.com/stark-o/stark/supabase/local/rest"
	"github.com/stark-o/stark/supabase/local/storage"
	"github.com/stark-o/stark/supabase/migrate"
)

// The ports of `supabase start`.
const (
	DefaultAPIPort = 54321
	DefaultDBPort  = 54322
)

const (
	database = "postgres"
	owner    = "postgres" // the developer's role on Supabase
	// tokenHook is the function that config.toml names as auth.hook.custom_access_token.
	tokenHook = "stark.custom_access_token_hook"
)

// Config says where a stack lives and what it may use.
type Config struct {
	// Dir is the state directory: database, keys and object bytes. Needed unless Ephemeral; see DefaultDir.
	Dir string
	// Ephemeral keeps everything in a temporary directory that Stop removes. Dir, if given, then only holds a fetched PostgreSQL.
	Ephemeral bool
	// APIPort and DBPort on 127.0.0.1; 0 picks a free one.
	APIPort, DBPort int
	// JWTSecret, at least 32 bytes, makes tokens HS256; empty: ES256 with a key of the stack's own.
	JWTSecret string
	// Log takes what an operator should know; nil discards.
	Log *slog.Logger
	// Progress is told about every step that takes noticeable time; nil discards. It may be called from several goroutines.
	Progress func(string)
}

// Stack is a running stand-in for a Supabase project.
type Stack struct {
	cfg       Config
	dir       string
	temporary bool // dir is ours to remove
	postgres  *postgres.Server
	keys      *keys.Keyring
	pools     []*pgxpool.Pool
	rest      *rest.Server
	listener  net.Listener
	http      *http.Server
	port      int
	ending
}

// Start brings up the stack and returns when it answers. Errors match those of package postgres, keys.ErrMaterial or migrate.ErrUnknown
// where one of these is the reason. What was started before a failure is stopped again.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	s := &Stack{cfg: cfg.withDefaults(), ending: newEnding()}
	if err := s.bringUp(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the embedded stack: %w", err), s.tearDown(context.WithoutCancel(ctx)))
	}
	go s.watch()
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c
}

// bringUp does Start's steps in order; what it took is given back by tearDown.
func (s *Stack) bringUp(ctx context.Context) error {
	if err := s.chooseDir(); err != nil {
		return err
	}
	// Before Postgres, which takes its time: a port that is taken should be known at once.
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.startPostgres(ctx); err != nil {
		return err
	}
	if err := s.loadKeys(); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	return s.serve(ctx)
}

func (s *Stack) startPostgres(ctx context.Context) (err error) {
	cfg := postgres.Config{Dir: s.dir, Port: s.cfg.DBPort, Ephemeral: s.cfg.Ephemeral, Log: s.cfg.Log, Progress: s.cfg.Progress}
	if s.cfg.Ephemeral && s.cfg.Dir != "" {
		cfg.BinariesDir = filepath.Join(s.cfg.Dir, "dist")
	}
	s.postgres, err = postgres.Start(ctx, cfg)
	if errors.Is(err, postgres.ErrPortInUse) {
		return &PortError{Port: s.cfg.DBPort, Service: "Postgres", Flag: "--db-port"}
	}
	return err
}

func (s *Stack) loadKeys() error {
	material, err := loadMaterial(filepath.Join(s.dir, keyFile))
	if err != nil {
		return err
	}
	s.keys, err = keys.New(material, keys.Config{Secret: s.cfg.JWTSecret})
	return err
}

// migrate applies Stark's migrations and seed, as `supabase db push --include-seed` would.
func (s *Stack) migrate(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, s.DatabaseURL())
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	applied, err := migrate.Up(ctx, conn, supabase.Files, func(m migrate.Migration) {
		s.cfg.Progress("Applying migration " + m.Version + "_" + m.Name)
	})
	if err != nil {
		return err
	}
	seeded, err := migrate.Seed(ctx, conn, supabase.Files)
	if err == nil && (len(applied) > 0 || seeded) {
		s.cfg.Log.Info("database prepared", "migrations", len(applied), "seeded", seeded)
	}
	return err
}

// serve starts Auth, Storage and the REST API behind the gateway.
func (s *Stack) serve(ctx context.Context) error {
	authPool, err := s.pool(ctx, "supabase_auth_admin")
	if err != nil {
		return err
	}
	storagePool, err := s.pool(ctx, "supabase_storage_admin")
	if err != nil {
		return err
	}
	objects := storage.New(storage.Config{Pool: storagePool, Keys: s.keys, Dir: filepath.Join(s.dir, "storage"), Log: s.cfg.Log})
	if err := objects.Start(ctx); err != nil {
		return err
	}
	restPool, err := s.pool(ctx, "authenticator")
	if err != nil {
		return err
	}
	s.rest = rest.New(rest.Config{Pool: restPool, Keys: s.keys, Log: s.cfg.Log})
	if err := s.rest.Start(ctx); err != nil {
		return err
	}
	s.http = newHTTPServer(gateway.New(gateway.Config{
		Keys: s.keys,
		Auth: auth.New(auth.Config{
			Pool: authPool, Keys: s.keys, Issuer: s.Issuer(), SiteURL: s.URL(), AccessTokenHookFunction: tokenHook, Log: s.cfg.Log,
		}),
		Storage: objects,
		REST:    s.rest,
		Log:     s.cfg.Log,
	}), s.cfg.Log)
	go func() { s.served <- s.http.Serve(s.listener) }()
	return nil
}

// pool connects as one of Supabase's service roles. It asks a connection for a sign of life before each use, so that a Postgres that was
// restarted costs no request: a round trip on loopback is cheap.
func (s *Stack) pool(ctx context.Context, role string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(s.postgres.URL(role, database))
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", role, err)
	}
	cfg.MaxConns = 10
	cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", role, err)
	}
	s.pools = append(s.pools, pool)
	return pool, nil
}

// URL is the project's API, what clients take as SUPABASE_URL.
func (s *Stack) URL() string { return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// DatabaseURL is a direct connection as `postgres`, who owns Stark's tables and may replicate.
func (s *Stack) DatabaseURL() string { return s.postgres.URL(owner, database) }

// Issuer is the `iss` of users' tokens.
func (s *Stack) Issuer() string { return s.URL() + "/auth/v1" }

// AnonKey is the public API key as a JWT.
func (s *Stack) AnonKey() string { return s.keys.AnonKey() }

// ServiceRoleKey is the secret API key as a JWT: whoever has it may do everything.
func (s *Stack) ServiceRoleKey() string { return s.keys.ServiceRoleKey() }

// PublishableKey is the public API key in its newer form, sb_publishable_….
func (s *Stack) PublishableKey() string { return s.keys.PublishableKey() }

// SecretKey is the secret API key in its newer form, sb_secret_….
func (s *Stack) SecretKey() string { return s.keys.SecretKey() }

// Postgres is the database server, for those who want to see it die.
func (s *Stack) Postgres() *postgres.Server { return s.postgres }
