package hub

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Conn is a WebSocket. One goroutine reads and one writes, as gorilla's and fasthttp's allow.
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
)

// session is one agent's connection. Serve's goroutine reads; the writer goroutine alone writes.
type session struct {
	id     uuid.UUID
	hub    *Hub
	conn   Conn
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc

	queue   chan []byte   // frames for the writer
	closing chan struct{} // closed once an end is decided; closeCode and closeText are set then
	once    sync.Once
	code    int
	text    string

	// Written by the reading goroutine before the session becomes visible through Hub.byNode, and not after.
	actor core.Actor
	node  uuid.UUID

	heard atomic.Bool // since the last lease renewal

	mu       sync.Mutex // guards what follows
	usage    json.RawMessage
	assigned map[uuid.UUID]int64 // pods whose logs we take, and their incarnation
	expires  time.Time           // of the token
}

// Serve runs one agent's connection until it ends. It owns conn; the caller closes nothing and keeps nothing.
func (h *Hub) Serve(conn Conn, remote string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &session{
		id: uuid.New(), hub: h, conn: conn, ctx: ctx, cancel: cancel, log: h.cfg.Log.With("remote", remote),
		queue: make(chan []byte, h.cfg.QueueLength), closing: make(chan struct{}), assigned: map[uuid.UUID]int64{},
	}
	if !h.enter(s) {
		s.code, s.text = wire.CloseRestart, "server restarts"
		s.writeClose()
		_ = conn.Close()
		return
	}
	defer h.serving.Done()
	written := make(chan struct{})
	go func() { defer close(written); s.write() }()
	goodbye := s.read()
	s.close(wire.CloseGoodbye, "")
	<-written // the writer has closed the socket
	s.end(goodbye)
}

// end tells the database that the node's connection is gone, unless another one speaks for it already or we are going ourselves.
func (s *session) end(goodbye bool) {
	owned, closing := s.hub.leave(s)
	if !owned || (closing && !goodbye) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := s.hub.cfg.Store.SetNodeGone(ctx, s.node, s.id, goodbye); err != nil {
		s.log.Warn("recording a lost agent failed; its lease will run out", "error", err)
	}
	s.log.Info("agent gone", "goodbye", goodbye, "code", s.code, "why", s.text)
}

// send queues a frame and never blocks: an agent that does not keep up is cut off and resumes.
func (s *session) send(t wire.Type, payload any, correlationID string) {
	frame := wire.Encode(t, payload, time.Now(), correlationID)
	select {
	case s.queue <- frame:
	default:
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

// abort ends the connection without a word.
func (s *session) abort() {
	s.close(wire.CloseRestart, "server restarts")
	_ = s.conn.Close()
}

// write sends frames until the end is decided; what was queued before that still goes out, then the close frame.
func (s *session) write() {
	defer func() { _ = s.conn.Close() }()
	for {
		select {
		case frame := <-s.queue:
			if !s.writeFrame(frame) {
				s.close(wire.CloseGoodbye, "write failed")
				return
			}
		case <-s.closing:
			for s.code != wire.CloseSlow {
				select {
				case frame := <-s.queue:
					if s.writeFrame(frame) {
						continue
					}
				default:
				}
				break
			}
			s.writeClose()
			return
		}
	}
}

func (s *session) writeFrame(frame []byte) bool {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.hub.cfg.WriteTimeout)); err != nil {
		return false
	}
	return s.conn.WriteMessage(textMessage, frame) == nil
}

func (s *session) writeClose() {
	text := s.text[:min(len(s.text), 120)] // a control frame holds 125 bytes
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_ = s.conn.WriteMessage(closeMessage, append([]byte{byte(s.code >> 8), byte(s.code)}, text...)) // the peer may be gone already
}

func (s *session) assign(pod *core.Pod) {
	pack := s.hub.cfg.Cluster.Pack(pod.PackID)
	if pack == nil {
		// The foreign key keeps packs of live pods, and the feed shows a pack before its pods.
		s.log.Error("a pod was assigned whose pack is not known", "pod", pod.ID, "pack", pod.PackID)
		return
	}
	s.mu.Lock()
	s.assigned[pod.ID] = pod.Incarnation
	s.mu.Unlock()
	s.send(wire.TypePodAssign, wire.AssignmentOf(pod, pack), "")
}

func (s *session) stop(pod *core.Pod, reason string) {
	s.send(wire.TypePodStop, wire.PodStop{PodID: pod.ID, Incarnation: pod.Incarnation, Reason: reason,
		GracePeriodMS: pod.GracePeriod.Milliseconds()}, "")
}

func (s *session) lastUsage() json.RawMessage { s.mu.Lock(); defer s.mu.Unlock(); return s.usage }
