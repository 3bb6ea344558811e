package postgres

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// relay stands between the library that downloads and the Maven repository. The library can neither be cancelled nor tells how far it is
// or what went wrong, and takes a missing check sum for a matching one; the relay does better, on loopback.
type relay struct {
	from     string
	progress func(got, of int64)
	server   *http.Server
	listener net.Listener
	ended    chan struct{}

	mu  sync.Mutex // guards err
	err error      // the first failure
}

func startRelay(ctx context.Context, from string, progress func(got, of int64)) (*relay, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{from: strings.TrimRight(from, "/"), progress: progress, listener: l, ended: make(chan struct{})}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		defer close(r.ended)
		_ = r.server.Serve(l) // ends with ErrServerClosed
	}()
	return r, nil
}

func (r *relay) url() string { return "http://" + r.listener.Addr().String() }

// stop ends the relay and returns what went wrong with the download, if anything did.
func (r *relay) stop() error {
	err := r.server.Close()
	<-r.ended
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	return err
}

func (r *relay) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// ServeHTTP implements http.Handler.
func (r *relay) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	if err := r.pass(in.Context(), w, in.URL.Path); err != nil {
		r.fail(err)
		panic(http.ErrAbortHandler) // so that the library does not take half for whole
	}
}

func (r *relay) pass(ctx context.Context, w http.ResponseWriter, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.from+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: is there a network? Else install PostgreSQL %d or newer with this system's package manager", err, minMajor)
	}
	defer func() { _ = res.Body.Close() }() // only read
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: install PostgreSQL %d or newer with this system's package manager", r.from+path, res.Status, minMajor)
	}
	if res.ContentLength >= 0 {
		w.Header().Set("Content-Length", fmt.Sprint(res.ContentLength))
	}
	body := io.Reader(res.Body)
	if strings.HasSuffix(path, ".sha256") {
		sum, err := io.ReadAll(io.LimitReader(body, 1<<10))
		if err != nil {
			return err
		}
		w.Header().Del("Content-Length")
		body = strings.NewReader(strings.TrimSpace(string(sum))) // the library compares it byte by byte
	} else {
		body = &counter{Reader: body, of: res.ContentLength, tell: r.progress}
	}
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("download %s: %w", r.from+path, err)
	}
	return nil
}

// counter tells how far a download is.
type counter struct {
	io.Reader
	got, of int64
	tell    func(got, of int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.got += int64(n)
	c.tell(c.got, c.of)
	return n, err
}
