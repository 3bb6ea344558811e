package sched

import (
	"fmt"
	"strings"

	"github.com/stark-o/stark/backend/core"
)

// Explanation says why a pod is pending, as data and as one line. It is stored as pods.unschedulable.
type Explanation struct {
	Nodes   int            `json:"nodes"`
	Filters map[Filter]int `json:"filters"`
	Text    string         `json:"text"`
}

var filterText = map[Filter]string{
	FilterPack:     "pack not found",
	FilterHealth:   "not ready",
	FilterCordon:   "cordoned",
	FilterRuntime:  "runtime mismatch",
	FilterAccess:   "private node of another user",
	FilterSelector: "node selector does not match",
	FilterTaint:    "taint not tolerated",
	FilterPods:     "too many pods",
	FilterCPU:      "insufficient cpu",
	FilterMemory:   "insufficient memory",
}

// tally counts refusals of one pod.
type tally struct {
	counts     map[Filter]int
	mostCPU    int64
	mostMemory int64
}

func (t *tally) add(f Filter, c *candidate) {
	if t.counts == nil {
		t.counts = map[Filter]int{}
	}
	t.counts[f]++
	switch f {
	case FilterCPU:
		t.mostCPU = max(t.mostCPU, c.free.CPUMillis)
	case FilterMemory:
		t.mostMemory = max(t.mostMemory, c.free.MemoryBytes)
	}
}

func (t *tally) explain(nodes int, pod *core.Pod) Explanation {
	e := Explanation{Nodes: nodes, Filters: t.counts}
	if nodes == 0 {
		e.Filters = map[Filter]int{}
		e.Text = "no nodes: start an agent with `stark agent`"
		return e
	}
	var parts []string
	for _, f := range filterOrder {
		n := t.counts[f]
		if n == 0 {
			continue
		}
		text := filterText[f]
		switch f {
		case FilterCPU:
			text = fmt.Sprintf("%s (needs %s, most free %s)", text, core.FormatCPU(pod.CPUMillis), core.FormatCPU(max(0, t.mostCPU)))
		case FilterMemory:
			text = fmt.Sprintf("%s (needs %s, most free %s)", text, core.FormatMemory(pod.MemoryBytes), core.FormatMemory(max(0, t.mostMemory)))
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, text))
	}
	e.Text = fmt.Sprintf("0/%d nodes: %s", nodes, strings.Join(parts, ", "))
	return e
}
