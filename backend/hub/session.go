package hub

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Conn is a WebSocket. One goroutine reads and one writes, as gorilla's and fasthttp's allow. SetReadDeadline and Close may be called by
// any goroutine, and a ReadMessage that waits notices. A message over the read limit is an error that wraps wire.ErrBadFrame; the end
// of a connection whose page was closed is one that wraps wire.ErrGoingAway.
type Conn interface {
	ReadMessage() (messageType int, data []byte, err error)
	WriteMessage(messageType int, data []byte) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	SetReadLimit(limit int64)
	Close() error
}

const (
	textMessage  = 1 // RFC 6455 opcodes
	closeMessage = 8
	maxCloseText = 123 // a control frame holds 125 bytes, two are the code
)

// session is one agent's connection. Serve's goroutine reads; the writer goroutine alone writes.
type session struct {
	id     uuid.UUID
	hub    *Hub
	conn   Conn
	ctx    context.Context
	cancel context.CancelFunc

	out     *outbox       // frames for the writer
	closing chan struct{} // closed once an end is decided; code and text are set then
	once    sync.Once
	code    int
	text    string

	// Written by the reading goroutine before the session becomes visible through Hub.byNode, and not after.
	log   *slog.Logger
	actor core.Actor
	node  uuid.UUID
	boot  uuid.UUID // the agent's process

	heard atomic.Bool // since the last lease renewal

	mu       sync.Mutex // guards what follows
	usage    json.RawMessage
	assigned map[uuid.UUID]int64 // pods whose logs we take, and their incarnation
	expires  time.Time           // of the token
	reports  int                 // that wait for the database
	settled  chan struct{}       // when set, closed as soon as none waits
}

// Serve runs one agent's connection until it ends. It owns conn; the caller closes nothing and keeps nothing.
func (h *Hub) Serve(conn Conn, remote string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &session{
		id: uuid.New(), hub: h, conn: conn, ctx: ctx, cancel: cancel, log: h.cfg.Log.With("remote", remote),
		out: newOutbox(h.cfg.QueueLength, h.cfg.QueueBytes), closing: make(chan struct{}), assigned: map[uuid.UUID]int64{},
	}
	if !h.enter(s) {
		s.close(wire.CloseRestart, "server restarts")
		s.writeClose()
		_ = conn.Close()
		return
	}
	defer h.serving.Done()
	written := make(chan struct{})
	go func() { defer close(written); s.write() }()
	goodbye := false
	defer func() { // also after a panic: nothing may keep the connection
		if p := recover(); p != nil {
			s.log.Error("panic in a session", "error", p, "stack", string(debug.Stack()))
			s.close(wire.CloseRestart, "internal error")
		}
		s.close(wire.CloseGoodbye, "")
		<-written
		s.linger()
		_ = conn.Close()
		s.end(goodbye)
	}()
	goodbye = s.read()
}

// end tells the database that the node's connection is gone, unless another one speaks for it already or we are going ourselves.
func (s *session) end(goodbye bool) {
	owned, closing := s.hub.leave(s)
	if !owned || (closing && !goodbye) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.hub.cfg.StoreTimeout)
	defer cancel()
	if _, err := s.hub.cfg.Store.SetNodeGone(ctx, s.node, s.id, goodbye); err != nil {
		s.log.Warn("recording a lost agent failed; its lease will run out", "error", err)
	}
	s.log.Info("agent gone", "goodbye", goodbye, "code", s.code, "why", s.text)
}

// send queues a frame and never blocks.
func (s *session) send(t wire.Type, payload any, correlationID string) {
	frame, err := s.encode(t, payload, correlationID)
	if err != nil {
		s.log.Error("a frame cannot be sent", "type", t, "error", err)
		return
	}
	s.enqueue(frame)
}

func (s *session) encode(t wire.Type, payload any, correlationID string) ([]byte, error) {
	return wire.Encode(t, payload, time.Now(), correlationID)
}

// enqueue never blocks: an agent that does not keep up is cut off and resumes.
func (s *session) enqueue(frame []byte) {
	if !s.out.put(frame) {
		s.close(wire.CloseSlow, "too slow: the queue ran over")
	}
}

// close decides the end, once. The writer carries it out.
func (s *session) close(code int, text string) {
	s.once.Do(func() {
		s.code, s.text = code, text
		close(s.closing)
		s.cancel()
	})
}

func (s *session) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// abort ends the connection without a word.
func (s *session) abort() {
	s.close(wire.CloseRestart, "server restarts")
	_ = s.conn.Close()
}

// write sends frames until the end is decided; what was queued before that still goes out, then the close frame.
func (s *session) write() {
	for !s.isClosing() {
		frame := s.out.take()
		if frame == nil {
			select {
			case <-s.out.wake:
			case <-s.closing:
			}
			continue
		}
		if !s.writeFrame(frame, time.Now().Add(s.hub.cfg.WriteTimeout)) {
			s.close(wire.CloseGoodbye, "write failed")
			_ = s.conn.Close() // wakes the reader
			return
		}
	}
	if s.code == wire.CloseSlow || s.flush() {
		s.writeClose()
	}
	// The reader waits for the agent's answer from now on, and not for as long as it would have.
	_ = s.conn.SetReadDeadline(time.Now().Add(s.hub.cfg.CloseTimeout))
}

// flush writes what is queued. All of it has the time of one frame: an agent that reads a little now and then must not hold us.
func (s *session) flush() bool {
	until := time.Now().Add(s.hub.cfg.WriteTimeout)
	for frame := s.out.take(); frame != nil; frame = s.out.take() {
		if !s.writeFrame(frame, until) {
			return false
		}
	}
	return true
}

func (s *session) writeFrame(frame []byte, until time.Time) bool {
	if err := s.conn.SetWriteDeadline(until); err != nil {
		return false
	}
	return s.conn.WriteMessage(textMessage, frame) == nil
}

func (s *session) writeClose() {
	text := strings.ToValidUTF8(s.text[:min(len(s.text), maxCloseText)], "")
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.hub.cfg.CloseTimeout))
	_ = s.conn.WriteMessage(closeMessage, append([]byte{byte(s.code >> 8), byte(s.code)}, text...)) // the peer may be gone already
}

// linger reads until the agent has answered the close, or for CloseTimeout. Closing a socket with unread bytes in it makes the kernel send
// a reset, which can throw away what we wrote before the agent has read it: the agent would not learn why.
func (s *session) linger() {
	if s.conn.SetReadDeadline(time.Now().Add(s.hub.cfg.CloseTimeout)) != nil {
		return
	}
	for {
		if _, _, err := s.conn.ReadMessage(); err != nil && !errors.Is(err, wire.ErrBadFrame) {
			return
		}
	}
}

func (s *session) lastUsage() json.RawMessage { s.mu.Lock(); defer s.mu.Unlock(); return s.usage }
