package sched

import (
	"maps"
	"slices"

	"github.com/stark-o/stark/backend/core"
)

// spreadCounters makes the counters of topology spread constraints. The hard ones count together only nodes that have the keys of all hard
// ones, the soft ones those with the keys of all soft ones.
// Source: kube-scheduler podtopologyspread calPreFilterState, initPreScoreState.
func (c *Cluster) spreadCounters(p *core.Pod, st *static, constraints []core.TopologySpreadConstraint) (counters []*counter) {
	for _, when := range []core.WhenUnsatisfiable{core.DoNotSchedule, core.ScheduleAnyway} {
		var keyed []*column
		for i := range constraints {
			if constraints[i].WhenUnsatisfiable == when {
				keyed = append(keyed, c.column(constraints[i].TopologyKey))
			}
		}
		for i := range constraints {
			if t := &constraints[i]; t.WhenUnsatisfiable == when {
				counters = append(counters, c.spreadCounter(p, st, t, keyed))
			}
		}
	}
	return counters
}

func (c *Cluster) spreadCounter(p *core.Pod, st *static, t *core.TopologySpreadConstraint, keyed []*column) *counter {
	selector := t.LabelSelector.With(p.Labels, t.MatchLabelKeys, nil)
	ct := &counter{kind: evenly, col: c.column(t.TopologyKey), maxSkew: int64(t.MaxSkew), eligible: c.countable(st, t, keyed)}
	if t.WhenUnsatisfiable == core.ScheduleAnyway {
		ct.kind = wishEvenly
	}
	if t.MinDomains != nil {
		ct.minDomains = int(*t.MinDomains)
	}
	if selector.Matches(p.Labels) {
		ct.self = 1
	}
	ct.weigh = func(g *podGroup) int64 {
		if !g.leaving && g.namespace == p.Namespace && selector.Matches(g.labels) {
			return 1
		}
		return 0
	}
	return ct
}

// countable is the nodes whose pods count. With policy Honor for affinity (the default) that is where the pod could ever run; with Ignore its
// labels do not matter, but its runtime and whose node it is still do: a domain where the pod can never be must not hold up the others.
func (c *Cluster) countable(st *static, t *core.TopologySpreadConstraint, keyed []*column) bitset {
	set := slices.Clone(st.reach)
	for slot := range c.nodes {
		id := c.profileOf[slot]
		if id == absent {
			continue
		}
		p := &c.profiles[id]
		if t.NodeAffinityPolicy == core.PolicyIgnore && st.unusable(p) == "" {
			set.put(int32(slot), true)
		}
		if t.NodeTaintsPolicy == core.PolicyHonor && (st.offDuty(p) != "" || st.untolerated(p.taints) != nil) {
			set.put(int32(slot), false)
		}
		for _, col := range keyed {
			if col.of[slot] == absent {
				set.put(int32(slot), false)
			}
		}
	}
	return set
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
