package sched

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/stark-o/stark/backend/core"
)

// sacrifice is what room on one node costs.
type sacrifice struct {
	slot    int32
	victims []*placed
	highest int64 // priority among the victims; MinInt64 when nobody has to go
	sum     int64 // of priorities, counted from the lowest that there is, so that fewer victims are less
	newest  int64 // when the oldest of the highest was created: of equal sacrifices the youngest pods go
}

// compare is negative when s costs less. Source: kube-scheduler preemption.pickOneNodeForPreemption: lowest highest priority, lowest sum,
// fewest, latest start; there are no disruption budgets here, and creation stands for start.
func (s *sacrifice) compare(o *sacrifice) int {
	return cmp.Or(cmp.Compare(s.highest, o.highest), cmp.Compare(s.sum, o.sum), cmp.Compare(len(s.victims), len(o.victims)),
		cmp.Compare(o.newest, s.newest))
}

// makeRoomFor nominates a pod for the node where the least has to go, and evicts that. Pods that are leaving anyway cost nothing. It returns
// false when no eviction helps or the pod may not ask for any.
// Source: kube-scheduler defaultpreemption.
func (d *decision) makeRoomFor(pod *core.Pod, k *class, nominated int32) bool {
	if pod.NeverPreempts || d.NoPreemption || (d.Evictions > 0 && len(d.plan.Evictions) >= d.Evictions) {
		return false
	}
	if priority, tried := d.hopeless[k]; tried && pod.Priority <= priority {
		return false // whoever came since is no less important, and has taken room
	}
	best, ok := d.cheapest(pod, k, nominated)
	if !ok {
		if d.hopeless == nil {
			d.hopeless = map[*class]int32{}
		}
		d.hopeless[k] = pod.Priority
		return false
	}
	node := d.nodes[best.slot].id
	for _, v := range best.victims {
		d.unplace(v)
		d.place(v.pod, best.slot, true, false)
		d.plan.Evictions = append(d.plan.Evictions, Eviction{PodID: v.pod.ID, NodeID: node, For: pod.ID, Reason: core.ReasonPreempted,
			Message: fmt.Sprintf("makes room for pod %s of priority %d", pod.Name, pod.Priority)})
	}
	d.nominate(pod, best.slot)
	d.plan.Nominations = append(d.plan.Nominations, core.Placement{PodID: pod.ID, NodeID: node})
	d.giveUp(pod, *d.refusef(FilterWaiting, "waiting for pods to leave node %s", d.nameOf(best.slot)))
	return true
}

// nominate keeps room for a pod. Nobody is woken by it.
func (d *decision) nominate(pod *core.Pod, slot int32) {
	events := d.events
	d.place(pod, slot, false, true)
	d.events = events
}

func (c *Cluster) nameOf(slot int32) string {
	if node := c.nodes[slot].node; node != nil {
		return node.Name
	}
	return c.nodes[slot].id.String()
}

// cheapest looks for the node where the least has to go. The node that the pod waits for already is kept while nobody more has to go there.
func (c *Cluster) cheapest(pod *core.Pod, k *class, nominated int32) (best sacrifice, found bool) {
	if nominated != absent && k.static.admit.has(nominated) {
		if s, ok := c.sacrificeOn(nil, pod, k, nominated, nil); ok && len(s.victims) == 0 {
			return s, true
		}
	}
	var spare []*placed // backs the victims of nodes that were not the best
	k.static.admit.each(func(slot int32) bool {
		state := &c.nodes[slot]
		if len(state.pods) == 0 || (state.lowest >= pod.Priority && state.leaving == 0) {
			return true
		}
		limit := (*sacrifice)(nil)
		if found {
			limit = &best
		}
		if found && state.leaving == 0 && int64(state.lowest) > best.highest {
			return true
		}
		s, ok := c.sacrificeOn(spare, pod, k, slot, limit)
		if !ok {
			return true
		}
		order := -1
		if found {
			order = s.compare(&best)
		}
		if order < 0 || (order == 0 && c.better(c.entry(slot, 0), c.entry(best.slot, 0))) {
			best, found, spare = s, true, best.victims
			return true
		}
		spare = s.victims
		return true
	})
	return best, found
}

// sacrificeOn says who would have to leave a node for the pod: everyone of lower priority goes, then as many as possible come back, the
// highest priority and the oldest first. It gives up on what costs more than the limit. The
// victims are put into buffer.
// Source: kube-scheduler defaultpreemption.SelectVictimsOnNode.
func (c *Cluster) sacrificeOn(buffer []*placed, pod *core.Pod, k *class, slot int32, limit *sacrifice) (sacrifice, bool) {
	s := sacrifice{slot: slot, victims: buffer[:0], highest: math.MinInt64, newest: math.MaxInt64}
	t := trial{c: c, k: k, slot: slot, free: c.free(slot)}
	defer t.revert()
	c.sortPods(slot)
	pods := c.nodes[slot].pods
	for i := range pods {
		if p := &pods[i]; p.gone || (!p.fixed && p.priority < pod.Priority) {
			t.take(p)
		}
	}
	if !t.possible() {
		return s, false
	}
	for i := range pods {
		p := &pods[i]
		if p.fixed || p.priority >= pod.Priority {
			continue
		}
		t.giveBack(p)
		if t.possible() {
			continue
		}
		t.take(p)
		s.add(p)
		if limit != nil && (s.highest > limit.highest || (s.highest == limit.highest && s.sum > limit.sum)) {
			return s, false
		}
	}
	return s, true
}

// add takes in a victim; they come with the highest priority first.
func (s *sacrifice) add(p *resident) {
	if len(s.victims) == 0 {
		s.highest = int64(p.priority)
	}
	s.victims = append(s.victims, p.placed)
	s.sum += int64(p.priority) - math.MinInt32 + 1
	if int64(p.priority) == s.highest {
		s.newest = min(s.newest, p.pod.CreatedAt.UnixNano())
	}
}

// sortPods orders the pods of a node as the queue does. They stay so until one comes or goes.
func (c *Cluster) sortPods(slot int32) {
	state := &c.nodes[slot]
	if state.sorted {
		return
	}
	slices.SortFunc(state.pods, func(a, b resident) int { return comparePods(a.pod, b.pod) })
	for i := range state.pods {
		state.pods[i].at = int32(i)
	}
	state.sorted = true
}

// trial is a node with some of its pods away.
type trial struct {
	c    *Cluster
	k    *class
	slot int32
	free Resources
	away []int32 // groups of pods that were taken and not given back, when the class counts pods
}

func (t *trial) take(p *resident) {
	t.free = t.free.plus(Resources{p.cpu, p.memory, 1})
	if len(t.k.counters) > 0 {
		t.count(p.group, -1)
		t.away = append(t.away, p.group)
	}
}

func (t *trial) giveBack(p *resident) {
	t.free = t.free.minus(Resources{p.cpu, p.memory, 1})
	if len(t.k.counters) > 0 {
		t.count(p.group, 1)
		i := slices.Index(t.away, p.group)
		t.away = slices.Delete(t.away, i, i+1)
	}
}

func (t *trial) count(group, by int32) {
	for _, ct := range t.k.counters {
		ct.add(t.c, change{slot: t.slot, group: group, delta: by})
	}
}

func (t *trial) revert() {
	for _, group := range t.away {
		t.count(group, 1)
	}
}

func (t *trial) possible() bool {
	if !t.free.holds(t.k.need) {
		return false
	}
	alone := t.k.alone()
	for _, ct := range t.k.counters {
		if !ct.allows(ct.col.of[t.slot], alone) {
			return false
		}
	}
	return true
}
