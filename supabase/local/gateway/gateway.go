// Package gateway is the embedded stack's front door, as Kong is in `supabase start`: one address, a path prefix a service, API keys
// checked at the edge as a hosted project does, and the sb_ keys turned into the JWT of their role before a service sees them.
// Sources: supabase/cli internal/start/templates/kong.yml for routes and headers; the answers of a hosted project for refusals.
package gateway

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
)

// keyring knows the stack's API keys.
type keyring interface {
	ResolveAPIKey(apikey string) (role string, ok bool)
	AnonKey() string
	ServiceRoleKey() string
}

// Config says what is behind the gateway.
type Config struct {
	Keys    keyring
	Auth    http.Handler // gets paths without /auth/v1; nil: 501
	Storage http.Handler // gets paths without /storage/v1; nil: 501
	REST    http.Handler // PostgREST's, gets paths without /rest/v1; nil: 501
	Log     *slog.Logger // default slog.Default()
}

// route is a service. A path belongs to it when it is the prefix or below it.
type route struct {
	prefix   string
	to       http.Handler
	needsKey bool
	open     []string // what is below the prefix and needs no key although the rest does; with a slash at the end: all below that
}

type gateway struct {
	keys   keyring
	log    *slog.Logger
	routes []route
}

// New makes the gateway. It holds nothing that would have to be stopped.
func New(cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Auth == nil {
		cfg.Auth = absent("Auth")
	}
	if cfg.Storage == nil {
		cfg.Storage = absent("Storage")
	}
	if cfg.REST == nil {
		cfg.REST = absent("the REST API (PostgREST)")
	}
	return &gateway{keys: cfg.Keys, log: cfg.Log, routes: []route{
		{prefix: "/auth/v1", to: cfg.Auth, needsKey: true, open: []string{"/verify", "/callback", "/authorize", "/.well-known/"}},
		{prefix: "/storage/v1", to: cfg.Storage}, // it asks for a token itself where one is needed: not for public and signed objects
		{prefix: "/rest/v1", to: cfg.REST, needsKey: true},
		{prefix: "/graphql/v1", to: absent("GraphQL"), needsKey: true},
		{prefix: "/realtime/v1", to: absent("Realtime"), needsKey: true},
		{prefix: "/functions/v1", to: absent("Edge Functions")},
		{prefix: "/pg", to: absent("postgres-meta"), needsKey: true},
	}}
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := uuid.NewString()
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("X-Request-Id", id)
	defer func() {
		if p := recover(); p != nil {
			g.recovered(rec, p, id)
		}
		g.logRequest(r, rec, began, id)
	}()
	if preflight(rec, r) {
		return
	}
	for _, rt := range g.routes {
		rest, below := strings.CutPrefix(r.URL.Path, rt.prefix)
		if below && (rest == "" || rest[0] == '/') {
			g.pass(rec, r, rt, id)
			return
		}
	}
	refuse(rec, http.StatusNotFound, refusal{Message: "no Route matched with those values"})
}

// logRequest writes the access log. Only the path: a query may hold the token of a signed URL, or a key.
func (g *gateway) logRequest(r *http.Request, rec *recorder, began time.Time, id string) {
	status := rec.status
	if status == 0 {
		status = http.StatusOK // what net/http makes of an answer without content
	}
	g.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", status, "bytes", rec.bytes, "took", time.Since(began), "request_id", id)
}

// recovered answers for a service that panicked. The connection is cut where an answer was under way, so that nobody takes half for whole.
func (g *gateway) recovered(rec *recorder, p any, id string) {
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http panics with this very value, and wants it back
		panic(p)
	}
	g.log.Error("panic in the embedded stack", "panic", p, "request_id", id, "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	refuse(rec, http.StatusInternalServerError, refusal{Message: "An unexpected error occurred"})
}

func (g *gateway) pass(w http.ResponseWriter, r *http.Request, rt route, id string) {
	role, no := g.admit(r, rt)
	if no != nil {
		w.Header().Set("WWW-Authenticate", `Key realm="supabase"`)
		w.Header().Set("Sb-Error-Code", no.code)
		refuse(w, http.StatusUnauthorized, *no)
		return
	}
	r = r.Clone(r.Context())
	r.Header.Set("X-Request-Id", id)
	r.URL.RawQuery = withoutKey(r.URL.RawQuery)
	authorize(r.Header, g.keys, role)
	http.StripPrefix(rt.prefix, rt.to).ServeHTTP(w, r)
}
