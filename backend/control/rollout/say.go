package rollout

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/stark-o/stark/backend/core"
)

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
	if p.Refused != "" && p.plan.Short {
		s.set(p.Now, Failing, true, cmp.Or(p.RefusedFor, ReasonRefused), p.Refused)
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
