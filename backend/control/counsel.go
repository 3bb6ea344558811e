package control

import (
	"sync"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// Counsel says what the scheduler would do, and does nothing. Every server has a picture of the cluster, so every server can say it, leading or not; the
// picture may be a moment behind the leader's. It keeps an index of its own, since the leader's is the leader's alone: made with the first question, and
// with each further one brought up to what has changed. Make it with NewCounsel; it may be asked by many at a time.
type Counsel struct {
	picture picture
	seed    uint64

	mu    sync.Mutex // guards what follows: one question at a time
	brain *brain     // nil until somebody asks
}

// NewCounsel takes the picture and the seed that the scheduling loop has: the same ties are broken the same way.
func NewCounsel(picture picture, seed uint64) *Counsel {
	return &Counsel{picture: picture, seed: seed}
}

// Insight is how the nodes look to one pod as of now.
type Insight struct {
	sched.Report
	Pod *core.Pod
	// Evictions are the pods that would have to go for this one to be placed; Why says then that room is being made.
	Evictions []sched.Eviction
}

// Explain says how the nodes look to a pod, its own room counted as free. UNAVAILABLE when the picture does not show the pod yet, CONFLICT when it has
// ended and goes nowhere any more.
func (c *Counsel) Explain(id uuid.UUID) (Insight, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.refreshed()
	pod := c.picture.Pod(id)
	switch {
	case pod == nil:
		return Insight{}, core.Errorf(core.CodeUnavailable, "this server does not see the pod yet").WithHint("Try again in a moment; GET /ready says whether the server is up to date.")
	case pod.Status.Final():
		return Insight{}, core.Errorf(core.CodeConflict, "the pod has ended, so it goes nowhere any more").WithHint("Its history says how it came to that.")
	}
	in := Insight{Report: b.index.Explain(pod), Pod: pod}
	if b.waiting[id] == nil {
		return in, nil
	}
	// What is pending is decided about as the loop does it: a group as a whole, and with room being made when that is on.
	plan := b.index.Decide(b.company(pod), sched.Options{DryRun: true, NoPreemption: !b.preempts})
	for _, e := range plan.Evictions {
		if e.For == id {
			in.Evictions = append(in.Evictions, e)
		}
	}
	for _, u := range plan.Unschedulable {
		if u.PodID == id {
			in.Node, in.NodeID, in.Why = "", uuid.Nil, &u.Explanation
		}
	}
	return in, nil
}

// refreshed is the index as of now; c.mu is held.
func (c *Counsel) refreshed() *brain {
	if c.brain == nil {
		c.brain = newBrain(c.picture, c.seed)
	}
	c.brain.configure()
	c.brain.learn(c.brain.watch.Take())
	return c.brain
}

// company is the pod, and those that wait with it for being placed together.
func (b *brain) company(pod *core.Pod) []*core.Pod {
	gang, ganged, err := core.GangOf(pod)
	if err != nil || !ganged {
		return []*core.Pod{pod}
	}
	var all []*core.Pod
	for _, other := range b.waiting {
		if g, is, err := core.GangOf(other); err == nil && is && g.Namespace == gang.Namespace && g.Name == gang.Name {
			all = append(all, other)
		}
	}
	return all
}

// Refusers counts the nodes that would not take the pod by the first filter that refuses; takers is how many would.
func (in Insight) Refusers() (takers int, filters map[sched.Filter]int) {
	filters = map[sched.Filter]int{}
	for _, v := range in.Verdicts {
		if len(v.Refusals) == 0 {
			takers++
			continue
		}
		filters[v.Refusals[0].Filter]++
	}
	return takers, filters
}
