package rollout

import (
	"fmt"
	"time"

	"github.com/stark-o/stark/backend/core"
)

// countEnds takes in which pods have ended by themselves since it was last asked.
func (p *planner) countEnds() {
	ends := Ends{Generation: p.Deployment.Generation}
	if old := p.before.Ends; old != nil && old.Generation == ends.Generation {
		ends = *old
	}
	if ends.Count > 0 && p.Now.Sub(ends.LastAt) > quiet {
		ends.Count = 0
	}
	last := ends.LastAt
	for _, pod := range p.ended {
		if !p.isNew(pod) || pod.Desired == core.DesiredStopped || !pod.FinishedAt.After(ends.LastAt) {
			continue
		}
		ends.Count++
		if pod.Status == core.PodFailed {
			ends.Failed++
		}
		if pod.FinishedAt.After(last) {
			last = pod.FinishedAt
		}
	}
	ends.LastAt = last
	p.status.Ends = nil
	if ends.Count+ends.Failed > 0 {
		p.status.Ends = &ends
	}
}

// holdOff is until when no pod takes the place of one that has ended.
func (p *planner) holdOff() time.Time {
	e := p.status.Ends
	if e == nil || e.Count == 0 {
		return time.Time{}
	}
	rounds := (e.Count - 1) / max(p.desired, 1)
	if rounds == 0 {
		return time.Time{}
	}
	return e.LastAt.Add(min(firstBackoff<<min(rounds-1, 10), maxBackoff))
}

// moves changes what the deployment is: to the latest version, or back from one that does not work. Everything else waits for what comes of it.
func (p *planner) moves() bool {
	d := p.Deployment
	if p.crashes() && p.canGoBack() {
		back := &RolledBack{From: d.Generation, To: p.before.Stable, Generation: d.Generation + 1, Version: p.Version}
		p.status.RolledBack = back
		message := fmt.Sprintf("%d pods of generation %d failed before it ever worked; back to generation %d, as generation %d",
			p.status.Ends.Failed, back.From, back.To, back.Generation)
		p.status.set(p.Now, Progressing, false, ReasonRolledBack, message)
		p.plan.RollbackTo = back.To
		p.plan.Status = p.encode()
		p.plan.Events = []core.RolloutEvent{{Reason: "rolled_back", Warning: true, Message: message}}
		return true
	}
	if d.FollowLatest && !d.Paused && p.Latest != nil {
		p.plan.Pack = p.Latest.ID
		p.plan.Events = []core.RolloutEvent{{Reason: "follows_latest", Message: fmt.Sprintf("from version %s to %s", p.Version, p.Latest.Version)}}
		return true
	}
	return false
}

// crashes says whether the present generation, which never worked, mostly fails.
func (p *planner) crashes() bool {
	if p.status.Ends == nil || p.before.Stable == p.Deployment.Generation {
		return false
	}
	fresh, _ := p.split()
	return p.status.Ends.Failed >= crashLoop && p.status.Ends.Failed > p.countAvailable(fresh)
}

// canGoBack says whether there is one that worked, and that it has not been tried again already.
func (p *planner) canGoBack() bool {
	back := p.before.RolledBack
	return p.strategy.AutoRollback && !p.Deployment.Paused && p.Refused == "" && p.before.Stable > 0 && (back == nil || back.Generation != p.Deployment.Generation)
}
