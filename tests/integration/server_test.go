package integration

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/app"
	"github.com/stark-o/stark/supabase/local"
)

// ready asks /ready and returns the status and what it said of its parts.
func ready(t *testing.T, url string) (status int, data struct {
	Postgres, Feed struct{ OK bool }
	Lease          struct{ Leading bool }
}) {
	t.Helper()
	res, err := http.Get(url + "/ready")
	require.NoError(t, err)
	defer res.Body.Close()
	body := struct{ Data any }{&data}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&body))
	return res.StatusCode, data
}

func TestServerIsReadyWhenItsPartsAre(t *testing.T) {
	t.Parallel()
	stack, err := local.Start(t.Context(), local.Config{Ephemeral: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stack.Stop(context.Background())) })
	server, err := app.New(t.Context(), app.Config{
		Listen: "127.0.0.1:0", SupabaseURL: stack.URL(), AnonKey: stack.AnonKey(), DatabaseURL: stack.DatabaseURL(), Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	<-server.Synced()
	require.Eventually(t, func() bool {
		status, parts := ready(t, server.URL())
		return status == http.StatusOK && parts.Postgres.OK && parts.Feed.OK && parts.Lease.Leading
	}, 30*time.Second, 10*time.Millisecond)

	require.NoError(t, stack.Postgres().Kill())
	require.Eventually(t, func() bool {
		status, parts := ready(t, server.URL())
		return status == http.StatusServiceUnavailable && (!parts.Postgres.OK || !parts.Feed.OK)
	}, 30*time.Second, time.Millisecond, "it says so when Postgres is gone")
	require.NoError(t, stack.Postgres().Ready(t.Context()))
	require.Eventually(t, func() bool {
		status, parts := ready(t, server.URL())
		return status == http.StatusOK && parts.Lease.Leading
	}, 60*time.Second, 10*time.Millisecond, "and comes back by itself")

	stop()
	require.NoError(t, <-ended)
	pool := connectPool(t, stack.DatabaseURL())
	var slots, leases int
	require.Eventually(t, func() bool {
		require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from pg_replication_slots").Scan(&slots))
		return slots == 0
	}, 30*time.Second, 10*time.Millisecond, "a server that has stopped leaves no slot")
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from leader_lease where expires_at > clock_timestamp()").Scan(&leases))
	require.Zero(t, leases, "the lease was let go")
}

// A server may be started before its database.
func TestServerWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	server, err := app.New(t.Context(), app.Config{
		Listen: "127.0.0.1:0", SupabaseURL: "http://127.0.0.1:1", AnonKey: "anon", DatabaseURL: "postgres://postgres@127.0.0.1:1/postgres",
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	status, parts := ready(t, server.URL())
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.False(t, parts.Postgres.OK || parts.Feed.OK || parts.Lease.Leading)
	stop()
	require.NoError(t, <-ended)
}
