package sched

import "github.com/stark-o/stark/backend/core"

// leaning is what a pod would like of a node regardless of what runs there, before it is brought to a scale.
type leaning struct {
	affinity int32 // weights of the preferred node affinity terms that hold
	taints   int32 // PreferNoSchedule taints that are not tolerated
	cached   bool  // the bundle is there already
	own      bool  // a private node of the pod's creator
	custom   int32 // what Config.Scorer gives, 0 to 100
}

// leans computes a pod's leaning towards a node.
// Source: kube-scheduler nodeaffinity.Score, tainttoleration.Score; cached stands where ImageLocality does.
func (d *demand) leans(n *core.Node, p *profile, cached bool) leaning {
	l := leaning{cached: cached, own: !p.shared}
	for i := range d.preferred {
		if d.preferred[i].Preference.Matches(n) {
			l.affinity += d.preferred[i].Weight
		}
	}
	if d.scorer != nil {
		l.custom = min(max(d.scorer.Of(d.namespace, n), 0), 100)
	}
	for _, t := range p.taints {
		if t.Effect == core.EffectPreferNoSchedule && !d.tolerates(t) {
			l.taints++
		}
	}
	return l
}

// resourceScores are least or most allocated, and balanced allocation, from the shares taken once the pod is there.
// Source: kube-scheduler noderesources least_allocated.go, most_allocated.go, balanced_allocation.go (two resources: the standard deviation
// is half the difference; a pod without requests is not scored for balance).
func resourceScores(s Strategy, bestEffort bool, cpu, memory int32) (allocation, balance int64) {
	x, y := int64(min(cpu, MaxScore)), int64(min(memory, MaxScore))
	allocation = (x + y) / 2
	if s == LeastAllocated {
		allocation = (2*MaxScore - x - y) / 2
	}
	if !bestEffort {
		balance = MaxScore - max(x-y, y-x)/2
	}
	return allocation, balance
}

// span is the range of one raw score over the nodes that a pod can go to.
type span struct {
	low, high int64
	seen      bool
}

func (s *span) add(v int64) {
	if !s.seen {
		*s = span{low: v, high: v, seen: true}
		return
	}
	s.low, s.high = min(s.low, v), max(s.high, v)
}

// ofHigh scales so that the highest is MaxScore. Source: kube-scheduler helper.DefaultNormalizeScore.
func (s span) ofHigh(v int64) int64 {
	if s.high <= 0 {
		return 0
	}
	return v * MaxScore / s.high
}

// ofHighReversed scales so that zero is MaxScore and the highest is zero. Source: the same, reverse.
func (s span) ofHighReversed(v int64) int64 {
	if s.high <= 0 {
		return MaxScore
	}
	return MaxScore - v*MaxScore/s.high
}

// between scales from lowest to highest. Source: kube-scheduler interpodaffinity.NormalizeScore.
func (s span) between(v int64) int64 {
	if s.high <= s.low {
		return 0
	}
	return (v - s.low) * MaxScore / (s.high - s.low)
}

// mirrored scales so that the lowest is MaxScore. Source: kube-scheduler podtopologyspread.NormalizeScore.
func (s span) mirrored(v int64) int64 {
	if s.high <= 0 {
		return MaxScore
	}
	return (s.high + s.low - v) * MaxScore / s.high
}
