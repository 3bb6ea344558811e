package sched

import (
	"slices"
	"strconv"
)

// prepare brings a class up to date and says whether there is an index to choose from. A class that comes once and has no counters is
// cheaper to judge without: an index pays from the second use on.
func (k *class) prepare(c *Cluster) bool {
	if k.related && k.outdated(c) {
		k.relate(c)
	}
	lately := k.used != 0 && c.tick-k.used <= uint64(c.limits.indexes(len(c.nodes)))
	k.used = c.tick
	k.order = k
	switch {
	case len(k.counters) == 0:
		if k.index == nil && !lately {
			return false
		}
	case !k.picky:
		k.order = c.orderOf(k)
		k.order.used = c.tick
	}
	k.count(c)
	k.order.refresh(c)
	return true
}

// relate makes the counters of a class anew.
func (k *class) relate(c *Cluster) {
	c.dropIndex(k)
	k.counters, k.selfAffine = c.countersOf(k.pod, k.static, c.affinityOf(k.pod), c.spreadOf(k.pod))
	k.structure, k.symmetric, k.counted = c.structure, len(c.symmetric), never
	k.shared, k.picky = nil, false
	for _, ct := range k.counters {
		if ct.dim = perNode; !ct.col.perNode() {
			if ct.dim = slices.Index(k.shared, ct.col); ct.dim < 0 {
				ct.dim = len(k.shared)
				k.shared = append(k.shared, ct.col)
			}
		}
		k.picky = k.picky || ct.wishesPerNode()
	}
}

const never = ^uint64(0)

// count brings the counters up to date.
func (k *class) count(c *Cluster) {
	if len(k.counters) == 0 {
		return
	}
	changes, ok := c.log.since(k.counted)
	k.counted = c.log.end()
	for _, ct := range k.counters {
		if !ok {
			ct.build(c)
			continue
		}
		for _, ch := range changes {
			if ch.group != noGroup {
				ct.add(c, ch)
			}
		}
	}
}

// orderOf finds or makes the class whose index a class shares.
func (c *Cluster) orderOf(k *class) *class {
	b := k.room(c.scratch[:0])
	if len(k.shared) == 0 {
		b = strconv.AppendBool(b, false) // pods of the same size to which no others matter
	} else {
		b = append(b, "over"...)
		for _, col := range k.shared {
			b = appendString(b, col.key)
		}
	}
	c.scratch = b
	o := c.classes[string(b)]
	if o == nil {
		o = &class{static: k.static, pod: k.pod, need: k.need, bestEffort: k.bestEffort, strategy: k.strategy, shared: k.shared}
		c.forgetOldClasses()
		c.classes[string(b)] = o
	}
	return o
}

// refresh brings the index up to date, or makes it.
func (k *class) refresh(c *Cluster) {
	if k.index != nil && len(k.shared) > 0 && k.of != c.structure {
		c.dropIndex(k)
	}
	if k.index == nil {
		c.makeRoom()
		k.buildIndex(c)
		return
	}
	k.catchUp(c)
}

// outdated says whether the counters are not those that the class needs any more: domains differ, or a new kind of pod bears on it.
func (k *class) outdated(c *Cluster) bool {
	if k.structure != c.structure {
		return true
	}
	for ; k.symmetric < len(c.symmetric); k.symmetric++ {
		g := c.groups[c.symmetric[k.symmetric]]
		if len(c.wishesOf(g, k.pod)) > 0 {
			return true
		}
		for i := range g.terms.anti {
			if g.terms.anti[i].matches(c, k.pod.Namespace, k.pod.Labels) {
				return true
			}
		}
	}
	return false
}

// makeRoom drops the index that was not used for the longest time when there are too many.
func (c *Cluster) makeRoom() {
	if len(c.indexed) < c.limits.indexes(len(c.nodes)) {
		return
	}
	c.dropIndex(slices.MinFunc(c.indexed, func(a, b *class) int {
		if a.used < b.used {
			return -1
		}
		return 1
	}))
}

func (c *Cluster) dropIndex(k *class) {
	if k.index == nil {
		return
	}
	k.index = nil
	if i := slices.Index(c.indexed, k); i >= 0 {
		c.indexed = slices.Delete(c.indexed, i, i+1)
	}
}

func (c *Cluster) forgetIndexes() {
	clear(c.classes)
	clear(c.indexed)
	c.indexed = c.indexed[:0]
}

func (k *class) buildIndex(c *Cluster) {
	k.index = &index{cursor: c.log.end(), nodeCursor: c.nodeLog.end(), built: k.static.built, of: c.structure}
	c.indexed = append(c.indexed, k)
	k.layOut(c)
	if slices.ContainsFunc(k.counters, (*counter).wishesPerNode) {
		k.cohortOf = map[cohortKey]int32{}
	} else {
		for b := range k.bases {
			k.cohorts = append(k.cohorts, cohort{cohortKey: cohortKey{base: int32(b)}})
		}
	}
	k.thresholds = k.thresholdsNow(nil)
	k.fill(c)
}

// layOut numbers the combinations of leaning and shared domains that nodes have.
func (k *class) layOut(c *Cluster) {
	if len(k.shared) == 0 {
		for lean := range k.static.leaning {
			k.bases = append(k.bases, base{lean: int32(lean)})
		}
		return
	}
	k.baseOf = make([]int32, len(c.nodes))
	for slot := range k.baseOf {
		k.baseOf[slot] = k.static.leanID(int32(slot))
	}
	rows := make([]base, len(k.static.leaning))
	for lean := range rows {
		rows[lean].lean = int32(lean)
	}
	for _, col := range k.shared {
		rows = refine(rows, k.baseOf, col)
	}
	k.bases = rows
}

// refine splits every row by the domains of one more topology.
func refine(rows []base, rowOf []int32, col *column) []base {
	width := len(col.values) + 1
	ids := make(map[int]int32)
	var dense []int32 // instead of ids while it is small
	if len(rows)*width <= 1<<16 {
		dense = make([]int32, len(rows)*width)
	}
	var split []base
	for slot := range rowOf {
		cell := int(rowOf[slot])*width + int(col.of[slot]) + 1
		var id int32 // plus one
		if dense != nil {
			id = dense[cell]
		} else {
			id = ids[cell]
		}
		if id == 0 {
			row := rows[rowOf[slot]]
			split = append(split, base{lean: row.lean, domains: append(slices.Clip(row.domains), col.of[slot])})
			id = int32(len(split))
			if dense != nil {
				dense[cell] = id
			} else {
				ids[cell] = id
			}
		}
		rowOf[slot] = id - 1
	}
	return split
}

// fill puts every node that can take a pod into its cohort.
func (k *class) fill(c *Cluster) {
	k.at = slices.Grow(k.at[:0], len(c.nodes))[:len(c.nodes)]
	for slot := range k.at {
		k.at[slot].cohort = absent
	}
	for i := range k.cohorts {
		k.cohorts[i].heap = k.cohorts[i].heap[:0]
	}
	alone := k.alone()
	k.static.admit.each(func(slot int32) bool {
		l := &c.loads[slot]
		if k.fits(l) && k.stands(slot, alone) {
			id := k.cohort(slot)
			h := &k.cohorts[id].heap
			k.at[slot] = position{id, int32(len(*h))}
			*h = append(*h, c.entry(slot, k.value(c, l)))
		}
		return true
	})
	for i := range k.cohorts {
		h := k.cohorts[i].heap
		for j := len(h)/2 - 1; j >= 0; j-- {
			k.down(c, h, j)
		}
	}
}

// catchUp takes in what happened since the class was used last.
func (k *class) catchUp(c *Cluster) {
	changes, ok := c.log.since(k.cursor)
	nodes, okNodes := c.nodeLog.since(k.nodeCursor)
	if !ok || !okNodes || k.built != k.static.built || len(changes)+len(nodes) > len(c.nodes)/2+64 {
		c.dropIndex(k)
		k.buildIndex(c)
		return
	}
	k.cursor, k.nodeCursor = c.log.end(), c.nodeLog.end()
	if now := k.thresholdsNow(nil); !slices.Equal(now, k.thresholds) {
		k.thresholds = now
		k.fill(c)
		return
	}
	alone := k.alone()
	for _, ch := range changes {
		k.look(c, ch.slot, alone)
	}
	for _, slot := range nodes {
		k.look(c, slot, alone)
	}
	if len(k.cohorts) > 2*len(c.nodes)+1024 { // cohorts of counts that no node has any more
		c.dropIndex(k)
		k.buildIndex(c)
	}
}

// thresholdsNow is what the verdict on nodes that are domains of their own depends on besides the node.
func (k *class) thresholdsNow(t []int64) []int64 {
	for _, ct := range k.counters {
		if ct.dim != perNode {
			continue
		}
		switch ct.kind {
		case evenly:
			t = append(t, ct.smallest())
		case towards:
			t = append(t, int64(bit(k.alone())))
		}
	}
	return t
}

// look judges one node anew.
func (k *class) look(c *Cluster, slot int32, alone bool) {
	for int(slot) >= len(k.at) {
		k.at = append(k.at, position{cohort: absent})
	}
	l := &c.loads[slot]
	if !k.static.admit.has(slot) || !k.fits(l) || !k.stands(slot, alone) {
		if k.at[slot].cohort != absent {
			k.drop(c, slot)
		}
		return
	}
	id, e := k.cohort(slot), c.entry(slot, k.value(c, l))
	was := k.at[slot]
	switch {
	case was.cohort == id:
		h := k.cohorts[id].heap
		if h[was.index] != e {
			h[was.index] = e
			k.fix(c, h, int(was.index))
		}
		return
	case was.cohort != absent:
		k.drop(c, slot)
	}
	k.push(c, id, e)
}
