package sched

import (
	"math/bits"

	"github.com/stark-o/stark/backend/core"
)

// Resources is an amount of what pods take and nodes have.
type Resources struct {
	CPUMillis   int64
	MemoryBytes int64
	Pods        int64
}

func (r Resources) plus(o Resources) Resources {
	return Resources{r.CPUMillis + o.CPUMillis, r.MemoryBytes + o.MemoryBytes, r.Pods + o.Pods}
}

func (r Resources) minus(o Resources) Resources {
	return Resources{r.CPUMillis - o.CPUMillis, r.MemoryBytes - o.MemoryBytes, r.Pods - o.Pods}
}

// holds says whether a request fits into this much free room. What a pod does not ask for is not checked, so that a pod without requests
// fits on a node that is overcommitted.
// Source: kube-scheduler noderesources.Fits.
func (r Resources) holds(need Resources) bool {
	return r.Pods >= need.Pods && (need.CPUMillis == 0 || r.CPUMillis >= need.CPUMillis) &&
		(need.MemoryBytes == 0 || r.MemoryBytes >= need.MemoryBytes)
}

func requestOf(p *core.Pod) Resources {
	return Resources{CPUMillis: max(0, p.CPUMillis), MemoryBytes: max(0, p.MemoryBytes), Pods: 1}
}

func capacityOf(n *core.Node) Resources {
	return Resources{CPUMillis: n.CPUMillis, MemoryBytes: n.MemoryBytes, Pods: int64(n.MaxPods)}
}

// share is how much of a capacity is taken, 0 to MaxScore. Of nothing everything is taken.
func share(used, capacity int64) int32 {
	if capacity <= 0 || used >= capacity {
		return MaxScore
	}
	if used <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(used), MaxScore)
	quotient, _ := bits.Div64(high, low, uint64(capacity)) // used < capacity, so that it fits
	return int32(quotient)
}
