package control

import (
	"context"
	"time"
)

const (
	// tidyEvery is how often what is older than cluster_config keeps it is deleted.
	tidyEvery = 10 * time.Minute
	// tidyBatch is how many rows of each kind one statement deletes, at most.
	tidyBatch = 5000
)

// tidy deletes what is kept long enough: log lines, events, the history of deleted pods, pods that have ended. It needs no epoch: whoever
// does it, twice or never, changes nothing but when.
func (c *Controller) tidy(ctx context.Context) {
	timer := time.NewTimer(tidyEvery / 10) // a leader that is replaced again and again still gets to it
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait := tidyEvery
		attempt, cancel := context.WithTimeout(ctx, writeTimeout)
		deleted, err := c.cfg.Store.Prune(attempt, tidyBatch)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil:
			c.cfg.Log.Warn("deleting what is kept long enough failed; trying again", "error", err)
		case deleted >= tidyBatch: // there may be more
			wait = time.Second
		case deleted > 0:
			c.cfg.Log.Info("deleted what was kept long enough", "rows", deleted)
		}
		timer.Reset(wait)
	}
}
