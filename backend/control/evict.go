package control

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
)

const (
	// evictBatch is how many pods one statement asks to leave, at most.
	evictBatch = 500
	// evictRetry is the pause before those are asked again whom the database did not take.
	evictRetry = 200 * time.Millisecond
)

// evict moves pods off nodes that are drained or that they do not tolerate, whenever such a node or a pod there changes, or a time limit passes.
func (c *Controller) evict(ctx context.Context, epoch core.Epoch) {
	again := time.NewTimer(0)
	defer again.Stop()
	asked := map[uuid.UUID]int64{} // pod → its revision when it was asked, until the picture shows that it was
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.leave:
		case <-again.C:
		}
		var next time.Time
		var err error
		asked, next, err = c.evictOnce(ctx, epoch, asked, time.Now())
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			c.cfg.Log.Warn("evicting failed; trying again", "error", err)
			next = time.Now().Add(maxRetry)
		}
		if !next.IsZero() {
			again.Reset(max(time.Until(next), 0))
		}
	}
}

// evictOnce does what there is to do now and says when to look again, whatever happens.
func (c *Controller) evictOnce(ctx context.Context, epoch core.Epoch, asked map[uuid.UUID]int64, now time.Time) (map[uuid.UUID]int64, time.Time, error) {
	// Before the pods are looked at: from now on every change of one is a reason to look again.
	nodes := c.watchDriving()
	d := depart(now, nodes, c.cfg.Cluster.PodsOn, func(p *core.Pod) bool {
		deployment := c.cfg.Cluster.Deployment(p.DeploymentID)
		return deployment != nil && deployment.Mode == core.ModeDaemonSet
	})
	still := make(map[uuid.UUID]int64, len(asked))
	var batch []core.Eviction
	for _, e := range d.evictions {
		pod := c.cfg.Cluster.Pod(e.PodID)
		if pod == nil {
			continue
		}
		if revision, was := asked[e.PodID]; was && revision == pod.Revision {
			still[e.PodID] = revision // the answer is on its way
			continue
		}
		if len(batch) == evictBatch {
			d.lookAt(now)
			break
		}
		batch = append(batch, e)
	}
	if len(batch) > 0 {
		taken, err := c.askToLeave(ctx, epoch, batch)
		if err != nil {
			return still, d.next, err
		}
		for _, id := range taken {
			if pod := c.cfg.Cluster.Pod(id); pod != nil && pod.Eviction == "" {
				still[id] = pod.Revision
			}
		}
		if len(taken) < len(batch) {
			d.lookAt(now.Add(evictRetry))
		}
	}
	if len(d.drained) > 0 {
		return still, d.next, c.endDrains(ctx, epoch, d.drained, &d)
	}
	return still, d.next, nil
}

func (c *Controller) askToLeave(ctx context.Context, epoch core.Epoch, batch []core.Eviction) ([]uuid.UUID, error) {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	taken, err := c.cfg.Store.Evict(attempt, epoch, batch)
	if len(taken) > 0 {
		c.cfg.Log.Info("pods asked to leave their nodes", "pods", len(taken))
	}
	return taken, err
}

func (c *Controller) endDrains(ctx context.Context, epoch core.Epoch, nodes []uuid.UUID, d *departures) error {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	ended, err := c.cfg.Store.EndDrains(attempt, epoch, nodes)
	if err == nil && len(ended) < len(nodes) {
		d.lookAt(time.Now().Add(evictRetry)) // the database shows pods there that the picture does not, or it was ended already
	}
	if len(ended) > 0 {
		c.cfg.Log.Info("nodes drained", "nodes", len(ended))
	}
	return err
}

// watchDriving finds the nodes that send pods away, and has the loop woken by whatever changes there.
func (c *Controller) watchDriving() []*core.Node {
	var driving []*core.Node
	for _, node := range c.cfg.Cluster.Nodes() {
		if drives(node) {
			driving = append(driving, node)
		}
	}
	set := make(map[uuid.UUID]struct{}, len(driving))
	for _, node := range driving {
		set[node.ID] = struct{}{}
	}
	c.driving.Store(&set)
	return driving
}

// concernsLeaving says whether a change can be a reason for the loop to look again.
func (c *Controller) concernsLeaving(delta cluster.Delta) bool {
	if delta.Snapshot {
		return true
	}
	for _, n := range delta.Nodes {
		if drives(n.Old) || drives(n.New) {
			return true
		}
	}
	driving := c.driving.Load()
	if driving == nil || len(*driving) == 0 {
		return false
	}
	for _, p := range delta.Pods {
		for _, pod := range [2]*core.Pod{p.Old, p.New} {
			if pod == nil {
				continue
			}
			if _, is := (*driving)[pod.NodeID]; is {
				return true
			}
		}
	}
	return false
}
