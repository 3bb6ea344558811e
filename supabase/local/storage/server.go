// Package storage is the embedded stack's stand-in for Supabase Storage: buckets and objects behind row-level security, bytes on disk.
//
// It speaks the part of the protocol that the official clients use; what it does not know answers 501 and names itself. Routes, shapes and
// error bodies follow github.com/supabase/storage (src/http/routes, src/internal/errors).
//
// A row never exists without its bytes: an upload is streamed to a temporary file, synced and moved to a place of its own version before
// the row is committed. A crash in between leaves at worst a file that no row names, and the next start sweeps it away. What has arrived of a
// resumable upload outlives a crash, and is forgotten a day after its last part.
package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// keyring verifies callers' tokens, and signs and verifies those of signed URLs.
type keyring interface {
	Sign(claims jwt.MapClaims) (string, error)
	Parse(token string) (jwt.MapClaims, error)
}

// Config says what the server works with.
type Config struct {
	// Pool connects as the owner of schema storage (supabase_storage_admin), who may SET ROLE anon, authenticated and service_role.
	Pool *pgxpool.Pool
	Keys keyring
	// Dir holds the bytes. It is made if it is missing, and belongs to this one database: what no row of it names is swept away.
	Dir string
	// MaxFileSize bounds every upload, in bytes; default 50 MiB, as in `supabase start`.
	MaxFileSize int64
	Log         *slog.Logger     // default slog.Default()
	Now         func() time.Time // default time.Now
}

// Server answers what the gateway passes on under /storage/v1, without that prefix.
type Server struct {
	cfg     Config
	disk    *disk
	uploads *uploads
	tus     http.Handler // of resumable uploads; there from Start on
	started atomic.Bool
}

// New makes a server; Start makes it answer.
func New(cfg Config) *Server {
	if cfg.MaxFileSize <= 0 {
		cfg.MaxFileSize = 50 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{cfg: cfg, disk: newDisk(cfg.Dir)}
	s.uploads = &uploads{dir: filepath.Join(cfg.Dir, "resumable"), server: s}
	return s
}

// Start prepares the directory and sweeps away what a crash may have left there. The schema must exist by then. Until it has returned nil
// the server answers 503. There is nothing to stop: the server owns no goroutine, and the pool is the caller's.
func (s *Server) Start(ctx context.Context) error {
	if s.cfg.Pool == nil || s.cfg.Keys == nil || s.cfg.Dir == "" {
		return errors.New("storage: Pool, Keys and Dir are needed")
	}
	if s.started.Load() {
		return errors.New("storage: started already") // a sweep would take away what is just being uploaded
	}
	if err := s.disk.prepare(); err != nil {
		return err
	}
	if err := s.sweep(ctx); err != nil {
		return err
	}
	if err := s.startUploads(); err != nil {
		return err
	}
	s.started.Store(true)
	return nil
}

func (s *Server) startUploads() (err error) {
	if err := os.MkdirAll(s.uploads.dir, 0o700); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if err := s.uploads.prune(); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s.tus, err = s.newTUS()
	return err
}

// call is what a route was called with.
type call struct {
	caller caller
	bucket string
	key    string // object name
}

// handler is one route. What it returns becomes Storage's error body.
type handler func(w http.ResponseWriter, r *http.Request, c call) error

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.serve(w, r); err != nil {
		writeError(w, s.cfg.Log, r, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	if !s.started.Load() {
		return &Error{HTTP: http.StatusServiceUnavailable, Status: "503", Code: "InternalError", Message: "Storage is starting"}
	}
	rt, found := s.route(r.Method, r.URL.Path)
	if !found {
		return errNoRoute
	}
	if rt.bucket != "" && !ValidBucket(rt.bucket) {
		return errBucketName
	}
	if rt.key != "" && rt.bucket != "" && !ValidKey(rt.key) {
		return errInvalidKey(rt.key)
	}
	c := call{bucket: rt.bucket, key: rt.key}
	if rt.access != open {
		who, err := s.authenticate(r)
		if err != nil && rt.access == required {
			return err
		}
		c.caller = who
	}
	return rt.handle(w, r, c)
}

// health tells whether requests can be served: the database answers.
func (s *Server) health(w http.ResponseWriter, r *http.Request, _ call) error {
	if err := s.cfg.Pool.Ping(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, map[string]bool{"healthy": true})
}

// status is what `supabase start` asks to see whether the process is there.
func (s *Server) status(w http.ResponseWriter, _ *http.Request, _ call) error {
	w.WriteHeader(http.StatusOK)
	return nil
}
