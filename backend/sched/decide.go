package sched

import (
	"slices"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// decision is one call of Decide.
type decision struct {
	*Cluster
	Options
	plan      Plan
	gangs     map[gangKey][]*core.Pod // of the pods to place
	lifted    map[uuid.UUID]int32     // nominations that wait for their pod's turn
	finished  map[uuid.UUID]bool      // gang members that had their turn with the first of them
	hopeless  map[*class]int32        // classes for which no eviction helps, up to this priority
	failed    []failure               // to be explained once all is decided
	remaining int
}

type failure struct {
	pod *core.Pod
	k   *class
}

// Decide makes a plan for pods that have no home. They are taken by priority, then age, then id; each goes to the feasible node with the
// highest score, as the cluster is after all decisions before it. Unless it is a dry run the cluster then holds what was planned: placed
// pods have their home, evicted ones are leaving, and room is kept for nominated ones. What the database refuses must be taken back with
// Remove, or with Place for an eviction. Pods that have a home already are passed over.
func (c *Cluster) Decide(pods []*core.Pod, o Options) Plan {
	c.tidy()
	mark, events := c.begin(), c.events
	d := decision{Cluster: c, Options: o}
	d.run(pods)
	if o.DryRun {
		c.rollback(mark)
		c.events = events
	}
	c.end()
	return d.plan
}

func (d *decision) run(pods []*core.Pod) {
	queue := slices.Clone(pods)
	slices.SortFunc(queue, comparePods)
	queue = slices.CompactFunc(queue, func(a, b *core.Pod) bool { return a.ID == b.ID })
	queue = slices.DeleteFunc(queue, func(p *core.Pod) bool {
		_, placed := d.Home(p.ID)
		return placed
	})
	d.lift(queue)
	d.gather(queue)
	d.remaining = len(queue)
	for _, pod := range queue {
		if d.finished[pod.ID] {
			continue
		}
		if d.Limit > 0 && len(d.plan.Placements) >= d.Limit || !d.turn(pod) {
			break
		}
	}
	d.plan.Deferred = d.remaining
	for _, pod := range queue { // those that had no turn
		if slot, ok := d.lifted[pod.ID]; ok {
			d.nominate(pod, slot)
		}
	}
	for _, f := range d.failed {
		why := d.explain(f.k)
		if why.refusals() < why.Nodes {
			d.plan.Deferred++ // who came after it is whom its affinity or spread was waiting for
			continue
		}
		d.giveUp(f.pod, *why)
	}
}

// lift takes back the room that is kept for nominated pods until their turn comes: who is before them in the queue does not see it, who is
// behind does.
// Source: kube-scheduler RunFilterPluginsWithNominatedPods: nominated pods of equal or higher priority count.
func (d *decision) lift(queue []*core.Pod) {
	if len(d.nominated) == 0 {
		return
	}
	d.lifted = map[uuid.UUID]int32{}
	events := d.events
	defer func() { d.events = events }()
	for _, pod := range queue {
		if p := d.nominated[pod.ID]; p != nil {
			d.lifted[pod.ID] = p.slot
			d.unplace(p)
		}
	}
}

func (d *decision) gather(queue []*core.Pod) {
	for _, pod := range queue {
		if gang, ok, _ := core.GangOf(pod); ok {
			if d.gangs == nil {
				d.gangs, d.finished = map[gangKey][]*core.Pod{}, map[uuid.UUID]bool{}
			}
			key := gangKey{gang.Namespace, gang.Name}
			d.gangs[key] = append(d.gangs[key], pod)
		}
	}
}

// turn decides about a pod, and about its whole gang if it is in one. It returns false when a gang would not fit into the limit.
func (d *decision) turn(pod *core.Pod) bool {
	gang, ganged, err := core.GangOf(pod)
	switch {
	case err != nil:
		d.remaining--
		d.giveUp(pod, *d.refuse(FilterInvalid, err.Error()))
		return true
	case ganged:
		return d.together(gang)
	}
	d.remaining--
	nominated, waits := d.lifted[pod.ID]
	delete(d.lifted, pod.ID)
	if !waits {
		nominated = absent
	}
	switch k, why := d.try(pod); {
	case why != nil:
		d.giveUp(pod, *why)
	case k != nil && !d.makeRoomFor(pod, k, nominated):
		d.failed = append(d.failed, failure{pod, k})
	}
	return true
}

// try places a pod. When it cannot, it returns why, or the class when it is the nodes that have no room or do not suit.
func (d *decision) try(pod *core.Pod) (*class, *Explanation) {
	k, why := d.classOf(pod)
	if why == nil {
		why = d.overQuota(pod)
	}
	if why != nil {
		return nil, why
	}
	best, _, ok := d.choose(k)
	if !ok {
		return k, nil
	}
	d.place(pod, best.slot, false, false)
	d.plan.Placements = append(d.plan.Placements, core.Placement{PodID: pod.ID, NodeID: d.nodes[best.slot].id})
	return nil, nil
}

func (d *decision) giveUp(pod *core.Pod, why Explanation) {
	d.plan.Unschedulable = append(d.plan.Unschedulable, Unschedulable{PodID: pod.ID, Explanation: why})
}

// overQuota says how a pod would exceed its namespace's quota, or nil. The database counts pods when they are created; here those with a
// home count, so that a quota that was lowered since holds too.
func (c *Cluster) overQuota(pod *core.Pod) *Explanation {
	ns := c.namespaces[pod.Namespace]
	if ns == nil {
		return nil
	}
	need := requestOf(pod)
	exceeds := func(limit *int64, used, more int64) bool { return limit != nil && more > 0 && used+more > *limit }
	q := &ns.quota
	switch {
	case exceeds(q.MaxPods, ns.used.Pods, 1):
		return c.refusef(FilterQuota, "quota of namespace %s: %d of %d pods are placed", pod.Namespace, ns.used.Pods, *q.MaxPods)
	case exceeds(q.MaxCPUMillis, ns.used.CPUMillis, need.CPUMillis):
		return c.refusef(FilterQuota, "quota of namespace %s: cpu (needs %s, %s of %s left)", pod.Namespace, core.FormatCPU(need.CPUMillis),
			core.FormatCPU(max(0, *q.MaxCPUMillis-ns.used.CPUMillis)), core.FormatCPU(*q.MaxCPUMillis))
	case exceeds(q.MaxMemoryBytes, ns.used.MemoryBytes, need.MemoryBytes):
		return c.refusef(FilterQuota, "quota of namespace %s: memory (needs %s, %s of %s left)", pod.Namespace, core.FormatMemory(need.MemoryBytes),
			core.FormatMemory(max(0, *q.MaxMemoryBytes-ns.used.MemoryBytes)), core.FormatMemory(*q.MaxMemoryBytes))
	}
	return nil
}
