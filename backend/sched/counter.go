package sched

import (
	"math"

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
	kind     counterKind
	col      *column
	dim      int // index into class.shared; perNode when every domain is one node
	weigh    func(g *podGroup) int64
	weights  []int64 // by group: what weigh said
	eligible bitset  // nodes whose pods count; nil for all
	counts   []int64 // by domain
	total    int64

	// of spread constraints
	maxSkew    int64
	minDomains int
	self       int64 // 1 when the pod itself would count
	alive      []int32
	domains    int // with an eligible node
	least      int64
	atLeast    int
	scale      int64 // weight of a pod in soft spread, in 1/1024
}

const perNode = -1

// spreadUnit is 1 in the scale of soft spread scores.
const spreadUnit = 1024

func (ct *counter) weight(c *Cluster, group int32) int64 {
	for int(group) >= len(ct.weights) {
		ct.weights = append(ct.weights, ct.weigh(c.groups[len(ct.weights)]))
	}
	return ct.weights[group]
}

// build counts from nothing.
func (ct *counter) build(c *Cluster) {
	ct.counts = make([]int64, len(ct.col.values))
	ct.total, ct.domains = 0, 0
	if ct.kind == evenly || ct.kind == wishEvenly {
		ct.alive = make([]int32, len(ct.col.values))
		ct.eligible.each(func(slot int32) bool {
			dom := ct.col.of[slot]
			if ct.alive[dom]++; ct.alive[dom] == 1 {
				ct.domains++
			}
			return true
		})
		ct.scale = int64(math.Round(spreadUnit * math.Log(float64(ct.domains+2))))
	}
	for id := range c.groups {
		weight := ct.weight(c, int32(id))
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
	if ct.eligible != nil && !ct.eligible.has(slot) {
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
			counters = append(counters, &counter{kind: towards, col: c.column(own.required[i].key), weigh: c.weighAll(own.required)})
		}
		selfAffine = len(own.required) > 0 && matchesAll(c, own.required, p.Namespace, p.Labels)
		for i := range own.anti {
			counters = append(counters, &counter{kind: away, col: c.column(own.anti[i].key), weigh: c.weighOne(&own.anti[i])})
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
		counters = append(counters, &counter{kind: repelled, col: c.column(key), weigh: c.weighRepelled(key, p)})
	}
	for _, key := range sortedKeys(wishes) {
		counters = append(counters, &counter{kind: softly, col: c.column(key), weigh: c.weighWished(key, wishes[key], p)})
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
