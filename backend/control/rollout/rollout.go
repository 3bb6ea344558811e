// Package rollout decides what a deployment needs next: pods to be made, pods to be stopped, what to say of it. It is pure: it reads no clock and does
// no I/O, and the same situation gives the same step. Repeating a step changes nothing once its outcome is in the picture.
//
// The rules are those of Kubernetes' deployment and daemonset controllers, with one set of pods instead of replica sets: a pod knows the generation
// of the deployment that it was made from.
package rollout

import (
	"cmp"
	"slices"
	"time"

	"github.com/stark-o/stark/backend/core"
)

// Input is a situation.
type Input struct {
	Deployment *core.Deployment
	Pods       []*core.Pod // of the deployment, in any order, those that have ended too
	// Nodes are those that suit the deployment's pods whatever runs there, for daemonsets.
	Nodes []*core.Node
	// Latest is the highest version of the pack that may be followed, nil when none is higher than the present one; Version is the present one's.
	Latest  *core.Pack
	Version string
	// Refused is why the database took no more pods, "" when it did, and RefusedFor one of the reasons of Failing; no pods are made before Retry then.
	Refused    string
	RefusedFor string
	Retry      time.Time
	Now        time.Time
}

// Plan is what to do.
type Plan struct {
	core.RolloutStep
	Next  time.Time // when to look again though nothing happens; zero for never
	Short bool      // there are fewer pods than there should be, whether or not some are made now
}

const (
	// firstBackoff is the pause once pods have been replaced and end again. It doubles with every further round, up to maxBackoff; after quiet
	// without an end all begins anew.
	// Source: kubelet's CrashLoopBackOff.
	firstBackoff = 10 * time.Second
	maxBackoff   = 5 * time.Minute
	quiet        = 10 * time.Minute
	// crashLoop is how many pods of a generation that never worked may fail before it is taken back.
	crashLoop = 3
	// keepEnded is how many pods that have ended are kept, with their logs, for people to look at.
	keepEnded = 10
	// maxStep is how many pods one step makes, stops or deletes, each at most.
	maxStep = 500
)

// planner is one decision.
type planner struct {
	Input
	strategy Strategy
	before   Status // as the last leader said
	status   Status // as it will be said
	desired  int
	plan     Plan

	live    []*core.Pod // wanted and not ended
	leaving []*core.Pod // to stop, and not ended
	ended   []*core.Pod
}

// Step decides.
func Step(in Input) Plan {
	d := in.Deployment
	p := &planner{Input: in, strategy: ParseStrategy(d.Strategy, d.Mode == core.ModeDaemonSet), before: ParseStatus(d.Status), status: ParseStatus(d.Status)}
	p.status.Conditions = slices.Clone(p.status.Conditions)
	p.plan.Deployment, p.plan.Generation = d.ID, d.Generation
	p.sort()
	p.countEnds()
	if p.moves() {
		return p.plan
	}
	if d.Mode == core.ModeDaemonSet {
		p.daemons()
	} else {
		p.desired = int(d.Replicas)
		p.replicas()
	}
	p.prune()
	p.say()
	return p.plan
}

// sort puts the pods into their classes. Their order is fixed, so that the step is.
func (p *planner) sort() {
	pods := slices.Clone(p.Pods)
	slices.SortFunc(pods, func(a, b *core.Pod) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), slices.Compare(a.ID[:], b.ID[:]))
	})
	for _, pod := range pods {
		switch {
		case pod.Status.Final():
			p.ended = append(p.ended, pod)
		case pod.Desired == core.DesiredStopped:
			p.leaving = append(p.leaving, pod)
		default:
			p.live = append(p.live, pod)
		}
	}
}

func (p *planner) isNew(pod *core.Pod) bool { return pod.Generation == p.Deployment.Generation }

func (p *planner) ready(pod *core.Pod) bool {
	return pod.Status == core.PodRunning && pod.Eviction == ""
}

// available says whether a pod has run for long enough; when it has not yet, it is looked at again.
func (p *planner) available(pod *core.Pod) bool {
	if !p.ready(pod) {
		return false
	}
	least := p.strategy.MinReady
	if e := p.status.Ends; p.isNew(pod) && e != nil && e.Failed > 0 && p.before.Stable != p.Deployment.Generation {
		least = max(least, firstBackoff) // others of its kind have failed: it has to show that it does not
	}
	at := pod.StartedAt.Add(least)
	if at.After(p.Now) {
		p.lookAt(at)
		return false
	}
	return true
}

// split gives the live pods of the present generation and the others.
func (p *planner) split() (fresh, old []*core.Pod) {
	for _, pod := range p.live {
		if p.isNew(pod) {
			fresh = append(fresh, pod)
		} else {
			old = append(old, pod)
		}
	}
	return fresh, old
}

func (p *planner) countAvailable(pods []*core.Pod) (n int) {
	for _, pod := range pods {
		if p.available(pod) {
			n++
		}
	}
	return n
}

// make asks for pods, unless pods end too fast or the database has refused some.
func (p *planner) make(n int, generation int64, nodes ...string) {
	if n <= 0 {
		return
	}
	p.plan.Short = true
	for _, wait := range []time.Time{p.holdOff(), p.Retry} {
		if wait.After(p.Now) {
			p.lookAt(wait)
			return
		}
	}
	n = min(n, maxStep-len(p.plan.Create))
	for i := range n {
		pod := core.DeploymentPod{Generation: generation}
		if len(nodes) > 0 {
			pod.Node = nodes[i]
		}
		p.plan.Create = append(p.plan.Create, pod)
	}
}

// stop asks pods to stop: those that do not run first, then the youngest.
func (p *planner) stop(pods []*core.Pod, n int) (stopped int) {
	n = min(n, len(pods), maxStep-len(p.plan.Stop))
	if n <= 0 {
		return 0
	}
	pods = slices.Clone(pods)
	rank := func(pod *core.Pod) int {
		switch {
		case pod.Status == core.PodPending:
			return 0
		case !p.ready(pod):
			return 1
		case !p.available(pod):
			return 2
		}
		return 3
	}
	slices.SortStableFunc(pods, func(a, b *core.Pod) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Generation, b.Generation), b.CreatedAt.Compare(a.CreatedAt))
	})
	for _, pod := range pods[:n] {
		p.plan.Stop = append(p.plan.Stop, pod.ID)
	}
	return n
}

// prune lets go of pods that have ended, the oldest first.
func (p *planner) prune() {
	if len(p.ended) <= keepEnded {
		return
	}
	slices.SortStableFunc(p.ended, func(a, b *core.Pod) int { return a.FinishedAt.Compare(b.FinishedAt) })
	for _, pod := range p.ended[:min(len(p.ended)-keepEnded, maxStep)] {
		p.plan.Delete = append(p.plan.Delete, pod.ID)
	}
}

func (p *planner) lookAt(at time.Time) {
	if p.plan.Next.IsZero() || at.Before(p.plan.Next) {
		p.plan.Next = at
	}
}
