// Package rollout decides what a deployment needs next: pods to be made, pods to be stopped, what to say of it. It is pure: it reads no clock and does
// no I/O, and the same situation gives the same step. Repeating a step changes nothing once its outcome is in the picture.
//
// The rules are those of Kubernetes' deployment and daemonset controllers, with one set of pods instead of replica sets: a pod knows the generation
// of the deployment that it was made from.
package rollout

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	// Refused is why the database took no more pods, "" when it did; no pods are made before Retry then.
	Refused string
	Retry   time.Time
	Now     time.Time
}

// Plan is what to do.
type Plan struct {
	core.RolloutStep
	Next time.Time // when to look again though nothing happens; zero for never
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

// countEnds takes in which pods have ended by themselves since it was last asked.
func (p *planner) countEnds() {
	ends := Ends{Generation: p.Deployment.Generation}
	if old := p.before.Ends; old != nil && old.Generation == ends.Generation {
		ends = *old
	}
	if ends.Count > 0 && p.Now.Sub(ends.LastAt) > quiet {
		ends.Count = 0
	}
	last := ends.LastAt
	for _, pod := range p.ended {
		if !p.isNew(pod) || pod.Desired == core.DesiredStopped || !pod.FinishedAt.After(ends.LastAt) {
			continue
		}
		ends.Count++
		if pod.Status == core.PodFailed {
			ends.Failed++
		}
		if pod.FinishedAt.After(last) {
			last = pod.FinishedAt
		}
	}
	ends.LastAt = last
	p.status.Ends = nil
	if ends.Count+ends.Failed > 0 {
		p.status.Ends = &ends
	}
}

// holdOff is until when no pod takes the place of one that has ended.
func (p *planner) holdOff() time.Time {
	e := p.status.Ends
	if e == nil || e.Count == 0 {
		return time.Time{}
	}
	rounds := (e.Count - 1) / max(p.desired, 1)
	if rounds == 0 {
		return time.Time{}
	}
	return e.LastAt.Add(min(firstBackoff<<min(rounds-1, 10), maxBackoff))
}

// moves changes what the deployment is: to the latest version, or back from one that does not work. Everything else waits for what comes of it.
func (p *planner) moves() bool {
	d := p.Deployment
	if p.crashes() && p.canGoBack() {
		back := &RolledBack{From: d.Generation, To: p.before.Stable, Generation: d.Generation + 1, Version: p.Version}
		p.status.RolledBack = back
		message := fmt.Sprintf("%d pods of generation %d failed before it ever worked; back to generation %d, as generation %d",
			p.status.Ends.Failed, back.From, back.To, back.Generation)
		p.status.set(p.Now, Progressing, false, ReasonRolledBack, message)
		p.plan.RollbackTo = back.To
		p.plan.Status = p.encode()
		p.plan.Events = []core.RolloutEvent{{Reason: "rolled_back", Warning: true, Message: message}}
		return true
	}
	if d.FollowLatest && !d.Paused && p.Latest != nil {
		p.plan.Pack = p.Latest.ID
		p.plan.Events = []core.RolloutEvent{{Reason: "follows_latest", Message: fmt.Sprintf("from version %s to %s", p.Version, p.Latest.Version)}}
		return true
	}
	return false
}

// crashes says whether the present generation, which never worked, mostly fails.
func (p *planner) crashes() bool {
	if p.status.Ends == nil || p.before.Stable == p.Deployment.Generation {
		return false
	}
	fresh, _ := p.split()
	return p.status.Ends.Failed >= crashLoop && p.status.Ends.Failed > p.countAvailable(fresh)
}

// canGoBack says whether there is one that worked, and that it has not been tried again already.
func (p *planner) canGoBack() bool {
	back := p.before.RolledBack
	return p.strategy.AutoRollback && !p.Deployment.Paused && p.Refused == "" && p.before.Stable > 0 && (back == nil || back.Generation != p.Deployment.Generation)
}

// make asks for pods, unless pods end too fast or the database has refused some.
func (p *planner) make(n int, generation int64, nodes ...string) {
	if n <= 0 {
		return
	}
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

// say writes down how it stands.
func (p *planner) say() {
	fresh, old := p.split()
	s := &p.status
	s.Desired, s.Replicas, s.Updated, s.Ready = p.desired, len(p.live), len(fresh), 0
	for _, pod := range p.live {
		if p.ready(pod) {
			s.Ready++
		}
	}
	s.Available = p.countAvailable(p.live)
	s.Unavailable = max(p.desired-s.Available, 0)
	_, may := p.strategy.bounds(p.desired)
	if least := max(p.desired-may, 0); s.Available >= least {
		s.set(p.Now, Available, true, "MinimumAvailable", fmt.Sprintf("%d of %d pods are available", s.Available, p.desired))
	} else {
		s.set(p.Now, Available, false, "MinimumUnavailable", fmt.Sprintf("%d of %d pods are available, %d should be", s.Available, p.desired, least))
	}
	if p.Refused != "" {
		s.set(p.Now, Failing, true, "Refused", p.Refused)
	} else {
		s.unset(Failing)
	}
	p.progress(fresh, old)
	if raw := p.encode(); string(raw) != string(p.encoded(p.before)) || p.Deployment.ObservedGeneration != p.Deployment.Generation {
		p.plan.Status = raw
	}
}

// progress says how far the rollout is.
func (p *planner) progress(fresh, old []*core.Pod) {
	s, d := &p.status, p.Deployment
	was := p.condition(Progressing)
	resumed := was != nil && was.Reason == ReasonPaused && !d.Paused
	nearer := resumed || p.before.ProgressAt.IsZero() || d.ObservedGeneration != d.Generation || s.Updated > p.before.Updated || s.Available > p.before.Available ||
		len(old) < p.before.Replicas-p.before.Updated
	if nearer && s.Stable != d.Generation {
		s.ProgressAt = p.Now
	}
	complete := len(fresh) == p.desired && p.countAvailable(fresh) == p.desired && len(old)+len(p.leaving) == 0
	deadline := s.ProgressAt.Add(p.strategy.ProgressDeadline)
	switch {
	case complete:
		if s.Stable != d.Generation {
			s.Stable = d.Generation
			p.plan.Events = append(p.plan.Events, core.RolloutEvent{Reason: "rolled_out", Message: fmt.Sprintf("generation %d runs on all %d pods", d.Generation, p.desired)})
		}
		s.set(p.Now, Progressing, true, ReasonComplete, fmt.Sprintf("generation %d is rolled out", d.Generation))
	case d.Paused:
		s.set(p.Now, Progressing, false, ReasonPaused, "the deployment is paused")
	case p.crashes():
		s.set(p.Now, Progressing, false, ReasonCrashLoop, fmt.Sprintf("pods of generation %d fail; the next is made after a pause", d.Generation))
	case s.Stable == d.Generation: // was complete: pods come and go
		s.set(p.Now, Progressing, true, ReasonComplete, fmt.Sprintf("generation %d is rolled out", d.Generation))
	case deadline.After(p.Now):
		p.lookAt(deadline)
		s.set(p.Now, Progressing, true, ReasonRollingOut, fmt.Sprintf("%d of %d pods are of generation %d, %d of them available", len(fresh), p.desired, d.Generation, p.countAvailable(fresh)))
	default:
		message := fmt.Sprintf("generation %d has not come nearer to its end for %s", d.Generation, p.strategy.ProgressDeadline)
		if was == nil || was.Reason != ReasonDeadlineExceeded {
			p.plan.Events = append(p.plan.Events, core.RolloutEvent{Reason: "progress_deadline_exceeded", Warning: true, Message: message})
		}
		s.set(p.Now, Progressing, false, ReasonDeadlineExceeded, message)
	}
}

func (p *planner) condition(kind string) *Condition {
	for i := range p.before.Conditions {
		if p.before.Conditions[i].Type == kind {
			return &p.before.Conditions[i]
		}
	}
	return nil
}

func (p *planner) encode() json.RawMessage { return p.encoded(p.status) }

func (p *planner) encoded(s Status) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil // numbers, texts and times are always JSON
	}
	return raw
}
