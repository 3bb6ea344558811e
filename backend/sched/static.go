package sched

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// static is what pods with the same demand see of the nodes regardless of what runs there. It is shared by all classes with that demand and
// follows the nodes as they change.
type static struct {
	demand
	serial    uint64
	used      uint64             // Cluster.tick
	built     uint64             // how often: a new build numbers leanings anew
	cursor    uint64             // in Cluster.nodeLog
	admit     bitset             // nodes that pass every filter of the demand
	reach     bitset             // nodes that the pod could ever run on: all but health, cordon and taints
	extents   map[string]*extent // of spread constraints, as of Cluster.structure == extentsOf
	extentsOf uint64
	lean      []int32
	leaning   []leaning // by id; lean is nil while all nodes have id 0
	leanIDs   map[leaning]int32
}

// demandOf reads a pod's demand. What no node asks about — an owner without private nodes, a bundle that is nowhere — is left out, so that
// pods which differ only in it share.
func (c *Cluster) demandOf(p *core.Pod, pack *core.Pack, a *parsedAffinity) demand {
	d := demand{tag: pack.Tag, minVersion: parseVersion(pack.MinRuntimeVersion), selector: p.NodeSelector, tolerations: p.Tolerations}
	if c.privateOf[p.CreatedBy] > 0 {
		d.owner = p.CreatedBy
	}
	if c.cachedOn[pack.BundleSHA256] > 0 {
		d.digest = pack.BundleSHA256
	}
	if c.hasScorer() {
		d.scorer, d.namespace = c.cfg.Scorer, p.Namespace
	}
	if a.Node != nil {
		d.required, d.preferred = a.Node.Required, a.Node.Preferred
	}
	return d
}

// demandKey is an injective text of demandOf.
func (c *Cluster) demandKey(b []byte, p *core.Pod, pack *core.Pack, a *parsedAffinity) []byte {
	b = appendString(b, string(pack.Tag))
	b = appendString(b, pack.MinRuntimeVersion)
	if owner := p.CreatedBy; c.privateOf[owner] > 0 {
		b = append(append(b, 1), owner[:]...)
	} else {
		b = append(b, 0)
	}
	if digest := pack.BundleSHA256; c.cachedOn[digest] > 0 {
		b = appendString(b, digest)
	} else {
		b = append(b, 0)
	}
	if c.hasScorer() {
		b = appendString(append(b, 1), c.cfg.Scorer.Key)
		b = appendString(b, p.Namespace)
	} else {
		b = append(b, 0)
	}
	b = c.appendMap(b, p.NodeSelector)
	b = appendUint(b, uint64(len(p.Tolerations)))
	for _, t := range p.Tolerations {
		b = appendString(b, t.Key)
		b = appendString(b, t.Operator)
		b = appendString(b, t.Value)
		b = appendString(b, string(t.Effect))
	}
	if a.Node == nil {
		return append(b, 0)
	}
	return appendString(b, string(p.Affinity))
}

// hasScorer says whether somebody's own score counts.
func (c *Cluster) hasScorer() bool { return c.cfg.Scorer != nil && c.cfg.Weights.Custom != 0 }

// staticOf finds or makes the static of a pod and brings it up to date.
func (c *Cluster) staticOf(p *core.Pod, pack *core.Pack, a *parsedAffinity) *static {
	c.scratch = c.demandKey(c.scratch[:0], p, pack, a)
	st := c.statics[string(c.scratch)]
	if st == nil {
		key := string(c.scratch)
		c.serial++
		st = &static{demand: c.demandOf(p, pack, a), serial: c.serial}
		st.build(c)
		c.forgetStatics()
		c.statics[key] = st
	}
	st.used = c.tick
	st.sync(c)
	return st
}

func (c *Cluster) forgetStatics() {
	if len(c.statics) < c.limits.statics {
		return
	}
	for key, st := range c.statics {
		if st.used+uint64(c.limits.statics)/2 < c.tick {
			delete(c.statics, key)
		}
	}
}

// sync catches up with the nodes.
func (st *static) sync(c *Cluster) {
	changed, ok := c.nodeLog.since(st.cursor)
	if !ok || len(changed) > len(c.nodes)/2+16 {
		st.build(c)
		return
	}
	for _, slot := range changed {
		st.look(c, slot)
	}
	st.cursor = c.nodeLog.end()
}

// look asks the filters about one node.
func (st *static) look(c *Cluster, slot int32) {
	state := &c.nodes[slot]
	if state.node == nil {
		st.admit.put(slot, false)
		st.reach.put(slot, false)
		st.setLean(c, slot, leaning{})
		return
	}
	p := &c.profiles[c.profileOf[slot]]
	st.admit.put(slot, st.refuses(state.node, p) == "")
	st.reach.put(slot, st.unusable(p) == "" && st.mislabelled(state.node) == "")
	st.setLean(c, slot, st.leanOf(state, p))
}

func (st *static) leanOf(state *nodeState, p *profile) leaning {
	_, cached := state.cached[st.digest]
	l := st.leans(state.node, p, cached && st.digest != "")
	l.own = l.own && st.owner != uuid.Nil && p.owner == st.owner
	return l
}

func (st *static) setLean(c *Cluster, slot int32, l leaning) {
	if st.lean == nil {
		if l == (leaning{}) {
			return
		}
		st.lean = make([]int32, len(c.nodes))
	}
	for int(slot) >= len(st.lean) {
		st.lean = append(st.lean, 0)
	}
	id, known := st.leanIDs[l]
	if !known {
		id = int32(len(st.leaning))
		st.leanIDs[l] = id
		st.leaning = append(st.leaning, l)
	}
	st.lean[slot] = id
}

func (st *static) leanID(slot int32) int32 {
	if int(slot) >= len(st.lean) {
		return 0
	}
	return st.lean[slot]
}

// build asks about all nodes at once: each filter once per distinct profile and label value, the rest is operations on sets.
func (st *static) build(c *Cluster) {
	st.cursor = c.nodeLog.end()
	st.built++
	st.lean, st.leaning, st.leanIDs = nil, []leaning{{}}, map[leaning]int32{{}: 0}
	n := len(c.nodes)
	st.admit, st.reach = newBitset(n), newBitset(n)
	leansAny := len(st.preferred) > 0 || st.scorer != nil || st.digest != "" || st.owner != uuid.Nil
	for i := range c.profiles {
		p := &c.profiles[i]
		if st.unusable(p) != "" {
			continue
		}
		st.reach.add(p.slots)
		if st.offDuty(p) == "" && st.untolerated(p.taints) == nil {
			st.admit.add(p.slots)
		}
		for _, t := range p.taints {
			leansAny = leansAny || t.Effect == core.EffectPreferNoSchedule
		}
	}
	st.narrow(c, st.reach)
	st.admit.keep(st.reach)
	if !leansAny {
		return
	}
	for slot := range c.nodes {
		if state := &c.nodes[slot]; state.node != nil {
			st.setLean(c, int32(slot), st.leanOf(state, &c.profiles[c.profileOf[slot]]))
		}
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// narrow takes the nodes out of a set that do not satisfy nodeSelector and required node affinity.
func (st *static) narrow(c *Cluster, set bitset) {
	for key, value := range st.selector {
		c.column(key).narrow(set, core.Requirement{Key: key, Operator: core.OpIn, Values: []string{value}})
	}
	if st.required == nil {
		return
	}
	either, one := newBitset(len(c.nodes)), newBitset(len(c.nodes))
	for _, t := range st.required.Terms {
		if len(t.MatchExpressions)+len(t.MatchFields) == 0 {
			continue
		}
		copy(one, set)
		for _, r := range t.MatchExpressions {
			c.column(r.Key).narrow(one, r)
		}
		for _, r := range t.MatchFields {
			c.narrowName(one, r)
		}
		either.add(one)
	}
	copy(set, either)
}

func (c *Cluster) narrowName(set bitset, r core.Requirement) {
	set.each(func(slot int32) bool {
		if node := c.nodes[slot].node; node == nil || !r.MatchesValue(node.Name, true) {
			set.put(slot, false)
		}
		return true
	})
}
