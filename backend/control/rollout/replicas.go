package rollout

import (
	"cmp"
	"slices"

	"github.com/stark-o/stark/backend/core"
)

// replicas keeps so many pods, wherever there is room.
func (p *planner) replicas() {
	switch {
	case p.Deployment.Paused:
		p.keep()
	case p.strategy.Recreate:
		p.recreate()
	default:
		p.roll()
	}
}

// keep only scales. New pods are of the generation that works: the newest of which one is available, or the last that was rolled out.
func (p *planner) keep() {
	generation := int64(0)
	for _, pod := range p.live {
		if p.available(pod) {
			generation = max(generation, pod.Generation)
		}
	}
	p.make(p.desired-len(p.live), cmp.Or(generation, p.before.Stable, p.Deployment.Generation))
	p.stop(p.live, len(p.live)-p.desired)
}

// recreate begins with the new once nothing of the old is left.
func (p *planner) recreate() {
	fresh, old := p.split()
	p.stop(old, len(old))
	stillThere := slices.ContainsFunc(p.leaving, func(pod *core.Pod) bool { return !p.isNew(pod) })
	if len(old) == 0 && !stillThere {
		p.make(p.desired-len(fresh), p.Deployment.Generation)
	}
	p.stop(fresh, len(fresh)-p.desired)
}

// roll replaces pods while enough of them stay available.
// Source: k8s.io/kubernetes/pkg/controller/deployment/rolling.go.
func (p *planner) roll() {
	fresh, old := p.split()
	surge, unavailable := p.strategy.bounds(p.desired)
	if len(old) == 0 {
		surge = 0
	}
	p.make(min(p.desired-len(fresh), p.desired+surge-len(p.live)), p.Deployment.Generation)
	p.stop(fresh, len(fresh)-p.desired)
	if len(old) == 0 {
		return
	}
	// Old pods that are not available cost nobody anything, but for those that new pods are not yet there for.
	kept := min(len(fresh), p.desired)
	least := max(p.desired-unavailable, 0)
	freshAvailable := min(p.countAvailable(fresh), kept)
	spare := len(old) + kept - least - (kept - freshAvailable)
	var idle, working []*core.Pod
	for _, pod := range old {
		if p.available(pod) {
			working = append(working, pod)
		} else {
			idle = append(idle, pod)
		}
	}
	p.stop(idle, spare)
	p.stop(working, len(working)+freshAvailable-least)
}
