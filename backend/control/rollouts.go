package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/control/rollout"
	"github.com/stark-o/stark/backend/core"
)

const (
	// voidRetry is the pause before a deployment is looked at again that has changed meanwhile, or whose row somebody holds.
	voidRetry = 200 * time.Millisecond
	// firstRefusal is the pause after the database has refused pods; it doubles up to maxRefusal.
	firstRefusal = time.Second
	maxRefusal   = time.Minute
)

// rollouts are one term's deployments. After each step a deployment is left alone until the picture shows what came of it: so no step is taken twice, and
// the picture is all that there is to go by. One goroutine owns it.
type rollouts struct {
	*Controller
	epoch   core.Epoch
	look    map[uuid.UUID]struct{}  // to be looked at now
	due     map[uuid.UUID]time.Time // to be looked at then
	awaits  map[uuid.UUID]uint64    // to be looked at once the picture reaches a position
	refused map[uuid.UUID]refusal
}

// refusal is why the database took no more pods of a deployment.
type refusal struct {
	message string
	reason  string // of the condition Failing
	pods    bool   // it was pods that were refused
	tried   time.Time
	retry   time.Time
	pause   time.Duration
}

// rollOut keeps deployments as they should be, whenever something happens to them or a time limit passes.
func (c *Controller) rollOut(ctx context.Context, epoch core.Epoch) {
	r := &rollouts{Controller: c, epoch: epoch, look: map[uuid.UUID]struct{}{}, due: map[uuid.UUID]time.Time{}, awaits: map[uuid.UUID]uint64{}, refused: map[uuid.UUID]refusal{}}
	defer c.refusing.Store(false)
	r.mark(deploymentNews{all: true})
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.roll:
		case <-timer.C:
		}
		r.mark(c.touched.take())
		for id := range r.ready(time.Now()) {
			if err := r.step(ctx, id, time.Now()); err != nil {
				if ctx.Err() == nil {
					c.cfg.Log.Warn("this term of leadership ends", "epoch", epoch.Number, "error", err)
				}
				return
			}
		}
		r.refusing.Store(len(r.refused) > 0)
		if next := r.next(); !next.IsZero() {
			timer.Reset(max(time.Until(next), 0))
		}
	}
}

// mark notes which deployments are to be looked at.
func (r *rollouts) mark(news deploymentNews) {
	for id := range news.ids {
		r.look[id] = struct{}{}
	}
	if news.room {
		for id, refused := range r.refused {
			// Not at once after the last time: where pods come and go all the time, there would be no end of it.
			refused.retry = refused.tried.Add(firstRefusal)
			r.refused[id] = refused
			r.look[id] = struct{}{}
		}
	}
	if !news.all && !news.nodes && !news.packs {
		return
	}
	for _, d := range r.cfg.Cluster.Deployments() {
		if news.all || news.nodes && d.Mode == core.ModeDaemonSet || news.packs && d.FollowLatest {
			r.look[d.ID] = struct{}{}
		}
	}
}

// ready takes those that can be looked at now.
func (r *rollouts) ready(now time.Time) map[uuid.UUID]struct{} {
	for id, at := range r.due {
		if !at.After(now) {
			delete(r.due, id)
			r.look[id] = struct{}{}
		}
	}
	position := r.cfg.Cluster.Position()
	for id, at := range r.awaits {
		if at <= position {
			delete(r.awaits, id)
			r.look[id] = struct{}{}
		}
	}
	ready := map[uuid.UUID]struct{}{}
	for id := range r.look {
		if _, waits := r.awaits[id]; !waits {
			ready[id] = struct{}{}
			delete(r.look, id)
		}
	}
	return ready
}

// next says when to look though nothing happens, and has the loop woken when the picture reaches what is awaited.
func (r *rollouts) next() (next time.Time) {
	least := uint64(0)
	for _, at := range r.awaits {
		if least == 0 || at < least {
			least = at
		}
	}
	r.awaited.Store(least)
	if least != 0 && r.cfg.Cluster.Position() >= least {
		return time.Now()
	}
	for _, at := range r.due {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// step looks at one deployment and does what it needs. An error ends the term.
func (r *rollouts) step(ctx context.Context, id uuid.UUID, now time.Time) error {
	d := r.cfg.Cluster.Deployment(id)
	if d == nil {
		delete(r.due, id)
		delete(r.refused, id)
		return nil
	}
	plan := rollout.Step(r.situation(d, now))
	if !plan.Short && r.refused[id].pods {
		delete(r.refused, id) // they are not wanted any more
	}
	if !plan.Next.IsZero() {
		r.due[id] = plan.Next
	} else {
		delete(r.due, id)
	}
	if plan.Empty() {
		return nil
	}
	position, err := r.write(ctx, plan.RolloutStep)
	switch {
	case err == nil:
		r.awaits[id] = position
		if len(plan.Create) > 0 {
			delete(r.refused, id)
		}
		return nil
	case errors.Is(err, core.ErrStepVoid):
		r.due[id] = now.Add(voidRetry)
		return nil
	case isRefusal(err):
		return r.refuse(ctx, id, plan, err, now)
	}
	return err
}

// refuse notes what the database would not take, tries with fewer pods, and else has it said in the deployment's conditions.
func (r *rollouts) refuse(ctx context.Context, id uuid.UUID, plan rollout.Plan, cause error, now time.Time) error {
	step := plan.RolloutStep
	for n := len(step.Create) / 2; n > 0 && core.CodeOf(cause) == core.CodeQuota; n /= 2 {
		fewer := core.RolloutStep{Deployment: step.Deployment, Generation: step.Generation, Create: step.Create[:n]}
		if position, err := r.write(ctx, fewer); err == nil {
			r.awaits[id] = position
			return nil // and the rest is tried, and refused, once they are there
		} else if !isRefusal(err) {
			return err
		}
	}
	old := r.refused[id]
	pause := min(max(2*old.pause, firstRefusal), maxRefusal)
	var public *core.Error
	message := cause.Error()
	if errors.As(cause, &public) {
		message = public.Message
	}
	r.refused[id] = refusal{message: message, reason: reasonOf(cause), pods: len(step.Create) > 0, tried: now, retry: now.Add(pause), pause: pause}
	r.look[id] = struct{}{}
	if old.message != message {
		r.cfg.Log.Warn("the database refuses what a deployment needs; trying again", "deployment", id, "error", cause)
	}
	r.due[id] = now // so that it is said
	return nil
}

// reasonOf is the reason of the condition Failing.
func reasonOf(refusal error) string {
	switch core.CodeOf(refusal) {
	case core.CodeQuota:
		return rollout.ReasonQuota
	case core.CodeForbidden:
		return rollout.ReasonForbidden
	}
	return rollout.ReasonRefused
}

// write does a step. Errors that are no refusal, and not core.ErrStepVoid, end the term.
func (r *rollouts) write(ctx context.Context, step core.RolloutStep) (uint64, error) {
	attempt, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	position, err := r.cfg.Store.Roll(attempt, r.epoch, step)
	switch {
	case err == nil:
		return position, nil
	case !isRefusal(err):
		return 0, fmt.Errorf("%w: %w", errUnsure, err)
	case core.CodeOf(err) != core.CodeConflict:
		return 0, err
	}
	if _, ours, lease := r.cfg.Store.RenewLease(attempt, r.epoch, r.cfg.LeaseTTL); lease == nil && !ours {
		return 0, errLost
	}
	return 0, err
}
