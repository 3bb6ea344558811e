package feed

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/fixture"
)

// hole is a way to the database that can swallow everything without closing anything, as a network that broke does.
type hole struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns []net.Conn
	shut  bool
	open  *sync.Cond
}

func newHole(t *testing.T, databaseURL string) (*hole, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	h := &hole{target: u.Host}
	h.open = sync.NewCond(&h.mu)
	h.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	u.Host = h.listener.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() { h.serve(&wg) })
	t.Cleanup(func() {
		_ = h.listener.Close()
		h.swallow(false)
		h.mu.Lock()
		for _, c := range h.conns {
			_ = c.Close()
		}
		h.mu.Unlock()
		wg.Wait()
	})
	return h, u.String()
}

func (h *hole) swallow(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = on
	h.open.Broadcast()
}

func (h *hole) serve(wg *sync.WaitGroup) {
	for {
		client, err := h.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", h.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		h.mu.Lock()
		h.conns = append(h.conns, client, server)
		h.mu.Unlock()
		wg.Go(func() { h.pass(client, server) })
		wg.Go(func() { h.pass(server, client) })
	}
}

func (h *hole) pass(from, to net.Conn) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		h.mu.Lock()
		for h.shut {
			h.open.Wait()
		}
		h.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF {
				_ = from.Close()
			}
			return
		}
	}
}

// A connection can die without a word. The feed asks for a sign of life, and without one it connects anew.
func TestNoticesADatabaseThatWentSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	way, throughHole := newHole(t, w.db.URL)
	w.start(t, func(cfg *Config) { cfg.URL, cfg.StatusInterval = throughHole, 100*time.Millisecond })
	w.synced(t)
	// It beats, and so does the database, although nothing is written.
	heard := w.feed.Status().HeardAt
	eventually(t, "signs of life", func() bool { return w.feed.Status().HeardAt.After(heard.Add(300 * time.Millisecond)) })
	require.Equal(t, 1, w.listings())

	way.swallow(true)
	eventually(t, "noticed", func() bool {
		err := w.feed.Status().Err
		return err != nil && strings.Contains(err.Error(), "the database has been silent")
	})
	require.False(t, w.feed.Status().Synced)
	fixture.Exec(t, w.pool, "insert into public.namespaces (name) values ('meanwhile')")
	way.swallow(false)
	w.synced(t)
	require.Equal(t, 2, w.listings())
	w.caughtUp(t)
}
