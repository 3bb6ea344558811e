package sched

import "bytes"

// heap holds the nodes of a cohort that can take one more pod, the best on top. The order is total: by value, then by seeded tie, then by id.
type heap []entry

// entry keeps its tie itself: a slot may get another node before the heap has heard of it, and an order must not change underneath a heap.
type entry struct {
	value int64
	slot  int32
	tie   uint32
}

func (c *Cluster) entry(slot int32, value int64) entry {
	return entry{value: value, slot: slot, tie: c.ties[slot]}
}

// better is the order of nodes within a cohort, and, on totals, between cohorts.
func (c *Cluster) better(a, b entry) bool {
	if a.value != b.value {
		return a.value > b.value
	}
	if a.tie != b.tie {
		return a.tie > b.tie
	}
	return bytes.Compare(c.nodes[a.slot].id[:], c.nodes[b.slot].id[:]) < 0
}

func (k *class) push(c *Cluster, id int32, e entry) {
	h := &k.cohorts[id].heap
	*h = append(*h, e)
	k.at[e.slot] = position{id, int32(len(*h) - 1)}
	k.up(c, *h, len(*h)-1)
}

func (k *class) drop(c *Cluster, slot int32) {
	p := k.at[slot]
	h := &k.cohorts[p.cohort].heap
	last := len(*h) - 1
	k.at[slot].cohort = absent
	if int(p.index) != last {
		(*h)[p.index] = (*h)[last]
		k.at[(*h)[p.index].slot].index = p.index
	}
	*h = (*h)[:last]
	if int(p.index) < last {
		k.fix(c, *h, int(p.index))
	}
}

func (k *class) fix(c *Cluster, h heap, i int) {
	if !k.down(c, h, i) {
		k.up(c, h, i)
	}
}

func (k *class) up(c *Cluster, h heap, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !c.better(h[i], h[parent]) {
			return
		}
		k.swap(h, i, parent)
		i = parent
	}
}

func (k *class) down(c *Cluster, h heap, i int) (moved bool) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return moved
		}
		if child+1 < len(h) && c.better(h[child+1], h[child]) {
			child++
		}
		if !c.better(h[child], h[i]) {
			return moved
		}
		k.swap(h, i, child)
		i, moved = child, true
	}
}

func (k *class) swap(h heap, i, j int) {
	h[i], h[j] = h[j], h[i]
	k.at[h[i].slot].index, k.at[h[j].slot].index = int32(i), int32(j)
}
