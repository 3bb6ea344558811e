package control

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/control/rollout"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// Proposal is what somebody thinks of doing, all at once.
type Proposal struct {
	Create []*core.Pod         // as they would be in the table
	Scale  map[uuid.UUID]int32 // deployments that would get fewer replicas
	Drain  []uuid.UUID         // nodes
}

// Outlook is what would come of a proposal.
type Outlook struct {
	Leaving       []Leave
	Placements    []core.Placement // of new pods, of those that leave a node, and of those that wait already
	Nominations   []core.Placement // would go there once the evicted have left
	Evictions     []sched.Eviction // to make room
	Unschedulable []sched.Unschedulable
	Pods          map[uuid.UUID]*core.Pod // all that are spoken of
	Waiting       map[uuid.UUID]bool      // those of them that wait already
}

// Leave is a pod that the proposal itself sends away, and why: core.ReasonDrained, or scaled_down for one that is not replaced.
type Leave struct {
	Pod    *core.Pod
	Reason string
}

// ReasonScaledDown is why a pod leaves that its deployment does not need any more.
const ReasonScaledDown = "scaled_down"

// Plan decides about a proposal with the code that decides in earnest, and takes all of it back. What waits already takes part: it competes for the same
// room. Pods that are preempted are told as such; where they would go then is not part of it.
func (c *Counsel) Plan(p Proposal, now time.Time) Outlook {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.refreshed()
	out := Outlook{Pods: map[uuid.UUID]*core.Pod{}, Waiting: map[uuid.UUID]bool{}}
	b.index.WhatIf(func() {
		queue := slices.Clone(p.Create)
		for id, replicas := range p.Scale {
			c.shrink(b, id, replicas, now, &out)
		}
		for _, node := range c.picture.Nodes() {
			if slices.Contains(p.Drain, node.ID) {
				queue = append(queue, c.drain(b, node, &out)...)
			}
		}
		for _, pod := range b.waiting {
			out.Waiting[pod.ID] = true
			queue = append(queue, pod)
		}
		for _, pod := range queue {
			out.Pods[pod.ID] = pod
		}
		out.decide(b, queue)
	})
	for _, e := range out.Evictions {
		out.Pods[e.PodID] = c.picture.Pod(e.PodID)
	}
	return out
}

// decide goes on until nobody is left whom a placement after their turn could have helped.
func (o *Outlook) decide(b *brain, queue []*core.Pod) {
	for {
		plan := b.index.Decide(queue, sched.Options{NoPreemption: !b.preempts})
		o.Placements = append(o.Placements, plan.Placements...)
		o.Evictions = append(o.Evictions, plan.Evictions...)
		o.Nominations, o.Unschedulable = plan.Nominations, plan.Unschedulable
		if plan.Deferred == 0 || len(plan.Placements) == 0 {
			return
		}
	}
}

// drain cordons the node and takes its pods off it, but for those of daemonsets: those that are to run on find themselves a place.
func (c *Counsel) drain(b *brain, node *core.Node, out *Outlook) (moving []*core.Pod) {
	cordoned := *node
	cordoned.Unschedulable = true
	b.index.UpsertNode(&cordoned)
	for _, pod := range c.picture.PodsOn(node.ID) {
		if d := c.picture.Deployment(pod.DeploymentID); pod.Leaving() || (d != nil && d.Mode == core.ModeDaemonSet) || out.Pods[pod.ID] != nil {
			continue
		}
		out.Leaving = append(out.Leaving, Leave{pod, core.ReasonDrained})
		b.index.Remove(pod.ID)
		free := *pod
		free.Status, free.NodeID = core.PodPending, uuid.Nil
		moving = append(moving, &free)
	}
	return moving
}

// shrink takes those pods away that the deployment's next step would stop.
func (c *Counsel) shrink(b *brain, id uuid.UUID, replicas int32, now time.Time, out *Outlook) {
	d := c.picture.Deployment(id)
	if d == nil {
		return
	}
	smaller := *d
	smaller.Replicas = replicas
	in := rollout.Input{Deployment: &smaller, Pods: c.picture.PodsOf(id), Now: now}
	if pack := c.picture.Pack(d.PackID); pack != nil {
		in.Version = pack.Version
	}
	for _, gone := range rollout.Step(in).Stop {
		pod := c.picture.Pod(gone)
		if pod == nil {
			continue
		}
		out.Pods[gone] = pod
		out.Leaving = append(out.Leaving, Leave{pod, ReasonScaledDown})
		b.index.Remove(gone)
	}
}
