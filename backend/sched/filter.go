package sched

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Filter names a reason why a node cannot take a pod. The names are stable: they are stored with pending pods.
type Filter string

// The filters, in the order in which they are asked; the first that refuses is the one that counts.
const (
	FilterPack     Filter = "pack_missing"
	FilterHealth   Filter = "node_not_ready"
	FilterCordon   Filter = "cordoned"
	FilterRuntime  Filter = "runtime_mismatch"
	FilterAccess   Filter = "private_node"
	FilterSelector Filter = "node_selector"
	FilterTaint    Filter = "taint"
	FilterPods     Filter = "too_many_pods"
	FilterCPU      Filter = "insufficient_cpu"
	FilterMemory   Filter = "insufficient_memory"
)

var filterOrder = []Filter{
	FilterPack, FilterHealth, FilterCordon, FilterRuntime, FilterAccess, FilterSelector, FilterTaint, FilterPods, FilterCPU, FilterMemory,
}

type request struct {
	pod  *core.Pod
	pack *core.Pack
}

// refusedBy returns the first filter that keeps the pod off the node, or "".
func (r request) refusedBy(c *candidate) Filter {
	n := c.node
	switch {
	case r.pack == nil:
		return FilterPack
	case n.Status != core.NodeHealthy:
		return FilterHealth
	case n.Unschedulable:
		return FilterCordon
	case !r.pack.Tag.RunsOn(n.Runtime):
		return FilterRuntime
	case n.Access != core.AccessShared && (n.OwnerID == uuid.Nil || n.OwnerID != r.pod.CreatedBy):
		return FilterAccess
	case !selects(r.pod.NodeSelector, n.Labels):
		return FilterSelector
	case !toleratesAll(r.pod.Tolerations, n.Taints):
		return FilterTaint
	case c.free.Pods < 1:
		return FilterPods
	case c.free.CPUMillis < r.pod.CPUMillis:
		return FilterCPU
	case c.free.MemoryBytes < r.pod.MemoryBytes:
		return FilterMemory
	}
	return ""
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func toleratesAll(tolerations []core.Toleration, taints []core.Taint) bool {
	for _, taint := range taints {
		if taint.Effect == core.EffectPreferNoSchedule {
			continue
		}
		tolerated := false
		for _, t := range tolerations {
			if t.Tolerates(taint) {
				tolerated = true
				break
			}
		}
		if !tolerated {
			return false
		}
	}
	return true
}
