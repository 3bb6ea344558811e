package hub

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Whatever somebody writes into cluster_config, agents beat at least this far apart, and are given up after two beats at the earliest.
const minHeartbeat = 100 * time.Millisecond

func (h *Hub) heartbeatInterval() time.Duration {
	return max(minHeartbeat, time.Duration(h.cfg.Cluster.ConfigInt("heartbeat.intervalMs", 10_000))*time.Millisecond)
}

func (h *Hub) heartbeatTimeout() time.Duration {
	return max(2*h.heartbeatInterval(), time.Duration(h.cfg.Cluster.ConfigInt("heartbeat.timeoutMs", 30_000))*time.Millisecond)
}

// lease is after how long without a beat the node is given up: what the lifecycle loop goes by, which may be less than heartbeatTimeout.
func (h *Hub) lease() time.Duration {
	return max(time.Second, time.Duration(h.cfg.Cluster.ConfigInt("heartbeat.timeoutMs", 30_000))*time.Millisecond)
}

// heartbeatAck promises a lease only while leases can be written: another server may be about to give up nodes that we hear well.
func (h *Hub) heartbeatAck() wire.NodeHeartbeatAck {
	if h.overdue.Load() {
		return wire.NodeHeartbeatAck{}
	}
	return wire.NodeHeartbeatAck{LeaseMS: h.lease().Milliseconds()}
}

// renewLeases extends the leases of the nodes that were heard, all in one statement. A session that lost its
// lease to another connection, here or on another server, is closed.
func (h *Hub) renewLeases(ctx context.Context) {
	ticker := time.NewTicker(h.cfg.RenewInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.renew(ctx)
		}
	}
}

func (h *Hub) renew(ctx context.Context) {
	heard := h.heard()
	if len(heard) == 0 {
		return
	}
	renewals := make([]core.LeaseRenewal, len(heard))
	for i, s := range heard {
		renewals[i] = core.LeaseRenewal{NodeID: s.node, SessionID: s.id, Usage: s.lastUsage()}
	}
	write, cancel := context.WithTimeout(ctx, h.cfg.RenewInterval)
	defer cancel()
	held, err := h.cfg.Store.RenewNodeLeases(write, renewals)
	h.overdue.Store(err != nil)
	if err != nil {
		if ctx.Err() == nil {
			h.cfg.Log.Warn("renewing node leases failed; trying again", "nodes", len(renewals), "error", err)
		}
		for _, s := range heard {
			s.heard.Store(true)
		}
		return
	}
	for _, s := range heard {
		if !held[s.id] {
			s.close(wire.CloseSuperseded, "another connection registered this node, or it was deleted")
		}
	}
}

// heard returns the registered sessions that said something since it was last asked.
func (h *Hub) heard() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	var heard []*session
	for _, s := range h.byNode {
		if s.heard.Swap(false) {
			heard = append(heard, s)
		}
	}
	return heard
}

func usageOf(beat wire.NodeHeartbeat) json.RawMessage {
	usage, err := json.Marshal(map[string]int64{
		"pods": int64(beat.Pods), "cpuMillis": beat.Usage.CPUMillis, "memoryBytes": beat.Usage.MemoryBytes,
	})
	if err != nil {
		return nil // three numbers are always JSON
	}
	return usage
}
