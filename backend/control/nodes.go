package control

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// watchNodes declares nodes lost whose lease was not renewed for heartbeat.timeoutMs, and takes their pods back.
func (c *Controller) watchNodes(ctx context.Context, epoch core.Epoch) {
	watch := newLeaseWatch()
	for {
		timeout := heartbeatTimeout(c.cfg.Cluster)
		period := max(timeout/10, 100*time.Millisecond)
		select {
		case <-ctx.Done():
			return
		case <-time.After(period):
		}
		attempt, cancel := context.WithTimeout(ctx, timeout)
		leases, err := c.cfg.Store.NodeLeases(attempt)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				c.cfg.Log.Warn("reading node leases failed; trying again", "error", err)
			}
			continue
		}
		lost := watch.look(leases, time.Now(), timeout, 3*period)
		if len(lost) == 0 {
			continue
		}
		take := ration(len(lost), len(leases))
		if take < len(lost) {
			c.cfg.Log.Warn("a large part of the cluster is not heard any more; pods are taken back slowly, in case it comes back",
				"silent", len(lost), "of", len(leases), "now", take)
		}
		c.lose(ctx, epoch, lost, take, timeout)
	}
}

const (
	// smallLoss is how many nodes may vanish at once and have their pods moved at once, whatever part of the cluster they are.
	smallLoss = 10
	// massLossPercent is from which part of the cluster on it is more likely that something between it and us has failed than that
	// all those nodes have. Source: kube-controller-manager --unhealthy-zone-threshold.
	massLossPercent = 55
	// massLossShare of the nodes have their pods taken back at each look then: the whole cluster in twice the heartbeat's timeout.
	massLossShare = 20
)

// ration says from how many of the silent nodes pods are taken back at this look. All of them get no new pods.
func ration(silent, known int) int {
	if silent <= smallLoss || silent*100 <= known*massLossPercent {
		return silent
	}
	return max(known/massLossShare, 1)
}

// lose declares nodes lost, and takes the pods back of the first of them. What fails, or is passed over because somebody holds a row, is tried again at the next look.
func (c *Controller) lose(ctx context.Context, epoch core.Epoch, silent []core.NodeLease, take int, timeout time.Duration) {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	lost, evicted, err := c.cfg.Store.LoseNodes(attempt, epoch, silent, take)
	switch {
	case err != nil && ctx.Err() == nil:
		c.cfg.Log.Warn("declaring nodes lost failed; trying again", "nodes", len(silent), "error", err)
	case len(lost) > 0 || evicted > 0:
		c.cfg.Log.Warn("nodes lost: not heard any more", "nodes", len(lost), "pods", evicted, "timeout", timeout)
	}
}

// Bounds of heartbeat.timeoutMs: a slip in the configuration must not cost every node its pods.
const (
	minHeartbeatTimeout = time.Second
	maxHeartbeatTimeout = 24 * time.Hour
)

func heartbeatTimeout(config picture) time.Duration {
	ms := config.ConfigInt("heartbeat.timeoutMs", 30_000)
	ms = min(max(ms, minHeartbeatTimeout.Milliseconds()), maxHeartbeatTimeout.Milliseconds())
	return time.Duration(ms) * time.Millisecond
}

// leaseWatch judges leases by how long this process has watched them stand still, never by comparing clocks. Time in
// which it did not look does not count: a control plane that was away blames no node for it.
// Source of the idea: kube-controller-manager node lifecycle, nodeHealthData.probeTimestamp.
type leaseWatch struct {
	looked time.Time
	seen   map[uuid.UUID]observation
}

type observation struct {
	renewedAt time.Time // as the database says
	since     time.Time // as our clock says
}

func newLeaseWatch() *leaseWatch { return &leaseWatch{seen: map[uuid.UUID]observation{}} }

// look takes in the leases as they are now and returns those that stood still for longer than timeout. When the last look
// was longer ago than gap, everything starts anew.
func (w *leaseWatch) look(leases []core.NodeLease, now time.Time, timeout, gap time.Duration) (lost []core.NodeLease) {
	if !w.looked.IsZero() && now.Sub(w.looked) > gap {
		clear(w.seen)
	}
	w.looked = now
	current := make(map[uuid.UUID]observation, len(leases))
	for _, l := range leases {
		o, known := w.seen[l.NodeID]
		if !known || !o.renewedAt.Equal(l.RenewedAt) {
			o = observation{renewedAt: l.RenewedAt, since: now}
		}
		current[l.NodeID] = o
		if now.Sub(o.since) > timeout {
			lost = append(lost, l)
		}
	}
	w.seen = current
	return lost
}
