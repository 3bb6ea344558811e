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
	if pod.NeverPreempts || d.NoPreemption {
		return false
	}
	best, ok := d.cheapest(pod, k, nominated)
	if !ok {
		return false
	}
	node := d.nodes[best.slot].id
	for _, v := range best.victims {
		d.unplace(v)
		d.place(v.pod, best.slot, true, false)
		d.plan.Evictions = append(d.plan.Evictions, Eviction{PodID: v.pod.ID, NodeID: node, For: pod.ID, Reason: core.ReasonPreempted,
			Message: fmt.Sprintf("makes room for pod %s of priority %d", pod.Name, pod.Priority)})
	}
	d.place(pod, best.slot, false, true)
	d.plan.Nominations = append(d.plan.Nominations, core.Placement{PodID: pod.ID, NodeID: node})
	d.giveUp(pod, *d.refusef(FilterWaiting, "waiting for pods to leave node %s", d.nameOf(best.slot)))
	return true
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
		if s, ok := c.sacrificeOn(pod, k, nominated); ok && len(s.victims) == 0 {
			return s, true
		}
	}
	k.static.admit.each(func(slot int32) bool {
		state := &c.nodes[slot]
		if len(state.pods) == 0 || (state.lowest >= pod.Priority && state.leaving == 0) {
			return true
		}
		if found && state.leaving == 0 && int64(state.lowest) > best.highest {
			return true
		}
		s, ok := c.sacrificeOn(pod, k, slot)
		if !ok {
			return true
		}
		order := -1
		if found {
			order = s.compare(&best)
		}
		if order < 0 || (order == 0 && c.better(entry{slot: slot}, entry{slot: best.slot})) {
			best, found = s, true
		}
		return true
	})
	return best, found
}

// sacrificeOn says who would have to leave a node for the pod: everyone of lower priority goes, then as many as possible come back, the
// highest priority and the oldest first.
// Source: kube-scheduler defaultpreemption.SelectVictimsOnNode.
func (c *Cluster) sacrificeOn(pod *core.Pod, k *class, slot int32) (sacrifice, bool) {
	s := sacrifice{slot: slot, highest: math.MinInt64, newest: math.MaxInt64}
	t := trial{c: c, k: k, slot: slot, free: c.free(slot)}
	defer t.revert()
	for _, p := range c.nodes[slot].pods {
		switch {
		case p.nominated:
		case p.leaving:
			t.take(p)
		case p.pod.Priority < pod.Priority:
			s.victims = append(s.victims, p)
			t.take(p)
		}
	}
	if !t.possible() {
		return s, false
	}
	slices.SortFunc(s.victims, func(a, b *placed) int { return comparePods(a.pod, b.pod) })
	must := s.victims[:0]
	for _, p := range s.victims {
		t.giveBack(p)
		if t.possible() {
			continue
		}
		t.take(p)
		must = append(must, p)
	}
	s.victims = must
	if len(must) > 0 {
		s.highest = int64(must[0].pod.Priority)
	}
	for _, p := range must {
		s.sum += int64(p.pod.Priority) - math.MinInt32 + 1
		if int64(p.pod.Priority) == s.highest {
			s.newest = min(s.newest, p.pod.CreatedAt.UnixNano())
		}
	}
	return s, true
}

// trial is a node with some of its pods away.
type trial struct {
	c    *Cluster
	k    *class
	slot int32
	free Resources
	away []*placed // nil for those that came back
}

func (t *trial) take(p *placed) {
	t.free = t.free.plus(requestOf(p.pod))
	t.count(p, -1)
	t.away = append(t.away, p)
}

func (t *trial) giveBack(p *placed) {
	t.free = t.free.minus(requestOf(p.pod))
	t.count(p, 1)
	t.away[slices.Index(t.away, p)] = nil
}

func (t *trial) count(p *placed, by int32) {
	for _, ct := range t.k.counters {
		ct.add(t.c, change{slot: t.slot, group: p.group, delta: by})
	}
}

func (t *trial) revert() {
	for _, p := range t.away {
		if p != nil {
			t.count(p, 1)
		}
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
