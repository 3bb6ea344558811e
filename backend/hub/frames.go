package hub

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// read takes frames in until the connection ends. goodbye says whether the agent took its leave.
func (s *session) read() (goodbye bool) {
	s.conn.SetReadLimit(wire.MaxFrame + 1024)
	authBy := time.Now().Add(s.hub.cfg.AuthTimeout)
	for {
		deadline, onTimeout := s.deadline(authBy)
		if err := s.conn.SetReadDeadline(deadline); err != nil {
			return false
		}
		kind, data, err := s.conn.ReadMessage()
		if err != nil {
			if isTimeout(err) {
				s.close(onTimeout.code, onTimeout.text)
			}
			return false
		}
		if kind != textMessage {
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
		select {
		case <-s.closing:
			return false
		default:
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
	timeout := time.Duration(s.hub.cfg.Cluster.ConfigInt("heartbeat.timeoutMs", 30_000)) * time.Millisecond
	silent := time.Now().Add(timeout)
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

// refuse says what is wrong and ends the connection with the close code that fits.
func (s *session) refuse(err error, correlationID string) {
	var public *core.Error
	code, reason := wire.CloseBadFrame, wire.ErrorFrame{Code: "BAD_FRAME", Message: err.Error()}
	switch {
	case errors.Is(err, wire.ErrBadFrame):
	case errors.As(err, &public):
		reason = wire.ErrorFrame{Code: string(public.Code), Message: public.Message}
		switch public.Code {
		case core.CodeUnauthenticated:
			code = wire.CloseUnauthenticated
		case core.CodeUnavailable:
			code = wire.CloseRestart
		case codeProtocol:
			code = wire.CloseProtocol
		default:
			code = wire.CloseForbidden
		}
		s.log.Info("agent refused", "error", err)
	default:
		code, reason = wire.CloseRestart, wire.ErrorFrame{Code: string(core.CodeInternal), Message: "internal error"}
		s.log.Error("agent session failed", "error", err)
	}
	s.send(wire.TypeError, reason, correlationID)
	s.close(code, reason.Message)
}

const codeProtocol core.Code = "PROTOCOL_UNSUPPORTED"

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
		s.send(wire.TypeError, wire.ErrorFrame{Code: "UNKNOWN_TYPE", Message: fmt.Sprintf("frame type %q is not known", env.Type)}, env.CorrelationID)
		return false, nil
	}
	if s.node == uuid.Nil {
		return false, fmt.Errorf("%w: register a node first", wire.ErrBadFrame)
	}
	return env.Type == wire.TypeNodeDisconnect, handle(s, env)
}

var handlers = map[wire.Type]func(*session, wire.Envelope) error{
	wire.TypeNodeHeartbeat:  (*session).heartbeat,
	wire.TypeNodeDisconnect: (*session).disconnect,
	wire.TypePodStatus:      (*session).podStatus,
	wire.TypePodLogs:        (*session).podLogs,
}

func (s *session) authenticate(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.Authenticate](env)
	if err != nil {
		return err
	}
	if in.Protocol != wire.Protocol {
		return core.Errorf(codeProtocol, "protocol %d is not supported; this server speaks %d", in.Protocol, wire.Protocol)
	}
	actor, err := s.hub.cfg.Verifier.Verify(s.ctx, in.Token)
	if err != nil {
		return err
	}
	if s.actor.UserID != uuid.Nil && s.actor.UserID != actor.UserID {
		return core.Errorf(core.CodeForbidden, "a connection cannot change its user")
	}
	user, err := s.hub.cfg.Store.Whoami(s.ctx, actor)
	if err != nil {
		return err
	}
	if s.actor.UserID == uuid.Nil {
		s.actor = actor
		s.log = s.log.With("user", actor.UserID)
	}
	s.mu.Lock()
	s.expires = actor.ExpiresAt
	s.mu.Unlock()
	s.send(wire.TypeAuthenticated, wire.Authenticated{UserID: actor.UserID, Role: user.Role, ExpiresAt: actor.ExpiresAt, Protocol: wire.Protocol}, env.CorrelationID)
	return nil
}

func (s *session) register(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.NodeRegister](env)
	if err != nil {
		return err
	}
	if s.node != uuid.Nil {
		return fmt.Errorf("%w: a connection registers one node", wire.ErrBadFrame)
	}
	actor := s.actor
	actor.CorrelationID = env.CorrelationID
	reg := core.Registration{
		Name: in.Name, Runtime: in.RuntimeType, RuntimeVersion: in.RuntimeVersion, AgentVersion: in.AgentVersion, BootID: in.BootID,
		SessionID: s.id, ServerID: s.hub.cfg.ServerID, Labels: in.Labels, Annotations: in.Annotations, Taints: in.Taints,
		Capabilities: in.Capabilities, CPU: in.Resources.CPU, Memory: in.Resources.Memory, MaxPods: in.Resources.Pods,
	}
	for _, p := range in.Pods {
		reg.Held = append(reg.Held, core.HeldPod{PodID: p.PodID, Incarnation: p.Incarnation, Status: p.Status})
	}
	out, err := s.hub.cfg.Store.RegisterNode(s.ctx, actor, reg)
	if err != nil {
		return err
	}
	s.node = out.NodeID
	s.log = s.log.With("node", in.Name, "node_id", out.NodeID)
	s.send(wire.TypeNodeRegistered, wire.NodeRegistered{
		NodeID: out.NodeID, Name: in.Name, Access: out.Access, Supabase: s.hub.cfg.Supabase,
		HeartbeatIntervalMS: s.hub.cfg.Cluster.ConfigInt("heartbeat.intervalMs", 10_000),
	}, env.CorrelationID)
	if old := s.hub.own(s); old != nil {
		old.close(wire.CloseSuperseded, "another connection registered this node")
	}
	s.resume(out)
	s.log.Info("agent registered", "runtime", in.RuntimeType, "access", out.Access, "held", len(in.Pods), "home", len(out.Pods))
	return nil
}

// resume tells the agent what it should run and what not. It comes after own: what the feed shows from now on is relayed, and what it
// showed before is in the picture. An agent may hear of a pod twice; that changes nothing, and it runs none before its claim
// (status starting) was accepted by the database.
func (s *session) resume(out core.Registered) {
	for _, held := range out.Stop {
		s.send(wire.TypePodStop, wire.PodStop{PodID: held.PodID, Incarnation: held.Incarnation, Reason: core.ReasonStale}, "")
	}
	for _, pod := range out.Pods {
		s.mu.Lock()
		s.assigned[pod.ID] = pod.Incarnation
		s.mu.Unlock()
		if pod.Desired == core.DesiredStopped {
			s.stop(pod, core.ReasonStoppedByUser)
		} else {
			s.assign(pod)
		}
	}
	for _, pod := range s.hub.cfg.Cluster.PodsOn(s.node) {
		if pod.Status == core.PodScheduled && pod.Desired == core.DesiredRunning {
			s.assign(pod)
		}
	}
}

func (s *session) heartbeat(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.NodeHeartbeat](env)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.usage = usageOf(in)
	s.mu.Unlock()
	s.send(wire.TypeHeartbeatAck, struct{}{}, env.CorrelationID)
	return nil
}

func (s *session) disconnect(env wire.Envelope) error {
	_, err := wire.ParsePayload[wire.NodeDisconnect](env)
	return err
}

func (s *session) podStatus(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.PodStatus](env)
	if err != nil {
		return err
	}
	report := core.StatusReport{NodeID: s.node, PodID: in.PodID, Incarnation: in.Incarnation, Status: in.Status,
		Reason: in.Reason, Message: in.Message, Result: in.Result}
	if !s.hub.reporter.add(report, func(verdict string) { s.acknowledge(report, verdict, env.CorrelationID) }) {
		s.close(wire.CloseRestart, "the database does not keep up")
	}
	return nil
}

func (s *session) acknowledge(r core.StatusReport, verdict, correlationID string) {
	s.send(wire.TypePodStatusAck, wire.PodStatusAck{PodID: r.PodID, Incarnation: r.Incarnation, Status: r.Status,
		Accepted: verdict == core.VerdictAccepted, Code: verdict}, correlationID)
	stale := verdict == core.VerdictStaleIncarnation || verdict == core.VerdictNotFound
	if stale && !r.Status.Final() {
		s.send(wire.TypePodStop, wire.PodStop{PodID: r.PodID, Incarnation: r.Incarnation, Reason: core.ReasonStale}, "")
	}
	if stale || r.Status.Final() {
		// Late lines may still come; the map only has to stop growing.
		time.AfterFunc(time.Minute, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.assigned[r.PodID] == r.Incarnation {
				delete(s.assigned, r.PodID)
			}
		})
	}
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
