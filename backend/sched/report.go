package sched

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Report is how the nodes look to one pod: who would take it, who would not and why.
type Report struct {
	PodID uuid.UUID `json:"podId"`
	// Node is where it would go; empty when it has no place, and then Why says so.
	Node   string       `json:"node,omitempty"`
	NodeID uuid.UUID    `json:"nodeId"`
	Why    *Explanation `json:"why,omitempty"`
	// Verdicts has every node: those that would take the pod, the best first, then the others by how much is in the way.
	Verdicts []Verdict `json:"verdicts"`
}

// Verdict is what one node says.
type Verdict struct {
	Node     string    `json:"node"`
	NodeID   uuid.UUID `json:"nodeId"`
	Refusals []Refusal `json:"refusals,omitempty"` // all of them, not only the first
	Score    float64   `json:"score"`              // sum over Scores of weight × score
	Scores   []Score   `json:"scores,omitempty"`   // of nodes that would take it
}

// Refusal is one filter that lets the pod not through.
type Refusal struct {
	Filter Filter `json:"filter"`
	Detail string `json:"detail,omitempty"`
}

// Score is what one scorer gives, 0 to 100, and how much it counts.
type Score struct {
	Name   string  `json:"name"`
	Score  float64 `json:"score"`
	Weight int64   `json:"weight"`
}

// Explain says how the nodes look to a pod, wherever it is now: its own room counts as free. Nothing is changed.
func (c *Cluster) Explain(pod *core.Pod) Report {
	r := Report{PodID: pod.ID, Verdicts: []Verdict{}}
	c.WhatIf(func() {
		if p := c.pods[pod.ID]; p != nil {
			c.unplace(p)
		}
		k, why := c.classOf(pod)
		if why == nil {
			why = c.overQuota(pod)
		}
		if k == nil {
			r.Why = why
			return
		}
		best, s, ok := c.choose(k)
		if r.Verdicts = c.verdicts(k, &s); why != nil || !ok {
			if r.Why = why; why == nil {
				r.Why = c.explain(k)
			}
			return
		}
		r.Node, r.NodeID = c.nameOf(best.slot), c.nodes[best.slot].id
	})
	return r
}

func (c *Cluster) verdicts(k *class, s *spans) []Verdict {
	all := make([]Verdict, 0, c.known)
	alone := k.alone()
	for slot := range c.nodes {
		state := &c.nodes[slot]
		if state.node == nil {
			continue
		}
		v := Verdict{Node: state.node.Name, NodeID: state.id, Refusals: c.refusals(k, int32(slot), alone)}
		if len(v.Refusals) == 0 {
			v.Scores = c.scores(k, int32(slot), s)
			for _, part := range v.Scores {
				v.Score += part.Score * float64(part.Weight)
			}
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b Verdict) int {
		if len(a.Refusals)+len(b.Refusals) > 0 {
			return cmp.Or(cmp.Compare(len(a.Refusals), len(b.Refusals)), cmp.Compare(a.Node, b.Node))
		}
		x, y := c.slots[a.NodeID], c.slots[b.NodeID]
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(c.ties[y], c.ties[x]), cmp.Compare(a.Node, b.Node))
	})
	return all
}

// refusals asks every filter.
func (c *Cluster) refusals(k *class, slot int32, alone bool) (all []Refusal) {
	state, d := &c.nodes[slot], &k.static.demand
	p := &c.profiles[c.profileOf[slot]]
	add := func(f Filter, detail string) {
		if f != "" {
			all = append(all, Refusal{f, detail})
		}
	}
	if !p.healthy {
		add(FilterHealth, string(state.node.Status))
	}
	if p.cordoned {
		add(FilterCordon, "")
	}
	add(d.unusable(p), "")
	add(d.mislabelled(state.node), "")
	if taint := d.untolerated(p.taints); taint != nil {
		add(FilterTaint, taintText(*taint))
	}
	t := tally{c: c, k: k}
	free := c.free(slot)
	for _, f := range []Filter{FilterPods, FilterCPU, FilterMemory} {
		if short(f, free, k.need) {
			add(f, t.text(refusal{filter: f}, free))
		}
	}
	for _, ct := range k.counters {
		if !ct.allows(ct.col.of[slot], alone) {
			add(refusalOf[ct.kind], ct.col.key)
		}
	}
	return all
}

func short(f Filter, free, need Resources) bool {
	switch f {
	case FilterPods:
		return free.Pods < need.Pods
	case FilterCPU:
		return need.CPUMillis > 0 && free.CPUMillis < need.CPUMillis
	case FilterMemory:
		return need.MemoryBytes > 0 && free.MemoryBytes < need.MemoryBytes
	}
	return false
}

// scores takes a node's total apart. The parts are those that choose adds up.
func (c *Cluster) scores(k *class, slot int32, s *spans) []Score {
	w := &c.cfg.Weights
	lean := k.static.leaning[k.static.leanID(slot)]
	cpu, memory := k.sharesOf(c, &c.loads[slot])
	allocation, balance := resourceScores(k.strategy, k.bestEffort, cpu, memory)
	var wished, spread int64
	for _, ct := range k.counters {
		wished, spread = ct.wish(ct.col.of[slot], wished, spread)
	}
	parts := []Score{
		part("nodeAffinity", s.affinity.ofHigh(int64(lean.affinity)), w.NodeAffinity),
		part("preferNoSchedule", s.taints.ofHighReversed(int64(lean.taints)), w.PreferNoSchedule),
		part("podAffinity", s.wished.between(wished), w.PodAffinity),
		part(allocationName[k.strategy], allocation, w.Resources),
		part("balanced", balance, w.Balanced),
		part("bundleCached", int64(bit(lean.cached))*MaxScore, w.BundleCached),
		part("ownNode", int64(bit(lean.own))*MaxScore, w.OwnNode),
	}
	if k.static.scorer != nil {
		parts = append(parts, part("custom", int64(lean.custom)*(MaxScore/100), w.Custom))
	}
	if k.spreadsSoftly() {
		even := int64(0)
		if spread != outOfSpread {
			even = s.spread.mirrored(spread)
		}
		parts = append(parts, part("topologySpread", even, w.TopologySpread))
	}
	return parts
}

var allocationName = [...]string{LeastAllocated: "leastAllocated", MostAllocated: "mostAllocated"}

func part(name string, score, weight int64) Score {
	return Score{Name: name, Score: float64(score) * 100 / MaxScore, Weight: weight}
}
