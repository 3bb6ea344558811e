package sched

import "math/bits"

// choice is the best node of one cohort, with what the cohort has in common.
type choice struct {
	entry          // value: the load part of the score, then the total
	lean           leaning
	wished, spread int64
}

// spans are the ranges that raw scores are brought to a scale by.
type spans struct{ affinity, taints, wished, spread span }

// choose returns the node with the highest score among all that can take a pod of the class; ok is false when there is none.
func (c *Cluster) choose(k *class) (best choice, s spans, ok bool) {
	if k.prepare(c) {
		c.choices = k.tops(c, c.choices[:0])
	} else {
		c.choices = k.scan(c, c.choices[:0])
	}
	if len(c.choices) == 0 {
		return choice{}, spans{}, false
	}
	s = spansOf(c.choices)
	for i := range c.choices {
		ch := &c.choices[i]
		ch.value += k.common(c, ch, &s)
		if i == 0 || c.better(ch.entry, best.entry) {
			best = *ch
		}
	}
	return best, s, true
}

func spansOf(choices []choice) (s spans) {
	for i := range choices {
		ch := &choices[i]
		s.affinity.add(int64(ch.lean.affinity))
		s.taints.add(int64(ch.lean.taints))
		s.wished.add(ch.wished)
		if ch.spread != outOfSpread {
			s.spread.add(ch.spread)
		}
	}
	return s
}

// tops are the best nodes of the cohorts that are open.
func (k *class) tops(c *Cluster, into []choice) []choice {
	alone := k.alone()
	passed := 0
	for i := range k.order.cohorts {
		co := &k.order.cohorts[i]
		if len(co.heap) == 0 {
			continue
		}
		b := &k.order.bases[co.base]
		if len(k.shared) > 0 && !k.opens(b, alone) {
			continue
		}
		top, ok := co.heap[0], true
		if k.order != k {
			var n int
			top, n, ok = k.firstStanding(c, co.heap, alone)
			passed += n
		}
		if !ok {
			continue
		}
		ch := choice{entry: top, lean: k.static.leaning[b.lean], wished: co.wished, spread: co.spread}
		for _, ct := range k.counters {
			if ct.dim != perNode {
				ch.wished, ch.spread = ct.wish(b.domains[ct.dim], ch.wished, ch.spread)
			}
		}
		into = append(into, ch)
	}
	if passed > muchPassed {
		k.picky = true // from the next time on
	}
	return into
}

// muchPassed is how many better nodes a class may pass over in an order that it shares before it gets one of its own.
const muchPassed = 128

// firstStanding is the best node of a heap that the class's counters with one-node domains allow, and how many better ones they did not.
func (k *class) firstStanding(c *Cluster, h heap, alone bool) (best entry, passed int, ok bool) {
	if k.stands(h[0].slot, alone) {
		return h[0], 0, true
	}
	c.frontier = append(c.frontier[:0], 0) // indexes into h, itself a heap
	for len(c.frontier) > 0 {
		at := int(c.frontier[0])
		if k.stands(h[at].slot, alone) {
			return h[at], passed, true
		}
		passed++
		last := len(c.frontier) - 1
		c.frontier[0] = c.frontier[last]
		c.frontier = c.frontier[:last]
		c.sinkFrontier(h, c.frontier)
		for child := 2*at + 1; child <= 2*at+2 && child < len(h); child++ {
			c.frontier = append(c.frontier, int32(child))
			c.raiseFrontier(h, c.frontier)
		}
	}
	return entry{}, passed, false
}

func (c *Cluster) sinkFrontier(h heap, f []int32) {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(f) {
			return
		}
		if child+1 < len(f) && c.better(h[f[child+1]], h[f[child]]) {
			child++
		}
		if !c.better(h[f[child]], h[f[i]]) {
			return
		}
		f[i], f[child] = f[child], f[i]
		i = child
	}
}

func (c *Cluster) raiseFrontier(h heap, f []int32) {
	for i := len(f) - 1; i > 0; {
		parent := (i - 1) / 2
		if !c.better(h[f[i]], h[f[parent]]) {
			return
		}
		f[i], f[parent] = f[parent], f[i]
		i = parent
	}
}

// scan finds the best node of each leaning by looking at every node that the filters admit. For classes without counters.
func (k *class) scan(c *Cluster, into []choice) []choice {
	for range k.static.leaning {
		into = append(into, choice{entry: entry{slot: absent}})
	}
	k.learnShares(c)
	weights, loads := &c.cfg.Weights, c.loads
	for w, word := range k.static.admit {
		for word != 0 {
			slot := int32(w<<6 + bits.TrailingZeros64(word))
			word &= word - 1
			l := &loads[slot]
			if !k.fits(l) {
				continue
			}
			s := &k.shares[l.capacity]
			allocation, balance := resourceScores(k.strategy, k.bestEffort, l.cpuShare+s.cpu, l.memoryShare+s.memory)
			e := c.entry(slot, allocation*weights.Resources+balance*weights.Balanced)
			best := &into[0]
			if k.static.lean != nil {
				best = &into[k.static.leanID(slot)]
			}
			if best.slot == absent || e.value > best.value || (e.value == best.value && c.better(e, best.entry)) {
				best.entry = e
			}
		}
	}
	found := into[:0]
	for lean := range into {
		if into[lean].slot != absent {
			found = append(found, choice{entry: into[lean].entry, lean: k.static.leaning[lean]})
		}
	}
	return found
}

// common is the part of the score that all nodes of a cohort share.
func (k *class) common(c *Cluster, ch *choice, s *spans) int64 {
	w := &c.cfg.Weights
	total := w.NodeAffinity*s.affinity.ofHigh(int64(ch.lean.affinity)) + w.PreferNoSchedule*s.taints.ofHighReversed(int64(ch.lean.taints)) +
		w.PodAffinity*s.wished.between(ch.wished)
	if ch.lean.cached {
		total += w.BundleCached * MaxScore
	}
	total += w.Custom * int64(ch.lean.custom) * (MaxScore / 100)
	if ch.lean.own {
		total += w.OwnNode * MaxScore
	}
	if k.spreadsSoftly() && ch.spread != outOfSpread {
		total += w.TopologySpread * s.spread.mirrored(ch.spread)
	}
	return total
}

func (k *class) spreadsSoftly() bool {
	for _, ct := range k.counters {
		if ct.kind == wishEvenly {
			return true
		}
	}
	return false
}
