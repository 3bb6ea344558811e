package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// keyring verifies callers' tokens.
type keyring interface {
	Parse(token string) (jwt.MapClaims, error)
}

// Config says what the server works with.
type Config struct {
	// Pool connects as authenticator, who may SET ROLE anon, authenticated and service_role, and nothing else.
	Pool *pgxpool.Pool
	Keys keyring
	// Schemas are exposed; the first is the default. Empty: public, graphql_public.
	Schemas []string
	// MaxRows bounds every answer, and every list that is embedded in one; default 1000.
	MaxRows int64
	Log     *slog.Logger // default slog.Default()
}

// Server answers what the gateway passes on under /rest/v1, without that prefix.
type Server struct {
	cfg     Config
	catalog catalogs
}

// New makes a server; Start makes it answer.
func New(cfg Config) *Server {
	if len(cfg.Schemas) == 0 {
		cfg.Schemas = []string{"public", "graphql_public"}
	}
	if cfg.MaxRows <= 0 {
		cfg.MaxRows = 1000
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Server{cfg: cfg, catalog: newCatalogs(cfg)}
}

// Start reads the schema and begins to listen for its changes. Until it has returned nil the server answers 503.
func (s *Server) Start(ctx context.Context) error {
	if s.cfg.Pool == nil || s.cfg.Keys == nil {
		return errors.New("rest: Pool and Keys are needed")
	}
	return s.catalog.start(ctx)
}

// Stop ends the listener. It may be called again, and without Start. The pool is the caller's.
func (s *Server) Stop() { s.catalog.stop() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.serve(w, r); err != nil {
		s.writeError(w, r, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	who, problem := s.authenticate(r)
	if problem != nil {
		return problem
	}
	q, problem := s.parseRequest(r)
	if problem != nil {
		return problem
	}
	if problem := q.readBody(r); problem != nil {
		return problem
	}
	c := s.catalog.current()
	if c == nil {
		return errNoCache
	}
	a, err := s.answer(r, q, who, c)
	var stale *Error
	if errors.As(err, &stale) && stale.stale() {
		// The schema may have changed a moment ago, and the notification may still be under way.
		if newer := s.catalog.newer(r.Context(), c); newer != nil {
			a, err = s.answer(r, q, who, newer)
		}
	}
	if err != nil {
		return fromDatabase(err, who.authed)
	}
	return a.write(w)
}

// readBody reads what a request carries, where its method has a body.
func (q *request) readBody(r *http.Request) *Error {
	var err *Error
	switch {
	case q.call && q.method == http.MethodPost:
		err = q.readCallBody(r)
	case q.call:
	case q.method == http.MethodPost, q.method == http.MethodPatch, q.method == http.MethodPut:
		q.payload, err = readPayload(r, maxBody, q.params.columns)
	}
	return err
}

// answer plans a request against a catalog and runs it.
func (s *Server) answer(r *http.Request, q *request, who caller, c *catalog) (*answer, error) {
	if q.method == http.MethodOptions {
		return c.options(q)
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute) // the role's own statement_timeout is shorter
	defer cancel()
	if q.root {
		return s.describe(ctx, r, q, who, c)
	}
	p, problem := s.plan(q, c)
	if problem != nil {
		return nil, problem
	}
	out, err := s.run(ctx, r, q, who, p)
	if err != nil {
		return nil, err
	}
	return s.respond(q, p, out)
}
