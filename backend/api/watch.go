package api

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	headerLastEvent = "Last-Event-ID"
	// streamPatience is how long a client may take to accept what it is sent. One that has stopped reading is cut off, and comes back with its cursor.
	streamPatience = 20 * time.Second
)

// watch streams what changes, as server-sent events (WHATWG HTML, 9.2). Not the request's deadline ends it, but its client, its token or Shutdown.
func (s *Server) watch(c *fiber.Ctx, who caller) error {
	query, err := watchQuery(c)
	if err != nil {
		return err
	}
	if s.streaming.Err() != nil {
		return core.Errorf(core.CodeUnavailable, "this server is shutting down")
	}
	if c.Method() == fiber.MethodHead {
		return c.SendStatus(fiber.StatusOK)
	}
	stream, err := s.cfg.Watches.Open(c.UserContext(), who.Actor, query)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set("X-Accel-Buffering", "no") // nginx would keep it back
	// The deadline for writing would be the next request's too.
	c.Context().SetConnectionClose()
	conn, correlation := c.Context().Conn(), correlationID(c)
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		start := time.Now()
		// A client that does not read must not hold up Shutdown.
		unstick := context.AfterFunc(s.streaming, func() { _ = conn.SetWriteDeadline(time.Now().Add(goodbyeTimeout)) })
		defer unstick()
		err := guardedStream(func() error {
			return stream(s.streaming, func(frames []wire.WatchFrame) error { return s.sendFrames(conn, w, frames) })
		})
		s.cfg.Log.LogAttrs(s.ctx, slog.LevelInfo, "watch ended", slog.String(keyCorrelation, correlation),
			slog.String(keyUser, who.UserID.String()), slog.Duration(keyDuration, time.Since(start)), slog.Any(keyError, err))
	})
	return nil
}

// guardedStream makes a panic an error: a stream has a goroutine of its own, where nothing else would catch it.
func guardedStream(stream func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return stream()
}

func watchQuery(c *fiber.Ctx) (query wire.WatchQuery, err error) {
	for kind := range strings.SplitSeq(c.Query("kinds", "pods,nodes"), ",") {
		if !slices.Contains(wire.WatchKinds, wire.WatchKind(kind)) {
			return query, core.Invalid("kinds", "must be some of %s, with commas between", oneOf(wire.WatchKinds))
		}
		query.Kinds = append(query.Kinds, wire.WatchKind(kind))
	}
	slices.Sort(query.Kinds)
	query.Kinds = slices.Compact(query.Kinds)
	if query.Namespace, err = queryText(c, "namespace"); err != nil {
		return query, err
	}
	if query.Cursor, err = queryText(c, "cursor"); err != nil {
		return query, err
	}
	// A client that reconnects by itself repeats its first query and says in the header how far it has come since.
	if last := c.Get(headerLastEvent); last != "" {
		query.Cursor = last
	}
	return query, nil
}

// sendFrames writes frames and waits until the client's side has them, or has not taken them in time.
func (s *Server) sendFrames(conn net.Conn, w *bufio.Writer, frames []wire.WatchFrame) error {
	for _, f := range frames {
		// For each: a slow client may take its time over many.
		if err := conn.SetWriteDeadline(time.Now().Add(streamPatience)); err != nil {
			return err
		}
		if s.streaming.Err() != nil { // looked at after the line above, which may have undone what Shutdown had set
			if err := conn.SetWriteDeadline(time.Now().Add(goodbyeTimeout)); err != nil {
				return err
			}
		}
		if f.Event == wire.WatchKeepAlive {
			// A comment; the id alone is no event but moves what a client comes back with.
			_, _ = w.WriteString(": keep-alive\nid: " + f.Cursor + "\n\n")
			continue
		}
		_, _ = w.WriteString("event: " + string(f.Event) + "\nid: " + f.Cursor + "\ndata: ") // bufio keeps the error for Flush
		_, _ = w.Write(f.Data)
		_, _ = w.WriteString("\n\n")
	}
	return w.Flush()
}
