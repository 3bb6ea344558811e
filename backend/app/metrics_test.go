package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// Metrics have a listener of their own, and count by route and never by path.
func TestMetrics(t *testing.T) {
	t.Parallel()
	cfg := FromEnv(environment(map[string]string{
		EnvSupabaseURL: "http://127.0.0.1:1", EnvDatabaseURL: "postgres://postgres@127.0.0.1:1/postgres", EnvListen: "127.0.0.1:0", EnvMetrics: "127.0.0.1:0",
	}))
	cfg.Log = slog.New(slog.DiscardHandler)
	s, err := New(t.Context(), cfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for _, path := range []string{"/health", "/api/pods", "/nowhere/1", "/nowhere/2", "/api/pods/x"} {
		get(t, s.URL()+path)
	}
	status, _ := get(t, s.URL()+"/metrics")
	assert.Equal(t, http.StatusNotFound, status, "the API does not tell them")
	var text string
	require.Eventually(t, func() bool { // an answer is counted once it is written
		status, text = get(t, "http://"+s.metricsListener.Addr().String()+"/metrics")
		return status == http.StatusOK && containsAll(text,
			`stark_http_request_duration_seconds_count{method="GET",route="/health",status="200"} 1`,
			`stark_http_request_duration_seconds_count{method="GET",route="/api/pods",status="401"} 1`,
			`stark_http_request_duration_seconds_count{method="GET",route="/api/pods/:id",status="401"} 1`,
			`stark_http_request_duration_seconds_count{method="GET",route="none",status="404"} 3`)
	}, 10*time.Second, 10*time.Millisecond)
	for _, name := range []string{"stark_feed_synced 0", "stark_leader 0", "stark_agents_connected 0", "stark_pods_pending 0", `stark_db_connections{pool="requests",state="used"}`, "go_goroutines"} {
		assert.Contains(t, text, name)
	}
	assert.NotContains(t, text, "nowhere")
	stop()
	require.NoError(t, <-ended)
}
