package app

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func environment(changes map[string]string) func(string) string {
	env := map[string]string{
		EnvSupabaseURL: "https://abcd.supabase.co/", EnvAnonKey: "anon", EnvDatabaseURL: "postgresql://postgres:secret@db.abcd.supabase.co:5432/postgres",
	}
	for k, v := range changes {
		env[k] = v
	}
	return func(key string) string { return env[key] }
}

func TestConfigFromEnvironment(t *testing.T) {
	t.Parallel()
	cfg := FromEnv(environment(map[string]string{EnvOrigins: " https://a.example, ,https://b.example", EnvPublishableKey: "sb_publishable_x"}))
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg, err := cfg.complete()
	require.NoError(t, err)
	require.Equal(t, "https://abcd.supabase.co", cfg.SupabaseURL)
	require.Equal(t, cfg.SupabaseURL, cfg.PublicSupabaseURL)
	require.Equal(t, "https://abcd.supabase.co/auth/v1", cfg.JWTIssuer)
	require.Equal(t, "sb_publishable_x", cfg.AnonKey, "the newer kind of key wins")
	require.Equal(t, []string{"https://a.example", "https://b.example"}, cfg.AllowedOrigins)
	require.Equal(t, DefaultListen, cfg.Listen)
	require.Equal(t, DefaultLimits, cfg.Limits)
	limits := FromEnv(environment(map[string]string{EnvLimitUser: "0", EnvLimitLogin: "5", EnvProxies: "10.0.0.0/8"})).Limits
	require.Zero(t, limits.User)
	require.InDelta(t, 5, limits.Login, 0)
	require.Len(t, limits.Proxies, 1)
}

func TestConfigNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := New(t.Context(), FromEnv(func(string) string { return "" }))
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []string{EnvAnonKey, EnvDatabaseURL, EnvSupabaseURL}, missing.Variables)
	require.EqualError(t, err, "not configured: set SUPABASE_ANON_KEY, SUPABASE_DB_URL, SUPABASE_URL")
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"url":          {map[string]string{EnvSupabaseURL: "abcd.supabase.co"}, EnvSupabaseURL + " must be an http or https URL"},
		"public url":   {map[string]string{EnvPublicURL: "ftp://x"}, EnvPublicURL + " must be an http or https URL"},
		"database url": {map[string]string{EnvDatabaseURL: "postgres://%"}, EnvDatabaseURL + " must be a Postgres URL"},
		"secret":       {map[string]string{EnvJWTSecret: "short"}, "at least 32 bytes"},
		"secret key":   {map[string]string{EnvAnonKey: "sb_secret_x"}, "secret key"},
		"origin":       {map[string]string{EnvOrigins: "console.example.com"}, "allowed origin"},
		"limit":        {map[string]string{EnvLimitUser: "many"}, EnvLimitUser + " must be a number"},
		"negative":     {map[string]string{EnvLimitLogin: "-1"}, EnvLimitLogin + " must be a number"},
		"not a number": {map[string]string{EnvLimitAddress: "NaN"}, EnvLimitAddress + " must be a number"},
		"proxy":        {map[string]string{EnvProxies: "10.0.0.0/8, proxy.example"}, EnvProxies + `: "proxy.example" is no address`},
		"listen":       {map[string]string{EnvListen: "nowhere:-1"}, "listen on nowhere:-1"},
	} {
		cfg := FromEnv(environment(c.change))
		cfg.Log = slog.New(slog.DiscardHandler)
		_, err := New(t.Context(), cfg)
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "secret@", "no password in an error")
	}
}
