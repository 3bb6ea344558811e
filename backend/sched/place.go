package sched

import (
	"slices"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Place says that a pod has its home on a node, which may not be known yet. Saying it again is cheap; saying it of another node moves the
// pod. A leaving pod keeps its room until Remove.
func (c *Cluster) Place(pod *core.Pod, node uuid.UUID) {
	slot := c.slotOf(node)
	leaving := pod.Leaving()
	if old := c.pods[pod.ID]; old != nil {
		if old.slot == slot && !old.nominated && old.leaving == leaving && requestOf(old.pod) == requestOf(pod) &&
			old.pod.Priority == pod.Priority && old.group == c.groupOf(pod, leaving) {
			c.record(undo{kind: undoPlace, pod: old.pod, id: node, leaving: old.leaving})
			old.pod = pod
			return
		}
		c.unplace(old)
		if old.slot != slot {
			c.vacate(old.slot)
		}
	}
	c.place(pod, slot, leaving, false)
}

// Remove says that a pod has no home any more.
func (c *Cluster) Remove(pod uuid.UUID) {
	if p := c.pods[pod]; p != nil {
		slot := p.slot
		c.unplace(p)
		c.vacate(slot)
	}
}

func (c *Cluster) place(pod *core.Pod, slot int32, leaving, nominated bool) *placed {
	state := &c.nodes[slot]
	p := &placed{pod: pod, slot: slot, group: c.groupOf(pod, leaving), at: int32(len(state.pods)), leaving: leaving, nominated: nominated}
	if len(state.pods) == 0 || pod.Priority < state.lowest {
		state.lowest = pod.Priority
	}
	need := requestOf(pod)
	state.pods = append(state.pods, resident{placed: p, cpu: need.CPUMillis, memory: need.MemoryBytes, priority: pod.Priority,
		fixed: leaving || nominated, gone: leaving && !nominated})
	state.sorted = len(state.pods) == 1
	if leaving {
		state.leaving++
	}
	c.pods[pod.ID] = p
	if nominated {
		c.nominated[pod.ID] = p
	}
	c.account(p, 1)
	c.record(undo{kind: undoUnplace, id: pod.ID})
	return p
}

func (c *Cluster) unplace(p *placed) {
	state := &c.nodes[p.slot]
	last := len(state.pods) - 1
	state.pods[p.at] = state.pods[last]
	state.pods[p.at].at = p.at
	state.pods[last] = resident{}
	state.pods, state.sorted = state.pods[:last], last < 2
	if p.leaving {
		state.leaving--
	}
	if p.pod.Priority == state.lowest && last > 0 {
		state.lowest = slices.MinFunc(state.pods, func(a, b resident) int { return cmp32(a.priority, b.priority) }).priority
	}
	delete(c.pods, p.pod.ID)
	if p.nominated {
		delete(c.nominated, p.pod.ID)
	}
	c.account(p, -1)
	c.record(undo{kind: undoPlace, pod: p.pod, id: state.id, leaving: p.leaving, nominated: p.nominated})
}

// account adds a pod to the sums, or takes it from them.
func (c *Cluster) account(p *placed, sign int32) {
	need := requestOf(p.pod)
	ns := c.namespace(p.pod.Namespace)
	state := &c.nodes[p.slot]
	if sign > 0 {
		state.used, ns.used = state.used.plus(need), ns.used.plus(need)
	} else {
		state.used, ns.used = state.used.minus(need), ns.used.minus(need)
	}
	c.reload(p.slot)
	g := c.groups[p.group]
	g.n += int(sign)
	if on := g.on[p.slot] + sign; on == 0 {
		delete(g.on, p.slot)
	} else {
		g.on[p.slot] = on
	}
	switch {
	case sign > 0 && g.n == 1:
		c.deadGroups--
	case g.n == 0:
		c.deadGroups++
	}
	if gang, ok, _ := core.GangOf(p.pod); ok && !p.nominated && !p.leaving {
		key := gangKey{gang.Namespace, gang.Name}
		if c.gangs[key] += int(sign); c.gangs[key] == 0 {
			delete(c.gangs, key)
		}
	}
	c.touch(p.slot, p.group, sign)
	if sign > 0 {
		c.events[podsCame]++
	} else {
		c.events[podsLeft]++
	}
}

func cmp32(a, b int32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
