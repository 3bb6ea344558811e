package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// DefaultListen is where a server listens unless it is told otherwise.
const DefaultListen = "127.0.0.1:7827"

// Config is everything that a server depends on. It knows no kind of Supabase: hosted, `supabase start` and the embedded stack are three
// sets of the same values.
type Config struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// DatabaseURL is a direct connection (no pooler) as a role that owns Stark's tables and has REPLICATION: on Supabase, `postgres`.
	DatabaseURL string
	// SupabaseURL is the project's API as this server reaches it.
	SupabaseURL string
	// PublicSupabaseURL is the same as agents and clients reach it; default SupabaseURL.
	PublicSupabaseURL string
	// AnonKey is the public API key: an anon JWT or sb_publishable_….
	AnonKey string
	// JWTIssuer is the `iss` of users' tokens; default PublicSupabaseURL + "/auth/v1".
	JWTIssuer string
	// JWTSecret, when set, also admits tokens signed with HS256 and it.
	JWTSecret string
	// AllowedOrigins are browser origins that may use the API and the socket besides our own.
	AllowedOrigins []string
	// AgentPage are the files of the page at /agent; nil serves none.
	AgentPage fs.FS
	// Console are the files of the web console at /console; nil serves none.
	Console fs.FS
	// Version is what /health and /api/info tell.
	Version string
	Log     *slog.Logger

	// LeaseTTL bounds how long the cluster goes without a decider after one was killed; default 6 s.
	LeaseTTL time.Duration
	// StopTimeout bounds an orderly stop; default 15 s.
	StopTimeout time.Duration
}

// Names of the environment variables that FromEnv reads.
const (
	EnvListen         = "STARK_LISTEN"
	EnvDatabaseURL    = "SUPABASE_DB_URL"
	EnvSupabaseURL    = "SUPABASE_URL"
	EnvPublicURL      = "STARK_PUBLIC_SUPABASE_URL"
	EnvAnonKey        = "SUPABASE_ANON_KEY"
	EnvPublishableKey = "SUPABASE_PUBLISHABLE_KEY"
	EnvJWTIssuer      = "SUPABASE_JWT_ISSUER"
	EnvJWTSecret      = "SUPABASE_JWT_SECRET"
	EnvOrigins        = "STARK_ALLOWED_ORIGINS"
)

// FromEnv reads a Config from the environment; .env.example describes the variables. Version and Log are left to the caller.
func FromEnv(getenv func(string) string) Config {
	cfg := Config{
		Listen: getenv(EnvListen), DatabaseURL: getenv(EnvDatabaseURL), SupabaseURL: getenv(EnvSupabaseURL), PublicSupabaseURL: getenv(EnvPublicURL),
		AnonKey: getenv(EnvAnonKey), JWTIssuer: getenv(EnvJWTIssuer), JWTSecret: getenv(EnvJWTSecret),
	}
	if key := getenv(EnvPublishableKey); key != "" {
		cfg.AnonKey = key
	}
	for origin := range strings.SplitSeq(getenv(EnvOrigins), ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			cfg.AllowedOrigins = append(cfg.AllowedOrigins, origin)
		}
	}
	return cfg
}

// complete fills in defaults and checks what can be checked without a network. It names every variable that is missing at once.
func (c Config) complete() (Config, error) {
	var missing []string
	for name, value := range map[string]string{EnvDatabaseURL: c.DatabaseURL, EnvSupabaseURL: c.SupabaseURL, EnvAnonKey: c.AnonKey} {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return c, &MissingError{Variables: sorted(missing)}
	}
	if c.Log == nil {
		return c, errors.New("app: Log is needed")
	}
	c.SupabaseURL = strings.TrimRight(c.SupabaseURL, "/")
	if c.PublicSupabaseURL == "" {
		c.PublicSupabaseURL = c.SupabaseURL
	}
	c.PublicSupabaseURL = strings.TrimRight(c.PublicSupabaseURL, "/")
	for name, value := range map[string]string{EnvSupabaseURL: c.SupabaseURL, EnvPublicURL: c.PublicSupabaseURL} {
		if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return c, fmt.Errorf("%s must be an http or https URL, for example https://abcd.supabase.co", name)
		}
	}
	if _, err := pgx.ParseConfig(c.DatabaseURL); err != nil {
		return c, fmt.Errorf("%s must be a Postgres URL, for example postgresql://postgres:…@db.abcd.supabase.co:5432/postgres", EnvDatabaseURL)
	}
	if c.JWTIssuer == "" {
		c.JWTIssuer = c.PublicSupabaseURL + "/auth/v1"
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.StopTimeout <= 0 {
		c.StopTimeout = 15 * time.Second
	}
	return c, nil
}

// MissingError says which environment variables a server needs and does not have.
type MissingError struct{ Variables []string }

func (e *MissingError) Error() string {
	return "not configured: set " + strings.Join(e.Variables, ", ")
}
