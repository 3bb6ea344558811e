package sched

import (
	"maps"

	"github.com/stark-o/stark/backend/core"
)

// together decides about a gang when the first of its members has its turn: so many that with those already placed the gang has its size, or
// none. It returns false, having done nothing, when the gang has to wait for the next plan because of the limit. Members do not preempt.
// Source of the idea: Kubernetes gang scheduling (KEP-4671, minCount), Volcano's PodGroup.minMember.
func (d *decision) together(gang core.Gang) bool {
	key := gangKey{gang.Namespace, gang.Name}
	members := d.gangs[key]
	before := len(d.plan.Placements)
	if d.Limit > 0 && before > 0 && before+len(members) > d.Limit {
		return false
	}
	placed := d.Cluster.gangs[key]
	for _, pod := range members {
		d.finished[pod.ID] = true
		delete(d.lifted, pod.ID)
	}
	d.remaining -= len(members)
	if have := placed + len(members); have < gang.Size {
		d.giveUpAll(members, *d.refusef(FilterGang, "gang %s: %d of %d members are there", gang.Name, have, gang.Size))
		return true
	}
	mark := len(d.undo)
	var left []Unschedulable
	for _, pod := range members {
		k, why := d.try(pod)
		if k != nil {
			why = d.explain(k)
		}
		if why != nil {
			left = append(left, Unschedulable{PodID: pod.ID, Explanation: *why})
		}
	}
	found := placed + len(d.plan.Placements) - before
	if found >= gang.Size {
		d.plan.Unschedulable = append(d.plan.Unschedulable, left...)
		return true
	}
	d.rollback(mark)
	d.plan.Placements = d.plan.Placements[:before]
	why := *d.refusef(FilterGangRoom, "gang %s: %d of %d members have a place; the next: %s", gang.Name, found, gang.Size, left[0].Explanation.Text)
	maps.Copy(why.Filters, left[0].Explanation.Filters)
	why.Closest = left[0].Explanation.Closest
	d.giveUpAll(members, why)
	return true
}

func (d *decision) giveUpAll(pods []*core.Pod, why Explanation) {
	for _, pod := range pods {
		d.giveUp(pod, why)
	}
}
