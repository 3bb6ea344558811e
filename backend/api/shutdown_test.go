package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestShutdownWaitsForSocketsAndCutsOffTheRest(t *testing.T) {
	t.Parallel()
	w := start(t)
	reading := make(chan struct{})
	ended := make(chan struct{})
	w.serve = func(conn SocketConn, _ string) {
		defer close(ended)
		close(reading)
		_, _, _ = conn.ReadMessage() // an agent that says nothing
	}
	conn, _, err := w.dial("")
	require.NoError(t, err)
	defer conn.Close()
	<-reading

	impatient, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("out of patience"))
	require.ErrorContains(t, w.srv.Shutdown(impatient), "out of patience")
	<-ended
	_, _, err = conn.ReadMessage()
	require.Error(t, err)
	_, _, err = w.dial("")
	require.Error(t, err, "nobody is let in any more")
}

// The owner of the sockets ends them while Shutdown waits; nothing has to be cut off.
func TestShutdownIsGracefulWhenSocketsEnd(t *testing.T) {
	t.Parallel()
	w := start(t)
	reading, end := make(chan struct{}), make(chan struct{})
	w.serve = func(conn SocketConn, _ string) {
		close(reading)
		<-end
		_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(wire.CloseRestart, "server restarts"))
	}
	conn, _, err := w.dial("")
	require.NoError(t, err)
	defer conn.Close()
	<-reading
	result := make(chan error, 1)
	go func() { result <- w.srv.Shutdown(t.Context()) }()
	_, _, err = w.dial("")
	for err == nil || strings.Contains(err.Error(), "bad handshake") { // until the listener is closed
		_, _, err = w.dial("")
	}
	assert.Empty(t, result, "it waits for the socket")
	close(end)
	_, _, err = conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, wire.CloseRestart), "%v", err)
	require.NoError(t, <-result)
	require.NoError(t, w.srv.Shutdown(t.Context()), "a second time changes nothing")
}

// Closing a socket closes it, whoever reads from it: fasthttp by itself would not.
func TestCloseUnblocksTheReader(t *testing.T) {
	t.Parallel()
	w := start(t)
	failed := make(chan error, 1)
	w.serve = func(conn SocketConn, _ string) {
		reading := make(chan struct{})
		go func() { <-reading; _ = conn.Close() }()
		close(reading)
		_, _, err := conn.ReadMessage()
		failed <- err
	}
	conn, _, err := w.dial("")
	require.NoError(t, err)
	defer conn.Close()
	require.ErrorIs(t, <-failed, net.ErrClosed)
}

// The reader learns that a message was too large, can still say so, and can go on.
func TestMessagesOverTheLimit(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.serve = func(conn SocketConn, _ string) {
		conn.SetReadLimit(1 << 20)
		_, _, err := conn.ReadMessage()
		assert.ErrorIs(t, err, wire.ErrBadFrame)
		_, data, err := conn.ReadMessage()
		assert.NoError(t, err)
		_ = conn.WriteMessage(websocket.TextMessage, append([]byte("after that: "), data...))
		_, _, _ = conn.ReadMessage()
	}
	conn, _, err := w.dial("")
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, make([]byte, 2<<20)))
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("small")))
	_, data, err := conn.ReadMessage()
	require.NoError(t, err)
	assert.Equal(t, "after that: small", string(data))
}

// A server that was told to stop before it began does not begin.
func TestShutdownBeforeListen(t *testing.T) {
	t.Parallel()
	w := start(t)
	srv, err := New(w.srv.cfg)
	require.NoError(t, err)
	require.NoError(t, srv.Shutdown(t.Context()))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, srv.Listen(ln))
	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err)
}

// A socket that arrives while the server stops is told to come back elsewhere.
func TestNoNewSocketsWhileClosing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.srv.sockets.close()
	_, resp, err := w.dial("")
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.Equal(t, http.StatusServiceUnavailable, w.do("GET", "/ready", nil).status)
	assert.False(t, w.srv.sockets.enter(nil))
}

// Shutdown returns with its context also when a request hangs or a client does not finish one; then the request's own context ends.
func TestShutdownDoesNotWaitForRequestsThatHang(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{})
	w := start(t, func(c *Config) {
		c.Ready = func(ctx context.Context) (bool, any) {
			close(reached)
			<-ctx.Done()
			return false, context.Cause(ctx).Error()
		}
	})
	half, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer half.Close()
	_, err = half.Write([]byte("POST /api/pods HTTP/1.1\r\nHost: x\r\nContent-Le"))
	require.NoError(t, err)
	hanging := make(chan answer, 1)
	go func() { hanging <- w.do("GET", "/ready", nil) }()
	<-reached

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
	a := <-hanging
	a.refused(t, http.StatusServiceUnavailable, core.CodeUnavailable)
	assert.Contains(t, a.body, "the server has shut down")
}
