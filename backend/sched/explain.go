package sched

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Explanation says why a pod is pending, as data and as one line. It is stored as pods.unschedulable. Values are shared: do not change one.
type Explanation struct {
	Nodes   int            `json:"nodes"`
	Filters map[Filter]int `json:"filters"`
	Text    string         `json:"text"`
	// Closest are the nodes that came furthest through the filters.
	Closest []Near `json:"closest,omitempty"`
}

// Near is a node that almost suited.
type Near struct {
	Node   string    `json:"node"`
	NodeID uuid.UUID `json:"nodeId"`
	Filter Filter    `json:"filter"`
	Detail string    `json:"detail,omitempty"`
}

// Has says whether a filter refused the pod on some node, or everywhere.
func (e *Explanation) Has(f Filter) bool { return e.Filters[f] > 0 }

func (e *Explanation) refusals() (n int) {
	for _, count := range e.Filters {
		n += count
	}
	return n
}

var filterText = map[Filter]string{
	FilterHealth: "not ready", FilterCordon: "cordoned", FilterRuntime: "runtime mismatch", FilterVersion: "runtime too old",
	FilterAccess: "private node of another user", FilterSelector: "node selector does not match", FilterAffinity: "node affinity does not match",
	FilterTaint: "taint", FilterPods: "too many pods", FilterCPU: "insufficient cpu", FilterMemory: "insufficient memory",
	FilterSpread: "topology spread", FilterPodAffinity: "pod affinity", FilterAntiAffinity: "pod anti-affinity",
	FilterRepelled: "anti-affinity of running pods",
}

// refuse explains what holds on every node. At least one is counted, so that the code is there even without nodes.
func (c *Cluster) refuse(f Filter, text string) *Explanation {
	return &Explanation{Nodes: c.known, Filters: map[Filter]int{f: max(1, c.known)}, Text: text}
}

func (c *Cluster) refusef(f Filter, format string, args ...any) *Explanation {
	return c.refuse(f, fmt.Sprintf(format, args...))
}

// explain says why no node takes a pod of the class. It costs one look at every node, once for all pods of the class until something changes.
func (c *Cluster) explain(k *class) *Explanation {
	if len(k.counters) > 0 {
		k.prepare(c) // others may have been placed since
	}
	now := [2]uint64{c.log.end(), c.structure}
	if k.why == nil || k.whyAt != now {
		k.why, k.whyAt = c.tallyOf(k).explanation(), now
	}
	return k.why
}

// tally counts refusals of one class.
type tally struct {
	c       *Cluster
	k       *class
	counts  map[refusal]int
	most    Resources // free on a node that has too little
	closest []nearness
}

type refusal struct {
	filter Filter
	detail string
}

type nearness struct {
	refusal
	slot     int32
	stage    int   // index in filterOrder
	shortage int64 // of what is missing, in MaxScore of what is needed
}

const shownClosest = 3

func (c *Cluster) tallyOf(k *class) *tally {
	t := &tally{c: c, k: k, counts: map[refusal]int{}}
	alone := k.alone()
	for slot := range c.nodes {
		if c.nodes[slot].node != nil {
			t.add(int32(slot), alone)
		}
	}
	return t
}

func (t *tally) add(slot int32, alone bool) {
	r := t.k.refusedBy(t.c, slot, alone)
	if r.filter == "" {
		return
	}
	t.counts[r]++
	free, need := t.c.free(slot), t.k.need
	near := nearness{refusal: r, slot: slot, stage: slices.Index(filterOrder, r.filter)}
	switch r.filter {
	case FilterCPU:
		t.most.CPUMillis = max(t.most.CPUMillis, free.CPUMillis)
		near.shortage = int64(share(need.CPUMillis-free.CPUMillis, need.CPUMillis))
	case FilterMemory:
		t.most.MemoryBytes = max(t.most.MemoryBytes, free.MemoryBytes)
		near.shortage = int64(share(need.MemoryBytes-free.MemoryBytes, need.MemoryBytes))
	}
	t.keep(near)
}

// keep remembers the closest few.
func (t *tally) keep(near nearness) {
	if len(t.closest) == shownClosest && !t.closer(near, t.closest[shownClosest-1]) {
		return
	}
	at, _ := slices.BinarySearchFunc(t.closest, near, func(have, want nearness) int {
		if t.closer(have, want) {
			return -1
		}
		return 1
	})
	t.closest = slices.Insert(t.closest, at, near)
	t.closest = t.closest[:min(len(t.closest), shownClosest)]
}

func (t *tally) closer(a, b nearness) bool {
	switch {
	case a.stage != b.stage:
		return a.stage > b.stage
	case a.shortage != b.shortage:
		return a.shortage < b.shortage
	}
	return t.c.better(t.c.entry(a.slot, 0), t.c.entry(b.slot, 0))
}

// refusedBy is the first filter that keeps a pod of the class off a node.
func (k *class) refusedBy(c *Cluster, slot int32, alone bool) refusal {
	state := &c.nodes[slot]
	p := &c.profiles[c.profileOf[slot]]
	if !k.static.admit.has(slot) {
		f := k.static.refuses(state.node, p)
		if f == FilterTaint {
			return refusal{f, taintText(*k.static.untolerated(p.taints))}
		}
		return refusal{filter: f}
	}
	if f := crowded(c.free(slot), k.need); f != "" {
		return refusal{filter: f}
	}
	for _, ct := range k.counters {
		if !ct.allows(ct.col.of[slot], alone) {
			return refusal{refusalOf[ct.kind], ct.col.key}
		}
	}
	return refusal{}
}

func taintText(t core.Taint) string {
	if t.Value == "" {
		return t.Key
	}
	return t.Key + "=" + t.Value
}

func (t *tally) explanation() *Explanation {
	e := &Explanation{Nodes: t.c.known, Filters: map[Filter]int{}}
	if e.Nodes == 0 {
		e.Text = "no nodes: start an agent with `stark agent`"
		return e
	}
	for r, n := range t.counts {
		e.Filters[r.filter] += n
	}
	refusals := make([]refusal, 0, len(t.counts))
	for r := range t.counts {
		refusals = append(refusals, r)
	}
	slices.SortFunc(refusals, func(a, b refusal) int {
		if a.filter != b.filter {
			return slices.Index(filterOrder, a.filter) - slices.Index(filterOrder, b.filter)
		}
		return strings.Compare(a.detail, b.detail)
	})
	parts := make([]string, len(refusals))
	for i, r := range refusals {
		parts[i] = fmt.Sprintf("%d %s", t.counts[r], t.text(r, t.most))
	}
	e.Text = fmt.Sprintf("0/%d nodes: %s", e.Nodes, strings.Join(parts, ", "))
	for _, near := range t.closest {
		e.Closest = append(e.Closest, Near{Node: t.c.nameOf(near.slot), NodeID: t.c.nodes[near.slot].id, Filter: near.filter,
			Detail: t.text(near.refusal, t.c.free(near.slot))})
	}
	return e
}

func (t *tally) text(r refusal, most Resources) string {
	text := filterText[r.filter]
	switch {
	case r.filter == FilterCPU:
		return fmt.Sprintf("%s (needs %s, most free %s)", text, core.FormatCPU(t.k.need.CPUMillis), core.FormatCPU(max(0, most.CPUMillis)))
	case r.filter == FilterMemory:
		return fmt.Sprintf("%s (needs %s, most free %s)", text, core.FormatMemory(t.k.need.MemoryBytes), core.FormatMemory(max(0, most.MemoryBytes)))
	case r.detail != "":
		return text + " " + r.detail
	}
	return text
}
