package sched

import (
	"strconv"

	"github.com/stark-o/stark/backend/core"
)

// class is all pods that the scheduler cannot tell apart. It keeps, for those that come again, an index of the nodes that can take one more
// of them: nodes alike in everything but their load are a cohort, and each cohort is a heap by score. Choosing looks at the tops only.
//
// Classes that ask for the same room on the same nodes and differ only in the pods that they seek or avoid share one index, that of their
// order: a class without counters. From its heaps each takes the best node that its own counters allow.
type class struct {
	static     *static
	pod        *core.Pod // one of them, for its namespace and labels
	need       Resources
	bestEffort bool
	strategy   Strategy
	shares     []struct{ cpu, memory int32 } // what one pod takes, by capacity
	used       uint64                        // Cluster.tick
	why        *Explanation                  // why no node takes one, as of whyAt
	whyAt      [2]uint64

	related    bool       // other pods may matter
	counters   []*counter // how they do; made when the class is used
	selfAffine bool       // matches its own required affinity, so that the first may start anywhere
	structure  uint64     // Cluster.structure that the counters were made for
	symmetric  int        // groups of Cluster.symmetric that were looked at
	counted    uint64     // in Cluster.log: what the counters have taken in
	shared     []*column  // topologies of counters whose domains hold several nodes
	picky      bool       // preferences or many refusals of single nodes: an order of its own pays
	order      *class     // whose index to use; the class itself when it is picky
	*index                // nil for a class that was used once: it looks at every node
}

// index is the part of a class that costs memory in every node.
type index struct {
	cursor     uint64  // in Cluster.log
	nodeCursor uint64  // in Cluster.nodeLog
	of         uint64  // Cluster.structure that domains are numbered by
	built      uint64  // static.built that leanings are numbered by
	bases      []base  // combinations of leaning and shared domains
	baseOf     []int32 // by slot; nil when a base is just a leaning
	cohorts    []cohort
	cohortOf   map[cohortKey]int32 // nil when a cohort is just a base
	at         []position          // by slot
	thresholds []int64             // what the verdict on single nodes depended on
}

// base is what nodes of one cohort have in common for good.
type base struct {
	lean    int32
	domains []int32 // by class.shared
}

// cohortKey adds what preferences with one-node domains say.
type cohortKey struct {
	base           int32
	wished, spread int64
}

type cohort struct {
	cohortKey
	heap heap
}

type position struct{ cohort, index int32 }

// classOf finds or makes the class of a pod. When the pod cannot be placed anywhere for what it is, it returns that instead.
func (c *Cluster) classOf(p *core.Pod) (*class, *Explanation) {
	a, s := c.affinityOf(p), c.spreadOf(p)
	switch {
	case a.err != nil:
		return nil, c.refuse(FilterInvalid, a.err.Error())
	case s.err != nil:
		return nil, c.refuse(FilterInvalid, s.err.Error())
	}
	pack := c.packs[p.PackID]
	if pack == nil {
		return nil, c.refuse(FilterPack, "pack not found")
	}
	c.tick++
	st := c.staticOf(p, pack, a)
	strategy := c.cfg.strategyOf(p.Namespace)
	probe := class{static: st, need: requestOf(p), strategy: strategy}
	b := probe.room(c.scratch[:0])
	related := a.podTerms || len(s.constraints) > 0 || len(c.symmetric) > 0
	b = strconv.AppendBool(b, related)
	if related {
		b = appendString(b, p.Namespace)
		b = c.appendMap(b, p.Labels)
		b = appendString(b, string(p.Affinity))
		b = appendString(b, string(p.TopologySpread))
	}
	c.scratch = b
	k := c.classes[string(b)]
	if k == nil {
		need := probe.need
		k = &class{static: st, pod: p, need: need, strategy: strategy, related: related, structure: never, bestEffort: need.CPUMillis == 0 && need.MemoryBytes == 0}
		c.forgetOldClasses()
		c.classes[string(b)] = k
	}
	k.static = st
	return k, nil
}

func (c *Cluster) forgetOldClasses() {
	if len(c.classes) < c.limits.classes {
		return
	}
	for key, k := range c.classes {
		if k.used+uint64(c.limits.classes)/2 < c.tick {
			c.dropIndex(k)
			delete(c.classes, key)
		}
	}
}

// room is a key for which nodes a class asks and for how much of them.
func (k *class) room(b []byte) []byte {
	b = appendUint(b, k.static.serial)
	b = appendUint(b, uint64(k.need.CPUMillis))
	b = appendUint(b, uint64(k.need.MemoryBytes))
	return append(b, byte(k.strategy))
}

// value is the part of the score that depends on the node's load.
func (k *class) value(c *Cluster, l *load) int64 {
	cpu, memory := k.sharesOf(c, l)
	allocation, balance := resourceScores(k.strategy, k.bestEffort, cpu, memory)
	return allocation*c.cfg.Weights.Resources + balance*c.cfg.Weights.Balanced
}

// sharesOf is what would be taken of a node with one more pod. A pod's share is rounded by itself, so that nothing is divided here.
func (k *class) sharesOf(c *Cluster, l *load) (cpu, memory int32) {
	if int(l.capacity) >= len(k.shares) {
		k.learnShares(c)
	}
	s := &k.shares[l.capacity]
	return l.cpuShare + s.cpu, l.memoryShare + s.memory
}

func (k *class) learnShares(c *Cluster) {
	for _, capacity := range c.capacities[len(k.shares):] {
		k.shares = append(k.shares, struct{ cpu, memory int32 }{
			share(k.need.CPUMillis, capacity.CPUMillis), share(k.need.MemoryBytes, capacity.MemoryBytes)})
	}
}

func (k *class) fits(l *load) bool {
	return l.freePods >= 1 && (k.need.CPUMillis == 0 || l.freeCPU >= k.need.CPUMillis) &&
		(k.need.MemoryBytes == 0 || l.freeMemory >= k.need.MemoryBytes)
}

// alone says that no pod matches the class's required affinity anywhere and that this pod may be the first.
func (k *class) alone() bool {
	if !k.selfAffine {
		return false
	}
	for _, ct := range k.counters {
		if ct.kind == towards && ct.total != 0 {
			return false
		}
	}
	return true
}

// stands says whether constraints with one-node domains allow this node.
func (k *class) stands(slot int32, alone bool) bool {
	for _, ct := range k.counters {
		if ct.dim == perNode && !ct.allows(ct.col.of[slot], alone) {
			return false
		}
	}
	return true
}

// opens says whether constraints with shared domains allow these domains.
func (k *class) opens(b *base, alone bool) bool {
	for _, ct := range k.counters {
		if ct.dim != perNode && !ct.allows(b.domains[ct.dim], alone) {
			return false
		}
	}
	return true
}

// outOfSpread marks a node that lacks the key of a soft spread constraint.
const outOfSpread = -1 << 62

// cohort says to which cohort a node belongs.
func (k *class) cohort(slot int32) int32 {
	b := k.static.leanID(slot)
	if k.baseOf != nil {
		b = k.baseOf[slot]
	}
	if k.cohortOf == nil {
		for int(b) >= len(k.cohorts) { // leanings that appeared since
			k.bases = append(k.bases, base{lean: int32(len(k.bases))})
			k.cohorts = append(k.cohorts, cohort{cohortKey: cohortKey{base: int32(len(k.cohorts))}})
		}
		return b
	}
	key := cohortKey{base: b}
	for _, ct := range k.counters {
		if ct.dim == perNode {
			key.wished, key.spread = ct.wish(ct.col.of[slot], key.wished, key.spread)
		}
	}
	id, known := k.cohortOf[key]
	if !known {
		id = int32(len(k.cohorts))
		k.cohorts = append(k.cohorts, cohort{cohortKey: key})
		k.cohortOf[key] = id
	}
	return id
}

// wish adds what a soft counter says of a domain.
// Source: kube-scheduler interpodaffinity.Score; podtopologyspread scoreForCount.
func (ct *counter) wish(dom int32, wished, spread int64) (int64, int64) {
	switch {
	case ct.kind == softly && dom != absent:
		wished += ct.counts[dom]
	case ct.kind == wishEvenly && dom == absent:
		spread = outOfSpread
	case ct.kind == wishEvenly && spread != outOfSpread:
		spread += ct.counts[dom]*ct.scale + (ct.maxSkew-1)*spreadUnit
	}
	return wished, spread
}
