package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/api"
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
	// Limits bound how often somebody may ask; DefaultLimits are what FromEnv begins with. The zero value bounds nothing.
	Limits api.Limits
	// MetricsListen is the host:port where /metrics is answered; "" is nowhere.
	MetricsListen string
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

	problems []error // what FromEnv could not read
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
	EnvLimitUser      = "STARK_RATE_LIMIT_USER"
	EnvLimitAddress   = "STARK_RATE_LIMIT_ADDRESS"
	EnvLimitLogin     = "STARK_RATE_LIMIT_LOGIN"
	EnvMetrics        = "STARK_METRICS_LISTEN"
	EnvProxies        = "STARK_TRUSTED_PROXIES"
)

// DefaultLimits stop who floods a server, and nobody who works: a script that makes thousands of pods a second one by one stays below them.
var DefaultLimits = api.Limits{User: 5000, Address: 10_000, Login: 60}

// FromEnv reads a Config from the environment; .env.example describes the variables. Version and Log are left to the caller.
func FromEnv(getenv func(string) string) Config {
	cfg := Config{
		Listen: getenv(EnvListen), DatabaseURL: getenv(EnvDatabaseURL), SupabaseURL: getenv(EnvSupabaseURL), PublicSupabaseURL: getenv(EnvPublicURL),
		AnonKey: getenv(EnvAnonKey), JWTIssuer: getenv(EnvJWTIssuer), JWTSecret: getenv(EnvJWTSecret),
	}
	if key := getenv(EnvPublishableKey); key != "" {
		cfg.AnonKey = key
	}
	cfg.AllowedOrigins = commas(getenv(EnvOrigins))
	cfg.MetricsListen = getenv(EnvMetrics)
	cfg.Limits = DefaultLimits
	for name, bound := range map[string]*float64{EnvLimitUser: &cfg.Limits.User, EnvLimitAddress: &cfg.Limits.Address, EnvLimitLogin: &cfg.Limits.Login} {
		text := getenv(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0 && n <= 1e9) { // NaN is no bound either
			cfg.problems = append(cfg.problems, fmt.Errorf("%s must be a number of requests; 0 is no bound", name))
			continue
		}
		*bound = n
	}
	proxies, err := api.ParseProxies(commas(getenv(EnvProxies)))
	if err != nil {
		cfg.problems = append(cfg.problems, fmt.Errorf("%s: %w", EnvProxies, err))
	}
	cfg.Limits.Proxies = proxies
	return cfg
}

// commas reads a list with commas between.
func commas(text string) (list []string) {
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
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
	if len(c.problems) > 0 {
		return c, errors.Join(c.problems...)
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
