package hub

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// register makes the connection speak for a node.
//
// Two things must not happen. An older connection of the same agent must not overtake a newer one: a name is registered by one connection
// at a time, in the database and here. And nothing may fall between what the database said and what the feed says from then on: changes are
// kept from before the transaction until the agent has been told of its outcome, and then told in their order.
func (s *session) register(env wire.Envelope) error {
	in, err := wire.ParsePayload[wire.NodeRegister](env)
	if err != nil {
		return err
	}
	if s.node != uuid.Nil {
		return fmt.Errorf("%w: a connection registers one node", wire.ErrBadFrame)
	}
	defer s.hub.forget(s)
	out, err := s.claim(in, env.CorrelationID)
	if err != nil {
		return err
	}
	s.resume(out)
	s.log.Info("agent registered", "runtime", in.RuntimeType, "access", out.Access, "held", len(in.Pods), "home", len(out.Pods))
	return nil
}

// claim takes the node in the database and then here, and tells the agent. Changes are kept for the session from then on.
func (s *session) claim(in wire.NodeRegister, correlationID string) (core.Registered, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.hub.cfg.StoreTimeout)
	defer cancel()
	release, err := s.hub.claimName(ctx, in.Name)
	if err != nil {
		return core.Registered{}, err
	}
	defer release()
	s.hub.remember(s)
	actor := s.actor
	actor.CorrelationID = correlationID
	out, err := s.hub.cfg.Store.RegisterNode(ctx, actor, s.registration(in))
	if err != nil {
		return core.Registered{}, fmt.Errorf("register node: %w", err)
	}
	s.node, s.boot = out.NodeID, in.BootID
	s.log = s.log.With("node", in.Name, "node_id", out.NodeID)
	s.send(wire.TypeNodeRegistered, wire.NodeRegistered{
		NodeID: out.NodeID, Name: in.Name, Access: out.Access, Supabase: s.hub.cfg.Supabase,
		HeartbeatIntervalMS: s.hub.heartbeatInterval().Milliseconds(), LeaseMS: s.hub.lease().Milliseconds(),
	}, correlationID)
	switch old := s.hub.own(s); {
	case old == nil:
	case old.boot == s.boot:
		// The same process, which thinks that the old connection is dead. Should it not be, this is no other agent's doing.
		old.close(wire.CloseRestart, "this agent has a newer connection")
	default:
		old.close(wire.CloseSuperseded, "another connection registered this node")
	}
	return out, nil
}

func (s *session) registration(in wire.NodeRegister) core.Registration {
	reg := core.Registration{
		Name: in.Name, Runtime: in.RuntimeType, RuntimeVersion: in.RuntimeVersion, AgentVersion: in.AgentVersion, BootID: in.BootID,
		SessionID: s.id, ServerID: s.hub.cfg.ServerID, Labels: in.Labels, Annotations: in.Annotations, Taints: in.Taints,
		Capabilities: in.Capabilities, CPU: in.Resources.CPU, Memory: in.Resources.Memory, MaxPods: in.Resources.Pods,
		Held: make([]core.HeldPod, len(in.Pods)),
	}
	for i, p := range in.Pods {
		reg.Held[i] = core.HeldPod{PodID: p.PodID, Incarnation: p.Incarnation, Status: p.Status}
	}
	return reg
}

// resume tells the agent what it should run and what not, then what changed meanwhile. It may wait for the agent, since nobody waits for it.
// An agent may hear of a pod twice; that changes nothing, and it runs none before its claim (status starting) was accepted by the database.
func (s *session) resume(out core.Registered) {
	for _, held := range out.Stop {
		s.out.wait(s.closing)
		s.send(wire.TypePodStop, wire.PodStop{PodID: held.PodID, Incarnation: held.Incarnation, Reason: core.ReasonStale}, "")
	}
	for _, pod := range out.Pods {
		s.out.wait(s.closing)
		s.takeLogs(pod)
		switch {
		case pod.Desired == core.DesiredStopped:
			s.stop(pod, core.ReasonStoppedByUser)
		case pod.Eviction != "":
			s.stop(pod, pod.Eviction)
		default:
			s.assign(pod)
		}
	}
	// The feed can show an assignment before other sessions of the database see it: then it is in the picture and not in out.
	for _, pod := range s.hub.cfg.Cluster.PodsOn(s.node) {
		if pod.Status == core.PodScheduled && !pod.Leaving() && !s.knows(pod) {
			s.out.wait(s.closing)
			s.assign(pod)
		}
	}
	for {
		missed := s.hub.missed(s)
		if len(missed) == 0 {
			return
		}
		for _, change := range missed {
			s.out.wait(s.closing)
			s.follow(change)
		}
	}
}

// knows says whether the agent has been told of this incarnation of a pod.
func (s *session) knows(pod *core.Pod) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.assigned[pod.ID] == pod.Incarnation
}

// claimName waits until nobody else registers a node of this name here. release must be called.
func (h *Hub) claimName(ctx context.Context, name string) (release func(), err error) {
	for {
		over, claimed := h.tryName(name)
		if claimed {
			return func() {
				h.mu.Lock()
				delete(h.names, name)
				h.mu.Unlock()
				close(over)
			}, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, core.Errorf(core.CodeUnavailable, "another connection is registering this node").WithCause(context.Cause(ctx))
		}
	}
}

func (h *Hub) tryName(name string) (over chan struct{}, claimed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if over, taken := h.names[name]; taken {
		return over, false
	}
	over = make(chan struct{})
	h.names[name] = over
	return over, true
}

// remember keeps what changes from now on for a session that registers.
func (h *Hub) remember(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.registering[s] = nil
}

// missed takes what was kept. When there is nothing, the session has caught up and is told of changes as they come.
func (h *Hub) missed(s *session) []cluster.PodChange {
	h.mu.Lock()
	defer h.mu.Unlock()
	missed := h.registering[s]
	if len(missed) == 0 {
		delete(h.registering, s)
		return nil
	}
	h.registering[s] = nil
	return missed
}

func (h *Hub) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.registering, s)
}

// own makes s the session of its node and returns the one that it replaces, if any.
func (h *Hub) own(s *session) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.byNode[s.node]
	h.byNode[s.node] = s
	return old
}
