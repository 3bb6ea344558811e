package api

import (
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	ws "github.com/fasthttp/websocket"
	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	handshakeTimeout = 10 * time.Second
	goodbyeTimeout   = time.Second
	socketBuffer     = 4 << 10
)

// socket upgrades agents. They authenticate on the socket, with their first frame.
func (s *Server) socket() fiber.Handler {
	upgrade := websocket.New(s.serveSocket, websocket.Config{
		HandshakeTimeout: handshakeTimeout,
		ReadBufferSize:   socketBuffer,
		WriteBufferSize:  socketBuffer,
		RecoverHandler:   s.recoverSocket,
	})
	return func(c *fiber.Ctx) error {
		if !websocket.IsWebSocketUpgrade(c) {
			return core.Errorf(core.CodeValidation, "this is a WebSocket endpoint").WithHint("docs/protocol.md describes it.")
		}
		if !s.mayConnect(c) {
			return core.Errorf(core.CodeForbidden, "pages of this origin may not connect").WithHint("An operator can allow the origin.")
		}
		if s.sockets.closed() {
			return core.Errorf(core.CodeUnavailable, "this server is shutting down")
		}
		return upgrade(c)
	}
}

// mayConnect checks the origin: browsers do not apply CORS to WebSockets. Clients that are no browsers send none.
func (s *Server) mayConnect(c *fiber.Ctx) bool {
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" || s.listed(origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, string(c.Request().Host()))
}

// serveSocket holds the connection for as long as it is served. Serve gets the connection itself and not contrib's wrapper: that one is
// pooled, and after this function it belongs to another client. fasthttp leaves closing to us (keepHijacked), so every way out closes.
func (s *Server) serveSocket(pooled *websocket.Conn) {
	conn, remote := &agentSocket{Conn: pooled.Conn}, pooled.IP()
	defer func() { _ = conn.Close() }() // closed already, as a rule
	if !s.sockets.enter(conn) {
		message := websocket.FormatCloseMessage(wire.CloseRestart, "server restarts")
		// Whether it arrives or not, the connection ends here.
		_ = conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(goodbyeTimeout))
		return
	}
	defer s.sockets.leave(conn)
	s.cfg.Sockets.Serve(conn, remote)
}

// agentSocket is a WebSocket whose limit is the reader's to report. The library's own limit ends the connection with 1009 before the hub can
// say what was wrong.
type agentSocket struct {
	*ws.Conn
	limit int64 // of one message, in bytes; 0 is none. Only the reading goroutine uses it
}

// SetReadLimit bounds the messages that ReadMessage returns.
func (a *agentSocket) SetReadLimit(limit int64) { a.limit = limit }

// ReadMessage reads the next message. The end of one whose page was closed wraps wire.ErrGoingAway. One that is too large is an error that wraps wire.ErrBadFrame; what is left of it is skipped by the
// next call.
func (a *agentSocket) ReadMessage() (int, []byte, error) {
	kind, r, err := a.NextReader()
	if ws.IsCloseError(err, wire.CloseGoingAway) {
		return kind, nil, fmt.Errorf("%w: %w", wire.ErrGoingAway, err)
	}
	if err != nil {
		return kind, nil, err
	}
	if a.limit > 0 {
		r = io.LimitReader(r, a.limit+1)
	}
	data, err := io.ReadAll(r)
	if err == nil && a.limit > 0 && int64(len(data)) > a.limit {
		return kind, nil, fmt.Errorf("%w: more than %d bytes", wire.ErrBadFrame, a.limit)
	}
	return kind, data, err
}

// keepHijacked makes closing a socket close it. By default fasthttp turns Close of a hijacked connection into nothing until its handler has
// returned, so a reader that waits for an agent could be unblocked by nobody; it also hands its wrapper of the connection to the next client.
func keepHijacked(app *fiber.App) { app.Server().KeepHijackedConns = true }

// recoverSocket is deferred by the upgrader around serveSocket.
func (s *Server) recoverSocket(pooled *websocket.Conn) {
	if p := recover(); p != nil {
		s.cfg.Log.Error("panic in a socket", keyRemote, pooled.IP(), keyError, p, "stack", string(debug.Stack()))
	}
}

// socketRegistry knows the connections that are being served: Fiber's shutdown does not see them.
type socketRegistry struct {
	mu      sync.Mutex // guards what follows
	open    map[SocketConn]struct{}
	closing bool
	done    chan struct{} // made by close, closed when the last one has left
}

func (r *socketRegistry) enter(conn SocketConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	if r.open == nil {
		r.open = map[SocketConn]struct{}{}
	}
	r.open[conn] = struct{}{}
	return true
}

func (r *socketRegistry) leave(conn SocketConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
	if r.closing && len(r.open) == 0 {
		close(r.done)
	}
}

// close lets nobody in any more. The channel is closed when all have left. A second call gives the same channel.
func (r *socketRegistry) close() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return r.done
	}
	r.closing, r.done = true, make(chan struct{})
	if len(r.open) == 0 {
		close(r.done)
	}
	return r.done
}

func (r *socketRegistry) closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// abort cuts off who is left.
func (r *socketRegistry) abort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		_ = conn.Close() // its reader fails, and its handler returns
	}
}
