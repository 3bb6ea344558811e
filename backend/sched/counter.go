package sched

import (
	"math"
	"slices"

	"github.com/stark-o/stark/backend/core"
)

// counterKind is what a counter is for.
type counterKind uint8

const (
	towards    counterKind = iota // required affinity: at least one matching pod in the domain
	away                          // required anti-affinity: none
	repelled                      // required anti-affinity of running pods that names this one: none
	evenly                        // spread, DoNotSchedule
	softly                        // preferred affinity and anti-affinity, this pod's and the running pods'
	wishEvenly                    // spread, ScheduleAnyway
)

// counter counts, by domain of one topology key, the placed pods that matter to one constraint of a class.
type counter struct {
	kind    counterKind
	col     *column
	dim     int // index into class.shared; perNode when every domain is one node
	weigh   func(g *podGroup) int64
	weights []int64  // by group: what weigh said, or unweighed
	pivots  []string // labels of which a group must have one to weigh anything; see only
	any     bool     // any group may
	terms   bool     // and those with terms of their own
	*extent          // of spread constraints: the nodes whose pods count; nil when all do
	counts  []int64  // by domain
	total   int64

	// of spread constraints
	maxSkew    int64
	minDomains int
	self       int64 // 1 when the pod itself would count
	least      int64
	atLeast    int
	scale      int64 // weight of a pod in soft spread, in 1/1024
}

const perNode = -1

// spreadUnit is 1 in the scale of soft spread scores.
const spreadUnit = 1024

const unweighed = math.MinInt64

func (ct *counter) weight(c *Cluster, group int32) int64 {
	for int(group) >= len(ct.weights) {
		ct.weights = append(ct.weights, unweighed)
	}
	if ct.weights[group] == unweighed {
		ct.weights[group] = ct.weigh(c.groups[group])
	}
	return ct.weights[group]
}

// only says that no group weighs anything which the selector does not match, so that the count need not ask all. It may be said of several
// selectors; then each of them may match.
func (ct *counter) only(s *core.LabelSelector) {
	switch {
	case s == nil:
	case len(s.MatchLabels) == 0:
		ct.any = true
	default:
		key := sortedKeys(s.MatchLabels)[0]
		ct.pivots = append(ct.pivots, pivot(key, s.MatchLabels[key]))
	}
}

func pivot(key, value string) string { return key + "\x00" + value }

// candidates are the groups that may weigh something.
func (ct *counter) candidates(c *Cluster) []int32 {
	if ct.any {
		all := make([]int32, len(c.groups))
		for id := range all {
			all[id] = int32(id)
		}
		return all
	}
	var some []int32
	for _, p := range ct.pivots {
		some = append(some, c.groupsWith[p]...)
	}
	if ct.terms {
		some = append(some, c.symmetric...)
	}
	slices.Sort(some)
	return slices.Compact(some)
}

// build counts from nothing.
func (ct *counter) build(c *Cluster) {
	ct.counts = make([]int64, len(ct.col.values))
	ct.total = 0
	if ct.extent != nil {
		ct.scale = int64(math.Round(spreadUnit * math.Log(float64(ct.domains+2))))
	}
	for _, id := range ct.candidates(c) {
		weight := ct.weight(c, id)
		if weight == 0 {
			continue
		}
		for slot, n := range c.groups[id].on {
			if dom := ct.domain(slot); dom != absent {
				ct.counts[dom] += weight * int64(n)
				ct.total += weight * int64(n)
			}
		}
	}
	ct.findLeast()
}

// domain is where a pod on this slot counts; absent when it does not.
func (ct *counter) domain(slot int32) int32 {
	if ct.extent != nil && !ct.nodes.has(slot) {
		return absent
	}
	return ct.col.of[slot]
}

func (ct *counter) findLeast() {
	if ct.kind != evenly {
		return
	}
	ct.least, ct.atLeast = math.MaxInt64, 0
	for dom, n := range ct.counts {
		switch {
		case ct.alive[dom] == 0:
		case n < ct.least:
			ct.least, ct.atLeast = n, 1
		case n == ct.least:
			ct.atLeast++
		}
	}
}

// wishesPerNode says whether the counter scores single nodes.
func (ct *counter) wishesPerNode() bool {
	return ct.dim == perNode && (ct.kind == softly || ct.kind == wishEvenly)
}

// add takes in that pods of a group came to a slot or left it, and says whether that changed anything.
func (ct *counter) add(c *Cluster, ch change) bool {
	weight := ct.weight(c, ch.group)
	if weight == 0 {
		return false
	}
	dom := ct.domain(ch.slot)
	if dom == absent {
		return false
	}
	before := ct.counts[dom]
	after := before + weight*int64(ch.delta)
	ct.counts[dom] = after
	ct.total += weight * int64(ch.delta)
	if ct.kind != evenly {
		return true
	}
	switch {
	case after < ct.least:
		ct.least, ct.atLeast = after, 1
	case before == ct.least && after > before:
		if ct.atLeast--; ct.atLeast == 0 {
			ct.findLeast()
		}
	case before > ct.least && after == ct.least:
		ct.atLeast++
	}
	return true
}

// smallest is the global minimum that skew is measured from.
// Source: kube-scheduler podtopologyspread preFilterState.minMatchNum.
func (ct *counter) smallest() int64 {
	if ct.domains == 0 || ct.domains < ct.minDomains {
		return 0
	}
	return ct.least
}

// allows says whether a pod of the class may go to this domain.
// Source: kube-scheduler interpodaffinity.Filter, podtopologyspread.Filter.
func (ct *counter) allows(dom int32, alone bool) bool {
	switch ct.kind {
	case towards:
		return dom != absent && (alone || ct.counts[dom] > 0)
	case away, repelled:
		return dom == absent || ct.counts[dom] == 0
	case evenly:
		return dom != absent && ct.counts[dom]+ct.self-ct.smallest() <= ct.maxSkew
	}
	return true
}

var refusalOf = [...]Filter{towards: FilterPodAffinity, away: FilterAntiAffinity, repelled: FilterRepelled, evenly: FilterSpread}

// countersOf makes the counters that a pod needs: none for a pod to which other pods do not matter.
func (c *Cluster) countersOf(p *core.Pod, st *static, a *parsedAffinity, s *parsedSpread) (counters []*counter, selfAffine bool) {
	counters = c.spreadCounters(p, st, s.constraints)
	own := termsOf(p, a)
	wishes := map[string][]term{}
	if own != nil {
		for i := range own.required {
			ct := &counter{kind: towards, col: c.column(own.required[i].key), weigh: c.weighAll(own.required)}
			ct.only(own.required[0].selector)
			counters = append(counters, ct)
		}
		selfAffine = len(own.required) > 0 && matchesAll(c, own.required, p.Namespace, p.Labels)
		for i := range own.anti {
			ct := &counter{kind: away, col: c.column(own.anti[i].key), weigh: c.weighOne(&own.anti[i])}
			ct.only(own.anti[i].selector)
			counters = append(counters, ct)
		}
		for _, t := range own.soft {
			wishes[t.key] = append(wishes[t.key], t)
		}
	}
	repels := map[string]bool{}
	for _, id := range c.symmetric {
		g := c.groups[id]
		for i := range g.terms.anti {
			if g.terms.anti[i].matches(c, p.Namespace, p.Labels) {
				repels[g.terms.anti[i].key] = true
			}
		}
		for key := range c.wishesOf(g, p) {
			if _, known := wishes[key]; !known {
				wishes[key] = nil
			}
		}
	}
	for _, key := range sortedKeys(repels) {
		counters = append(counters, &counter{kind: repelled, col: c.column(key), weigh: c.weighRepelled(key, p), terms: true})
	}
	for _, key := range sortedKeys(wishes) {
		ct := &counter{kind: softly, col: c.column(key), weigh: c.weighWished(key, wishes[key], p), terms: true}
		for _, t := range wishes[key] {
			ct.only(t.selector)
		}
		counters = append(counters, ct)
	}
	return counters, selfAffine
}

func matchesAll(c *Cluster, terms []term, namespace string, labels map[string]string) bool {
	for i := range terms {
		if !terms[i].matches(c, namespace, labels) {
			return false
		}
	}
	return true
}

// weighAll: a pod counts for required affinity only if it matches all terms.
// Source: kube-scheduler interpodaffinity podMatchesAllAffinityTerms.
func (c *Cluster) weighAll(terms []term) func(*podGroup) int64 {
	return func(g *podGroup) int64 {
		if matchesAll(c, terms, g.namespace, g.labels) {
			return 1
		}
		return 0
	}
}

func (c *Cluster) weighOne(t *term) func(*podGroup) int64 {
	return func(g *podGroup) int64 {
		if t.matches(c, g.namespace, g.labels) {
			return 1
		}
		return 0
	}
}

func (c *Cluster) weighRepelled(key string, p *core.Pod) func(*podGroup) int64 {
	return func(g *podGroup) (n int64) {
		if g.terms == nil {
			return 0
		}
		for i := range g.terms.anti {
			if t := &g.terms.anti[i]; t.key == key && t.matches(c, p.Namespace, p.Labels) {
				n++
			}
		}
		return n
	}
}

// wishesOf is what the terms of running pods wish about a pod, by topology key. Required affinity counts as a wish of HardPodAffinity.
// Source: kube-scheduler interpodaffinity.processExistingPod.
func (c *Cluster) wishesOf(g *podGroup, p *core.Pod) map[string]int64 {
	if g.terms == nil {
		return nil
	}
	var wishes map[string]int64
	add := func(t *term, weight int64) {
		if weight != 0 && t.matches(c, p.Namespace, p.Labels) {
			if wishes == nil {
				wishes = map[string]int64{}
			}
			wishes[t.key] += weight
		}
	}
	for i := range g.terms.required {
		add(&g.terms.required[i], c.cfg.Weights.HardPodAffinity)
	}
	for i := range g.terms.soft {
		add(&g.terms.soft[i], g.terms.soft[i].weight)
	}
	return wishes
}

func (c *Cluster) weighWished(key string, own []term, p *core.Pod) func(*podGroup) int64 {
	return func(g *podGroup) int64 {
		n := c.wishesOf(g, p)[key]
		for i := range own {
			if own[i].matches(c, g.namespace, g.labels) {
				n += own[i].weight
			}
		}
		return n
	}
}
