package sched

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// events counts, by kind, what happened to a cluster that could help a pod which has no place.
type events [eventKinds]uint64

const (
	nodesChanged = iota
	podsCame
	podsLeft
	namespacesChanged
	packsChanged
	membersCame // of gangs
	eventKinds
)

// interest is a set of events.
type interest uint8

// helps says which events could make a filter let a pod through.
// Source of the idea: kube-scheduler's QueueingHints (KEP-4247).
var helps = map[Filter]interest{
	FilterHealth: 1 << nodesChanged, FilterCordon: 1 << nodesChanged, FilterRuntime: 1 << nodesChanged, FilterVersion: 1 << nodesChanged,
	FilterAccess: 1 << nodesChanged, FilterSelector: 1 << nodesChanged, FilterAffinity: 1 << nodesChanged, FilterTaint: 1 << nodesChanged,
	FilterPods: 1<<nodesChanged | 1<<podsLeft, FilterCPU: 1<<nodesChanged | 1<<podsLeft, FilterMemory: 1<<nodesChanged | 1<<podsLeft,
	FilterWaiting:     1<<nodesChanged | 1<<podsLeft,
	FilterSpread:      1<<nodesChanged | 1<<podsLeft | 1<<podsCame,
	FilterPodAffinity: 1<<nodesChanged | 1<<podsLeft | 1<<podsCame | 1<<namespacesChanged,
	// A namespace's labels decide whom a term with a namespaceSelector names.
	FilterAntiAffinity: 1<<nodesChanged | 1<<podsLeft | 1<<namespacesChanged,
	FilterRepelled:     1<<nodesChanged | 1<<podsLeft | 1<<namespacesChanged,
	FilterPack:         1 << packsChanged,
	FilterQuota:        1<<podsLeft | 1<<namespacesChanged,
	FilterGang:         1<<membersCame | 1<<podsCame,
	FilterGangRoom:     1 << membersCame, // and what the filters say that come with it
	FilterInvalid:      0,                // only another pod helps
}

// Queue holds the pods that wait for a place and hands out those that are worth a try: new ones, and those that something which happened
// since could help. A pod that fails again and again is tried after growing pauses. It reads no clock.
type Queue struct {
	cluster *Cluster
	backoff Backoff
	waiting map[uuid.UUID]*waiting
	ready   map[uuid.UUID]*waiting
	parked  map[interest]map[uuid.UUID]*waiting
	pausing map[uuid.UUID]*waiting // worth a try, but not yet
	gangs   map[gangKey]map[uuid.UUID]*waiting
	seen    events // when pods were last taken
	members uint64
}

// Backoff is the pause after a failed try: First, then twice as long each time, at most Max. Zero means no pause.
type Backoff struct{ First, Max time.Duration }

type waiting struct {
	pod      *core.Pod
	failures int
	until    time.Time
	place    map[uuid.UUID]*waiting // the one of the queue's maps that it is in
}

// NewQueue returns an empty queue for pods of this cluster.
func NewQueue(c *Cluster, b Backoff) *Queue {
	return &Queue{cluster: c, backoff: b, waiting: map[uuid.UUID]*waiting{}, ready: map[uuid.UUID]*waiting{},
		parked: map[interest]map[uuid.UUID]*waiting{}, pausing: map[uuid.UUID]*waiting{}, gangs: map[gangKey]map[uuid.UUID]*waiting{}}
}

// Len is how many pods wait.
func (q *Queue) Len() int { return len(q.waiting) }

// Add puts a pod into the queue, or a pod's new state in the place of the old. It is tried at the next Take.
func (q *Queue) Add(p *core.Pod) {
	q.Delete(p.ID)
	w := &waiting{pod: p}
	q.waiting[p.ID] = w
	q.put(w, q.ready)
	if gang, ok, _ := core.GangOf(p); ok {
		key := gangKey{gang.Namespace, gang.Name}
		if q.gangs[key] == nil {
			q.gangs[key] = map[uuid.UUID]*waiting{}
		}
		q.gangs[key][p.ID] = w
		q.members++
	}
}

// Delete takes a pod out: it has a home, or it is gone.
func (q *Queue) Delete(id uuid.UUID) {
	w := q.waiting[id]
	if w == nil {
		return
	}
	delete(q.waiting, id)
	delete(w.place, id)
	if gang, ok, _ := core.GangOf(w.pod); ok {
		key := gangKey{gang.Namespace, gang.Name}
		delete(q.gangs[key], id)
		if len(q.gangs[key]) == 0 {
			delete(q.gangs, key)
		}
	}
}

func (q *Queue) put(w *waiting, place map[uuid.UUID]*waiting) {
	delete(w.place, w.pod.ID)
	w.place = place
	place[w.pod.ID] = w
}

// Take returns the pods that are worth a try now, in the order of the queue. They stay in it until Settle or Delete.
func (q *Queue) Take(now time.Time) []*core.Pod {
	current := q.events()
	for cares, pods := range q.parked {
		if !cares.moved(&q.seen, &current) {
			continue
		}
		for _, w := range pods {
			q.put(w, q.pausing)
		}
		delete(q.parked, cares)
	}
	q.seen = current
	for _, w := range q.pausing {
		if !w.until.After(now) {
			q.put(w, q.ready)
		}
	}
	pods := make([]*core.Pod, 0, len(q.ready))
	taken := map[gangKey]bool{}
	for _, w := range q.ready {
		gang, ok, _ := core.GangOf(w.pod)
		if !ok {
			pods = append(pods, w.pod)
			continue
		}
		key := gangKey{gang.Namespace, gang.Name}
		if taken[key] {
			continue
		}
		taken[key] = true // a gang is tried whole
		for _, member := range q.gangs[key] {
			pods = append(pods, member.pod)
		}
	}
	slices.SortFunc(pods, comparePods)
	return pods
}

func (q *Queue) events() events {
	e := q.cluster.events
	e[membersCame] = q.members
	return e
}

func (i interest) moved(before, after *events) bool {
	for kind := range eventKinds {
		if i&(1<<kind) != 0 && before[kind] != after[kind] {
			return true
		}
	}
	return false
}

// Settle takes in what became of the pods that were taken: placed ones leave the queue, those without a place wait for what could help
// them, and those that were deferred are taken again next time.
func (q *Queue) Settle(plan *Plan, now time.Time) {
	for _, p := range plan.Placements {
		q.Delete(p.PodID)
	}
	for i := range plan.Unschedulable {
		u := &plan.Unschedulable[i]
		w := q.waiting[u.PodID]
		if w == nil {
			continue
		}
		w.failures++
		w.until = now.Add(q.backoff.after(w.failures))
		var cares interest
		for f := range u.Explanation.Filters {
			cares |= helps[f]
		}
		if u.Explanation.Nodes == 0 {
			cares |= 1 << nodesChanged
		}
		if q.parked[cares] == nil {
			q.parked[cares] = map[uuid.UUID]*waiting{}
		}
		q.put(w, q.parked[cares])
	}
}

func (b Backoff) after(failures int) time.Duration {
	pause := b.First
	for ; failures > 1 && pause < b.Max; failures-- {
		pause *= 2
	}
	return min(pause, b.Max)
}

// Next says when a pod that is worth a try has paused long enough; ok is false when none is pausing. What could help the others has not
// happened yet.
func (q *Queue) Next() (at time.Time, ok bool) {
	for _, w := range q.pausing {
		if !ok || w.until.Before(at) {
			at, ok = w.until, true
		}
	}
	return at, ok
}
