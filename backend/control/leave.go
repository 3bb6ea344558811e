package control

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// departures is who is to leave which node, and what is to be looked at when.
type departures struct {
	evictions []core.Eviction // the least important first
	drained   []uuid.UUID     // nodes whose pods have left, as was asked for
	next      time.Time       // when to look again though nothing happens; zero for never
}

// drives says whether a node sends pods away: it is being drained, or has a taint that pods may not stay with.
func drives(n *core.Node) bool {
	return n != nil && (!n.DrainDeadline.IsZero() || slices.ContainsFunc(n.Taints, func(t core.Taint) bool { return t.Effect == core.EffectNoExecute }))
}

// depart decides who has to leave the nodes that send pods away. Pods of a daemonset stay on a node that is drained: they would have
// nowhere else to go, as in Kubernetes.
// Source: kubectl drain; kube-controller-manager tainteviction.
func depart(now time.Time, nodes []*core.Node, podsOn func(uuid.UUID) []*core.Pod, daemon func(*core.Pod) bool) departures {
	var d departures
	for _, node := range nodes {
		pods := podsOn(node.ID)
		slices.SortFunc(pods, func(a, b *core.Pod) int {
			return cmp.Or(cmp.Compare(a.Priority, b.Priority), b.CreatedAt.Compare(a.CreatedAt), slices.Compare(a.ID[:], b.ID[:]))
		})
		rest := 0
		for _, pod := range pods {
			drains := !node.DrainDeadline.IsZero() && !daemon(pod)
			if drains {
				rest++
				d.drain(now, node, pod)
			}
			if !drains {
				d.taints(now, node, pod)
			}
		}
		if !node.DrainDeadline.IsZero() && node.DrainedAt.IsZero() && rest == 0 {
			d.drained = append(d.drained, node.ID)
		}
	}
	return d
}

// drain asks a pod to leave by the node's deadline, and at once when that has passed.
func (d *departures) drain(now time.Time, node *core.Node, pod *core.Pod) {
	left := max(node.DrainDeadline.Sub(now), 0)
	switch {
	case pod.Desired == core.DesiredStopped: // it goes anyway, in its own time
	case !pod.Leaving(), pod.Eviction != "" && left == 0 && pod.Grace() > 0:
		e := core.Eviction{PodID: pod.ID, NodeID: node.ID, Reason: core.ReasonDrained, Message: "node " + node.Name + " is being drained"}
		if left < pod.GracePeriod {
			e.Grace = &left
		}
		d.evictions = append(d.evictions, e)
	}
	if left > 0 {
		d.lookAt(node.DrainDeadline)
	}
}

// taints asks a pod to leave that does not tolerate the node, or not for that long.
func (d *departures) taints(now time.Time, node *core.Node, pod *core.Pod) {
	if pod.Leaving() {
		return
	}
	for _, taint := range node.Taints {
		if taint.Effect != core.EffectNoExecute {
			continue
		}
		until, ever := tolerated(taint, pod)
		switch {
		case ever:
		case until.After(now):
			d.lookAt(until)
		default:
			d.evictions = append(d.evictions, core.Eviction{PodID: pod.ID, NodeID: node.ID, Reason: core.ReasonEvicted,
				Message: fmt.Sprintf("node %s has a taint that it does not tolerate: %s", node.Name, taint)})
			return
		}
	}
}

// tolerated says until when a pod may stay with a NoExecute taint: the shortest of the tolerations that cover it counts, from when both the taint
// and the pod were there.
// Source: kube-controller-manager tainteviction.getMinTolerationTime.
func tolerated(taint core.Taint, pod *core.Pod) (until time.Time, ever bool) {
	covered, limited, seconds := false, false, int64(0)
	for _, t := range pod.Tolerations {
		if !t.Tolerates(taint) {
			continue
		}
		covered = true
		if t.TolerationSeconds != nil && (!limited || *t.TolerationSeconds < seconds) {
			limited, seconds = true, max(*t.TolerationSeconds, 0)
		}
	}
	switch {
	case !covered:
		return time.Time{}, false
	case !limited || seconds > maxTolerationSeconds:
		return time.Time{}, true
	}
	since := taint.TimeAdded
	if pod.ScheduledAt.After(since) {
		since = pod.ScheduledAt
	}
	return since.Add(time.Duration(seconds) * time.Second), false
}

// maxTolerationSeconds is where a toleration ends to have an end: a hundred years.
const maxTolerationSeconds = 100 * 365 * 24 * 3600

func (d *departures) lookAt(at time.Time) {
	if d.next.IsZero() || at.Before(d.next) {
		d.next = at
	}
}
