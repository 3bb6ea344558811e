package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stark-o/stark/backend/store"
)

// metrics are what a server counts. The rooms know nothing of Prometheus: most is read from them when somebody asks.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stark_http_request_duration_seconds", Help: "Requests by route, as it is mounted, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "status"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), state{s})
	return m
}

// request counts one answer. Route is a pattern and never a path, so there are no more series than routes, methods and statuses.
func (m *metrics) request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// state tells how the server is when it is asked.
type state struct{ s *Server }

var (
	descSynced  = prometheus.NewDesc("stark_feed_synced", "1 while the picture follows the database.", nil, nil)
	descSilence = prometheus.NewDesc("stark_feed_silence_seconds", "Since the database last said anything on the feed.", nil, nil)
	descLeader  = prometheus.NewDesc("stark_leader", "1 while this server decides.", nil, nil)
	descEpoch   = prometheus.NewDesc("stark_lease_epoch", "Of the lease that this server holds.", nil, nil)
	descAgents  = prometheus.NewDesc("stark_agents_connected", "Agents registered at this server.", nil, nil)
	descNodes   = prometheus.NewDesc("stark_nodes", "Nodes in the picture.", nil, nil)
	descPods    = prometheus.NewDesc("stark_pods", "Pods in the picture.", nil, nil)
	descPending = prometheus.NewDesc("stark_pods_pending", "Pods that wait for a place.", nil, nil)
	descConns   = prometheus.NewDesc("stark_db_connections", "Connections to Postgres, by pool and state.", []string{"pool", "state"}, nil)
	descWaited  = prometheus.NewDesc("stark_db_wait_seconds_total", "How long was waited for a connection, by pool.", []string{"pool"}, nil)
)

// Describe is prometheus.Collector's.
func (c state) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect is prometheus.Collector's.
func (c state) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	feed := c.s.feed.Status()
	gauge(descSynced, one(feed.Synced))
	if !feed.HeardAt.IsZero() {
		gauge(descSilence, time.Since(feed.HeardAt).Seconds())
	}
	epoch, leads := c.s.control.Leads()
	gauge(descLeader, one(leads))
	if leads {
		gauge(descEpoch, float64(epoch.Number))
	}
	gauge(descAgents, float64(c.s.hub.Connected()))
	nodes, pods, pending := c.s.state.Counts()
	gauge(descNodes, float64(nodes))
	gauge(descPods, float64(pods))
	gauge(descPending, float64(pending))
	for pool, use := range c.s.store.Use() {
		pooled(out, gauge, pool, use)
	}
}

func pooled(out chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), pool string, use store.PoolUse) {
	gauge(descConns, float64(use.Acquired), pool, "used")
	gauge(descConns, float64(use.Idle), pool, "idle")
	gauge(descConns, float64(use.Max), pool, "max")
	out <- prometheus.MustNewConstMetric(descWaited, prometheus.CounterValue, use.Waited.Seconds(), pool)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// serve answers /metrics on ln until ctx ends. It is a listener of its own, so that what may reach the API does not read how busy the cluster is.
func (m *metrics) serve(ctx context.Context, ln net.Listener, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), MaxRequestsInFlight: 4}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // a scrape that is cut off comes again
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve /metrics: %w", err)
	}
	return nil
}
