package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// maxBatch is how many pods one request makes.
const maxBatch = 1000

func (s *Server) createPods(c *fiber.Ctx, who caller) error {
	var in wire.PodBatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if len(in.Pods) == 0 || len(in.Pods) > maxBatch {
		return core.Invalid("pods", "must be 1 to %d pods", maxBatch)
	}
	for i := range in.Pods {
		if err := checkPod(&in.Pods[i]); err != nil {
			return inItem(i, err)
		}
	}
	ctx, replayed, err := once(c)
	if err != nil {
		return err
	}
	pods, err := s.cfg.Store.CreatePods(ctx, who.Actor, in.Pods)
	if err != nil {
		return err
	}
	replayed()
	return c.Status(fiber.StatusCreated).JSON(wire.Success{Success: true, Data: pods})
}

// inItem says which pod of a batch an error is about.
func inItem(i int, err error) error { return inList("pods", i, err) }

func (s *Server) patchPod(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	var in wire.PodPatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Labels == nil && in.Annotations == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give labels or annotations; what a pod runs never changes")
	}
	if err := first(checkPatch("labels", in.Labels), checkPatch("annotations", in.Annotations), ifMatch(c, &in.Revision)); err != nil {
		return err
	}
	pod, err := s.cfg.Store.UpdatePod(c.UserContext(), who.Actor, id, in)
	if err != nil {
		return err
	}
	return ok(c, pod)
}

func (s *Server) podStatus(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	p, err := s.cfg.Store.Pod(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return ok(c, wire.PodState{
		ID: p.ID, Status: p.Status, DesiredState: p.DesiredState, Reason: p.Reason, Message: p.Message, NodeID: p.NodeID, NodeName: p.NodeName,
		Incarnation: p.Incarnation, Restarts: p.Restarts, Unschedulable: p.Unschedulable, Result: p.Result, ScheduledAt: p.ScheduledAt, StartedAt: p.StartedAt,
		FinishedAt: p.FinishedAt, Revision: p.Revision,
	})
}

// rollBackPod stops a pod and makes another of an earlier version of its pack.
func (s *Server) rollBackPod(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	var in wire.PodRollback
	if len(c.Request().Body()) > 0 {
		if err := decode(c, &in); err != nil {
			return err
		}
	}
	if in.Version != "" && (len(in.Version) > 128 || !semantic.MatchString(in.Version)) {
		return core.Invalid("version", `must be a semantic version, for example "1.2.3"; leave it out for the one before`)
	}
	pod, err := s.cfg.Store.RollBackPod(c.UserContext(), who.Actor, id, in.Version)
	if err != nil {
		return err
	}
	return created(c, "/api/pods/"+pod.ID.String(), pod)
}

// queryFields reads fieldSelector, as kubectl has it: metadata.name, metadata.namespace, spec.nodeName and status.phase with =, status.phase with != too.
func queryFields(c *fiber.Ctx, f *wire.PodFilter) error {
	raw, err := queryText(c, "fieldSelector")
	if err != nil || raw == "" {
		return err
	}
	for term := range strings.SplitSeq(raw, ",") {
		key, value, equal := cutTerm(term)
		into := map[string]*string{"metadata.name": &f.Name, "metadata.namespace": &f.Namespace, "spec.nodeName": &f.NodeName,
			"status.phase": (*string)(&f.Status), "status": (*string)(&f.Status)}[key]
		if !equal && strings.HasPrefix(key, "status") {
			into = (*string)(&f.NotStatus)
		} else if !equal {
			into = nil
		}
		if into == nil || value == "" {
			return core.Invalid("fieldSelector", "takes metadata.name=, metadata.namespace=, spec.nodeName=, status.phase= and status.phase!=, with commas between")
		}
		if strings.HasPrefix(key, "status") && !core.PodStatus(value).Valid() {
			return core.Invalid("fieldSelector", "status.phase must be %s", oneOf(core.PodStatuses))
		}
		if *into != "" && *into != value {
			return core.Invalid("fieldSelector", "%s cannot be two things", key)
		}
		*into = value
	}
	return nil
}

// cutTerm reads key=value, key==value or key!=value.
func cutTerm(term string) (key, value string, equal bool) {
	if key, value, found := strings.Cut(term, "!="); found {
		return strings.TrimSpace(key), strings.TrimSpace(value), false
	}
	key, value, _ = strings.Cut(term, "=")
	return strings.TrimSpace(key), strings.TrimSpace(strings.TrimPrefix(value, "=")), true
}
