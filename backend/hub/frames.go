package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// read takes frames in until the connection ends. goodbye says whether the agent took its leave.
func (s *session) read() (goodbye bool) {
	s.conn.SetReadLimit(wire.MaxFrame)
	authBy := time.Now().Add(s.hub.cfg.AuthTimeout)
	for {
		deadline, onTimeout := s.deadline(authBy)
		if err := s.conn.SetReadDeadline(deadline); err != nil {
			return false
		}
		if s.isClosing() { // asked after the deadline is set: the writer then sets its own
			return false
		}
		kind, data, err := s.conn.ReadMessage()
		switch {
		case s.isClosing():
			return false
		case errors.Is(err, wire.ErrGoingAway):
			// A tab that is closed has no time for node:disconnect: its browser says it with the close code. Its pods are gone with it.
			s.log.Debug("the agent's page was closed")
			s.settleReports()
			return s.node != uuid.Nil
		case errors.Is(err, wire.ErrBadFrame):
			s.refuse(err, "")
			return false
		case isTimeout(err):
			s.close(onTimeout.code, onTimeout.text)
			return false
		case err != nil:
			return false
		case kind != textMessage:
			s.refuse(fmt.Errorf("%w: only text messages are understood", wire.ErrBadFrame), "")
			return false
		}
		env, err := wire.ParseEnvelope(data)
		if err != nil {
			s.refuse(err, "")
			return false
		}
		s.heard.Store(true)
		done, err := s.frame(env)
		if err != nil {
			s.refuse(err, env.CorrelationID)
			return false
		}
		if done {
			s.close(wire.CloseGoodbye, "goodbye")
			return true
		}
	}
}

type ending struct {
	code int
	text string
}

// deadline is until when the next frame must come, and what it means if it does not.
func (s *session) deadline(authBy time.Time) (time.Time, ending) {
	if s.actor.UserID == uuid.Nil {
		return authBy, ending{wire.CloseUnauthenticated, "authenticate first"}
	}
	silent := time.Now().Add(s.hub.heartbeatTimeout())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expires.Before(silent) {
		return s.expires, ending{wire.CloseUnauthenticated, "the token has expired"}
	}
	return silent, ending{wire.CloseNoHeartbeat, "no heartbeat"}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

const (
	codeProtocol core.Code = "PROTOCOL_UNSUPPORTED"
	codeBadFrame core.Code = "BAD_FRAME"
	codeUnknown  core.Code = "UNKNOWN_TYPE"
)

// closeCodes says how a connection ends that is refused with a code; CloseForbidden for those that are not here.
var closeCodes = map[core.Code]int{
	codeBadFrame:             wire.CloseBadFrame,
	codeProtocol:             wire.CloseProtocol,
	core.CodeUnauthenticated: wire.CloseUnauthenticated,
	core.CodeUnavailable:     wire.CloseRestart,
	core.CodeInternal:        wire.CloseRestart,
}

// refuse says what is wrong and ends the connection with the close code that fits.
func (s *session) refuse(err error, correlationID string) {
	if s.isClosing() {
		return // it failed because the connection ends
	}
	public := publicError(err)
	why := core.Code(public.Code)
	if why == core.CodeInternal {
		s.log.Error("agent session failed", "error", err)
	} else {
		s.log.Info("agent refused", "code", why, "error", err)
	}
	s.complain(public, correlationID)
	code, known := closeCodes[why]
	if !known {
		code = wire.CloseForbidden
	}
	s.close(code, public.Message)
}

// complain tells the agent what is wrong.
func (s *session) complain(what wire.ErrorFrame, correlationID string) {
	s.send(wire.TypeError, what, correlationID)
}

// publicError is what an agent may be told of an error.
func publicError(err error) wire.ErrorFrame {
	var public *core.Error
	switch {
	case errors.Is(err, wire.ErrBadFrame):
		return wire.ErrorFrame{Code: string(codeBadFrame), Message: err.Error()}
	case errors.As(err, &public) && public.Code != core.CodeInternal:
		return wire.ErrorFrame{Code: string(public.Code), Message: public.Message}
	case errors.Is(err, context.DeadlineExceeded):
		return wire.ErrorFrame{Code: string(core.CodeUnavailable), Message: "it took too long"}
	}
	return wire.ErrorFrame{Code: string(core.CodeInternal), Message: "internal error"}
}

// frame handles one frame. An error ends the connection.
func (s *session) frame(env wire.Envelope) (done bool, err error) {
	if env.Type == wire.TypeAuthenticate {
		return false, s.authenticate(env)
	}
	if s.actor.UserID == uuid.Nil {
		return false, core.Errorf(core.CodeUnauthenticated, "authenticate first")
	}
	if env.Type == wire.TypeNodeRegister {
		return false, s.register(env)
	}
	handle, known := handlers[env.Type]
	if !known {
		s.complain(wire.ErrorFrame{Code: string(codeUnknown), Message: fmt.Sprintf("frame type %q is not known", env.Type)}, env.CorrelationID)
		return false, nil
	}
	if s.node == uuid.Nil {
		return false, fmt.Errorf("%w: register a node first", wire.ErrBadFrame)
	}
	if err := handle(s, env); err != nil {
		// One pod's report that makes no sense is no reason to lose the others: the agent would come back and send it again.
		s.log.Warn("a frame makes no sense", "type", env.Type, "error", err)
		s.complain(publicError(err), env.CorrelationID)
		return false, nil
	}
	return env.Type == wire.TypeNodeDisconnect, nil
}

// handlers are for the frames of a registered agent. An error is answered, and the frame otherwise ignored.
var handlers = map[wire.Type]func(*session, wire.Envelope) error{
	wire.TypeNodeHeartbeat:  (*session).heartbeat,
	wire.TypeNodeDisconnect: (*session).disconnect,
	wire.TypePodStatus:      (*session).podStatus,
	wire.TypePodLogs:        (*session).podLogs,
	wire.TypeError:          (*session).complaint,
}

// authenticate checks a token: the first one lets the agent in, later ones prolong its stay.
func (s *session) authenticate(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.Authenticate](env)
	if err != nil {
		return err
	}
	if in.Protocol != wire.Protocol {
		return core.Errorf(codeProtocol, "protocol %d is not supported; this server speaks %d", in.Protocol, wire.Protocol)
	}
	actor, role, err := s.identify(in.Token)
	if err != nil && s.actor.UserID != uuid.Nil && core.CodeOf(err) != core.CodeUnauthenticated && core.CodeOf(err) != core.CodeForbidden {
		// Renewing failed for a reason that is not the token's. The old one still counts until it expires.
		s.log.Warn("renewing a token failed", "error", err)
		s.complain(publicError(err), env.CorrelationID)
		return nil
	}
	if err != nil {
		return err
	}
	if s.actor.UserID != uuid.Nil && s.actor.UserID != actor.UserID {
		return core.Errorf(core.CodeForbidden, "a connection cannot change its user")
	}
	if s.actor.UserID == uuid.Nil {
		s.log = s.log.With("user", actor.UserID)
		s.actor = actor
	}
	s.mu.Lock()
	s.expires = actor.ExpiresAt
	s.mu.Unlock()
	s.send(wire.TypeAuthenticated, wire.Authenticated{UserID: actor.UserID, Role: role, ExpiresAt: actor.ExpiresAt, Protocol: wire.Protocol},
		env.CorrelationID)
	return nil
}

func (s *session) identify(token string) (actor core.Actor, role string, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.hub.cfg.StoreTimeout)
	defer cancel()
	if actor, err = s.hub.cfg.Verifier.Verify(ctx, token); err != nil {
		return actor, "", err
	}
	user, err := s.hub.cfg.Store.Whoami(ctx, actor)
	if err != nil {
		return actor, "", fmt.Errorf("whoami: %w", err)
	}
	return actor, user.Role, nil
}

func (s *session) heartbeat(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.NodeHeartbeat](env)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.usage = usageOf(in)
	s.mu.Unlock()
	s.send(wire.TypeHeartbeatAck, s.hub.heartbeatAck(), env.CorrelationID)
	return nil
}

// disconnect takes the agent's leave, after what it reported is committed: what is not committed when its pods are placed anew never
// happened, and a pod that had completed would run again.
func (s *session) disconnect(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.NodeDisconnect](env)
	if err != nil {
		return err
	}
	s.log.Debug("agent says goodbye", "reason", in.Reason)
	s.settleReports()
	return nil
}

// settleReports waits until what the agent reported is committed.
func (s *session) settleReports() {
	patience := time.NewTimer(s.hub.cfg.FlushTimeout)
	defer patience.Stop()
	select {
	case <-s.allSettled():
	case <-s.closing:
	case <-patience.C:
		s.log.Warn("an agent left before its reports were committed")
	}
}

// complaint notes what the agent thinks of us.
func (s *session) complaint(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.ErrorFrame](env)
	if err != nil {
		return err
	}
	s.log.Warn("the agent reports an error", "code", in.Code, "message", in.Message, "about", env.CorrelationID)
	return nil
}

func (s *session) podLogs(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.PodLogs](env)
	if err != nil {
		return err
	}
	s.mu.Lock()
	mine := s.assigned[in.PodID] >= in.Incarnation
	s.mu.Unlock()
	if !mine {
		return nil // not its pod, or not any more
	}
	lines := make([]core.LogLine, 0, len(in.Lines)+1)
	if in.Dropped > 0 {
		lines = append(lines, core.LogLine{PodID: in.PodID, Incarnation: in.Incarnation, At: env.Timestamp, Stream: "system",
			Text: fmt.Sprintf("%d lines were dropped by the agent", in.Dropped)})
	}
	for _, l := range in.Lines {
		lines = append(lines, core.LogLine{PodID: in.PodID, Incarnation: in.Incarnation, At: l.At, Stream: l.Stream, Text: l.Text})
	}
	s.hub.logs.add(lines)
	return nil
}
