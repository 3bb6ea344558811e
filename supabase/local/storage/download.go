package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// finder reads an object with the rights that a route gives.
type finder func(ctx context.Context) (object, error)

func (s *Server) asCaller(c call, operation string) finder {
	return func(ctx context.Context) (o object, err error) {
		err = s.as(ctx, c.caller, operation, nil, func(tx pgx.Tx) (err error) {
			o, err = findObject(ctx, tx, c.bucket, c.key)
			return err
		})
		return o, err
	}
}

func (s *Server) asServer(c call) finder {
	return func(ctx context.Context) (object, error) { return findObject(ctx, s.cfg.Pool, c.bucket, c.key) }
}

// reader is the finder for whoever asks: in a public bucket anyone may read, else row-level security decides, and who has no token sees no
// bucket.
func (s *Server) reader(ctx context.Context, c call, operation string) (finder, error) {
	b, err := findBucket(ctx, s.cfg.Pool, c.bucket)
	switch {
	case err != nil:
		return nil, err
	case b.Public:
		return s.asServer(c), nil
	case !c.caller.authenticated:
		return nil, errBucketNotFound
	}
	return s.asCaller(c, operation), nil
}

func (s *Server) download(w http.ResponseWriter, r *http.Request, c call) error {
	find, err := s.reader(r.Context(), c, "storage.object.get_authenticated")
	if err != nil {
		return err
	}
	return s.send(w, r, c, find, time.Time{})
}

// downloadPublic never looks at a token: c has no caller.
func (s *Server) downloadPublic(w http.ResponseWriter, r *http.Request, c call) error {
	find, err := s.reader(r.Context(), c, "storage.object.get_public")
	if err != nil {
		return err
	}
	return s.send(w, r, c, find, time.Time{})
}

// send streams an object's bytes; ranges and conditions are http.ServeContent's. expires is when the URL does, zero for none.
func (s *Server) send(w http.ResponseWriter, r *http.Request, c call, find finder, expires time.Time) error {
	o, f, err := s.open(r.Context(), c, find)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	h := w.Header()
	setHeaders(h, o)
	if !expires.IsZero() {
		h.Del("Cache-Control")
		h.Set("Expires", expires.UTC().Format(http.TimeFormat))
	}
	if names, asked := r.URL.Query()["download"]; asked {
		h.Set("Content-Disposition", attachment(names[0]))
	}
	return serveContent(w, r, o.modified(), f)
}

// serveContent is http.ServeContent as S3 does it, which Storage leaves ranges to: several ranges at once are not known, so that the whole
// object is sent, and a range beyond the end is an error with Storage's body.
func serveContent(w http.ResponseWriter, r *http.Request, modified time.Time, f *os.File) error {
	if strings.Contains(r.Header.Get("Range"), ",") {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	guarded := &rangeGuard{ResponseWriter: w}
	http.ServeContent(guarded, r, "", modified, f)
	if guarded.refused {
		return errRange
	}
	return nil
}

// rangeGuard holds back the plain text that http.ServeContent says about a range that cannot be.
type rangeGuard struct {
	http.ResponseWriter
	refused bool
}

func (g *rangeGuard) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		g.refused = true
		return
	}
	g.ResponseWriter.WriteHeader(status)
}

func (g *rangeGuard) Write(b []byte) (int, error) {
	if g.refused {
		return len(b), nil
	}
	return g.ResponseWriter.Write(b)
}

// ReadFrom keeps the way from file to socket that the connection may have.
func (g *rangeGuard) ReadFrom(src io.Reader) (int64, error) { return io.Copy(g.ResponseWriter, src) }

// open finds an object and its bytes. They may be replaced in between; then the row names another version by now.
func (s *Server) open(ctx context.Context, c call, find finder) (object, *os.File, error) {
	for range 3 {
		o, err := find(ctx)
		if err != nil {
			return object{}, nil, err
		}
		f, err := os.Open(s.disk.path(c.bucket, c.key, o.version))
		if err == nil {
			return o, f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return object{}, nil, err
		}
	}
	return object{}, nil, errBytesNotFound
}

// setHeaders says what an object is. HTML is shown as text, as on a hosted project: nobody's upload is a page on this origin.
func setHeaders(h http.Header, o object) {
	contentType := o.metadata.MIMEType
	if contentType == "" {
		contentType = defaultType
	}
	if strings.Contains(strings.ToLower(contentType), "text/html") {
		contentType = "text/plain"
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	if o.metadata.CacheControl != "" {
		h.Set("Cache-Control", o.metadata.CacheControl)
	}
	if o.metadata.ETag != "" {
		h.Set("ETag", o.metadata.ETag)
	}
}

// attachment is the Content-Disposition for ?download=name; without a name the client makes one up from the URL.
func attachment(name string) string {
	if name == "" {
		return "attachment;"
	}
	name = strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return "attachment; filename=" + name + "; filename*=UTF-8''" + name + ";"
}
