package api

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

const (
	lingerFor   = 2 * time.Second
	lingerBytes = 64 << 20
)

// lingerListener hands out connections that can be closed politely.
//
// A request that is refused before its body was read leaves bytes in the socket. Closing it then makes the kernel send RST, which throws
// away our answer before the client has read it: instead of 413 it sees "connection reset". So such a connection stops writing first, and reads for
// a while what the client still sends. nginx calls this lingering_close; RFC 9112, 9.6 describes it.
type lingerListener struct{ net.Listener }

func (l *lingerListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lingerConn{Conn: conn}, nil
}

type lingerConn struct {
	net.Conn
	lingers atomic.Bool
}

// linger makes conn's Close a polite one.
func linger(conn net.Conn) {
	if c, ok := conn.(*lingerConn); ok {
		c.lingers.Store(true)
	}
}

// Close blocks for lingerFor at most when the connection lingers.
func (c *lingerConn) Close() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if ok && c.lingers.Swap(false) && half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
		// How it ends does not matter: the answer has been sent.
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	return c.Conn.Close()
}
