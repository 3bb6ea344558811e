package sched

import (
	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Filter names a reason why a pod has no place. The names are stable: they are stored with pending pods.
type Filter string

// What keeps a pod off one node, in the order in which it is asked; the first that refuses is the one that counts.
const (
	FilterHealth       Filter = "node_not_ready"
	FilterCordon       Filter = "cordoned"
	FilterRuntime      Filter = "runtime_mismatch"
	FilterVersion      Filter = "runtime_too_old"
	FilterAccess       Filter = "private_node"
	FilterSelector     Filter = "node_selector"
	FilterAffinity     Filter = "node_affinity"
	FilterTaint        Filter = "taint"
	FilterPods         Filter = "too_many_pods"
	FilterCPU          Filter = "insufficient_cpu"
	FilterMemory       Filter = "insufficient_memory"
	FilterSpread       Filter = "topology_spread"
	FilterPodAffinity  Filter = "pod_affinity"
	FilterAntiAffinity Filter = "pod_anti_affinity"
	FilterRepelled     Filter = "repelled" // by the anti-affinity of a pod that runs there
)

// What keeps a pod off every node.
const (
	FilterPack     Filter = "pack_missing"
	FilterInvalid  Filter = "invalid_spec" // affinity, spread or gang labels that cannot be read
	FilterQuota    Filter = "quota_exceeded"
	FilterGang     Filter = "gang_incomplete" // members are missing
	FilterGangRoom Filter = "gang_no_room"    // some members have no place, so none takes one
	FilterWaiting  Filter = "preempting"      // room is being made; waiting for pods to leave
)

var filterOrder = []Filter{
	FilterInvalid, FilterPack, FilterQuota, FilterGang, FilterGangRoom, FilterWaiting, FilterHealth, FilterCordon, FilterRuntime,
	FilterVersion, FilterAccess, FilterSelector, FilterAffinity, FilterTaint, FilterPods, FilterCPU, FilterMemory, FilterSpread,
	FilterPodAffinity, FilterAntiAffinity, FilterRepelled,
}

// demand is what a pod asks of a node regardless of what runs there.
type demand struct {
	tag         core.RuntimeTag
	minVersion  *semver.Version // nil for any
	owner       uuid.UUID
	selector    map[string]string
	required    *core.NodeSelector
	preferred   []core.PreferredSchedulingTerm
	tolerations []core.Toleration
	digest      string // of the pack's bundle
	scorer      *Scorer
	namespace   string // of the pod, for the scorer
}

// offDuty is the first filter on the profile that comes before labels: health, cordon, runtime, version, access; "" for none.
func (d *demand) offDuty(p *profile) Filter {
	switch {
	case !p.healthy:
		return FilterHealth
	case p.cordoned:
		return FilterCordon
	}
	return d.unusable(p)
}

// unusable is the part of offDuty that waiting does not change: nodes that could never run the pod.
func (d *demand) unusable(p *profile) Filter {
	switch {
	case !d.tag.RunsOn(p.runtime):
		return FilterRuntime
	case d.minVersion != nil && (p.parsed == nil || p.parsed.LessThan(d.minVersion)):
		return FilterVersion
	case !p.shared && (p.owner == uuid.Nil || p.owner != d.owner):
		return FilterAccess
	}
	return ""
}

// mislabelled asks nodeSelector and required node affinity.
// Source: kube-scheduler nodeaffinity.Filter: both must hold.
func (d *demand) mislabelled(n *core.Node) Filter {
	switch {
	case !selects(d.selector, n):
		return FilterSelector
	case !d.required.Matches(n):
		return FilterAffinity
	}
	return ""
}

func selects(selector map[string]string, n *core.Node) bool {
	for key, want := range selector {
		if have, ok := n.Label(key); !ok || have != want {
			return false
		}
	}
	return true
}

// untolerated returns the first NoSchedule or NoExecute taint that no toleration covers, or nil.
// Source: kube-scheduler tainttoleration.Filter, v1helper.FindMatchingUntoleratedTaint.
func (d *demand) untolerated(taints []core.Taint) *core.Taint {
	for i := range taints {
		if taints[i].Effect != core.EffectPreferNoSchedule && !d.tolerates(taints[i]) {
			return &taints[i]
		}
	}
	return nil
}

func (d *demand) tolerates(taint core.Taint) bool {
	for _, t := range d.tolerations {
		if t.Tolerates(taint) {
			return true
		}
	}
	return false
}

// refuses asks every filter that does not depend on what runs on the node.
func (d *demand) refuses(n *core.Node, p *profile) Filter {
	if f := d.offDuty(p); f != "" {
		return f
	}
	if f := d.mislabelled(n); f != "" {
		return f
	}
	if d.untolerated(p.taints) != nil {
		return FilterTaint
	}
	return ""
}

// crowded asks whether the request fits. Source: kube-scheduler noderesources.Fits.
func crowded(free, need Resources) Filter {
	switch {
	case free.Pods < need.Pods:
		return FilterPods
	case need.CPUMillis > 0 && free.CPUMillis < need.CPUMillis:
		return FilterCPU
	case need.MemoryBytes > 0 && free.MemoryBytes < need.MemoryBytes:
		return FilterMemory
	}
	return ""
}

func parseVersion(s string) *semver.Version {
	if s == "" {
		return nil
	}
	v, err := semver.NewVersion(s)
	if err != nil {
		return impossibleVersion // an unreadable minimum is met by nothing rather than by everything
	}
	return v
}

var impossibleVersion = semver.New(1<<62, 0, 0, "", "")
