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
	ct := &counter{kind: evenly, col: c.column(t.TopologyKey), maxSkew: int64(t.MaxSkew), extent: c.extentOf(st, t, keyed)}
	ct.only(selector)
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

// extent is the nodes whose pods count in a spread constraint, and the domains that they make.
type extent struct {
	nodes   bitset
	alive   []int32 // by domain: nodes
	domains int     // that have a node
}

// extentOf finds or makes an extent; classes with the same demand share it. With policy Honor for affinity (the default) nodes count on
// which the pod could ever run; with Ignore its labels do not matter, but its runtime and whose node it is still do: a domain where the pod
// can never be must not hold up the others.
func (c *Cluster) extentOf(st *static, t *core.TopologySpreadConstraint, keyed []*column) *extent {
	if st.extents == nil || st.extentsOf != c.structure {
		st.extents, st.extentsOf = map[string]*extent{}, c.structure
	}
	b := appendString(c.scratch[:0], t.TopologyKey)
	b = appendString(b, string(t.NodeAffinityPolicy))
	b = appendString(b, string(t.NodeTaintsPolicy))
	for _, col := range keyed {
		b = appendString(b, col.key)
	}
	c.scratch = b
	if e := st.extents[string(b)]; e != nil {
		return e
	}
	key := string(b)
	col := c.column(t.TopologyKey)
	e := &extent{nodes: c.countable(st, t, keyed), alive: make([]int32, len(col.values))}
	e.nodes.each(func(slot int32) bool {
		dom := col.of[slot]
		if e.alive[dom]++; e.alive[dom] == 1 {
			e.domains++
		}
		return true
	})
	st.extents[key] = e
	return e
}

func (c *Cluster) countable(st *static, t *core.TopologySpreadConstraint, keyed []*column) bitset {
	set := newBitset(len(c.nodes))
	set.add(st.reach)
	if t.NodeAffinityPolicy == core.PolicyIgnore || t.NodeTaintsPolicy == core.PolicyHonor {
		for i := range c.profiles {
			p := &c.profiles[i]
			if t.NodeAffinityPolicy == core.PolicyIgnore && st.unusable(p) == "" {
				set.add(p.slots)
			}
			if t.NodeTaintsPolicy == core.PolicyHonor && (st.offDuty(p) != "" || st.untolerated(p.taints) != nil) {
				set.remove(p.slots)
			}
		}
	}
	for _, col := range keyed {
		set.keep(col.has)
	}
	return set
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
