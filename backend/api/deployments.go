package api

import (
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	maxReplicas       = 100_000
	maxHistory        = 100
	maxDeploymentName = 50 // its pods' names start with it
)

func (s *Server) deploymentRoutes(r fiber.Router) {
	r.Post("/", s.as(s.createDeployment))
	r.Get("/", s.as(s.listDeployments))
	r.Get("/:id", s.as(s.getDeployment))
	r.Patch("/:id", s.as(s.patchDeployment))
	r.Delete("/:id", s.as(s.deleteDeployment))
	r.Get("/:id/revisions", s.as(s.deploymentRevisions))
	r.Post("/:id/scale", s.as(s.scaleDeployment))
	r.Post("/:id/pause", s.as(s.pauseDeployment(true)))
	r.Post("/:id/resume", s.as(s.pauseDeployment(false)))
	r.Post("/:id/rollback", s.as(s.rollBackDeployment))
}

func (s *Server) createDeployment(c *fiber.Ctx, who caller) error {
	var body struct {
		wire.DeploymentCreate
		PackID string `json:"packId"` // as text, so that a bad one can be named
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	in := body.DeploymentCreate
	pack, err := packNamed(body.PackID, in.Pack, in.Version)
	if err != nil {
		return err
	}
	in.PackID = pack.PackID
	if err := first(
		checkPackOf(&pack),
		needName("name", in.Name),
		optionalName("namespace", in.Namespace),
		needOneOf("mode", in.Mode, "", "replicas", "daemonset"),
		checkBetween("replicas", in.Replicas, 0, maxReplicas),
		checkBetween("historyLimit", in.HistoryLimit, 1, maxHistory),
		checkMap("labels", in.Labels),
		checkMap("annotations", in.Annotations),
		rawOf("spec", &in.Spec, '{'),
		rawOf("strategy", &in.Strategy, '{'),
	); err != nil {
		return err
	}
	if len(in.Name) > maxDeploymentName {
		return core.Invalid("name", "must be at most %d characters: its pods' names start with it", maxDeploymentName)
	}
	ctx, replayed, err := once(c)
	if err != nil {
		return err
	}
	made, err := s.cfg.Store.CreateDeployment(ctx, who.Actor, in)
	if err != nil {
		return err
	}
	replayed()
	return created(c, "/api/deployments/"+made.ID.String(), made)
}

// packNamed is how a request names a pack, as checkPackOf takes it.
func packNamed(id, name, version string) (wire.PodCreate, error) {
	in := wire.PodCreate{Pack: name, Version: version}
	if id == "" {
		return in, nil
	}
	parsed, err := uuid.Parse(id)
	if err != nil || len(id) != 36 {
		return in, core.Invalid("packId", "must be a UUID")
	}
	in.PackID = &parsed
	return in, nil
}

func checkBetween(field string, value *int32, least, most int32) error {
	if value != nil && (*value < least || *value > most) {
		return core.Invalid(field, "must be from %d to %d", least, most)
	}
	return nil
}

func (s *Server) listDeployments(c *fiber.Ctx, who caller) error {
	var f wire.DeploymentFilter
	var err error
	if f.Namespace, err = queryText(c, "namespace"); err != nil {
		return err
	}
	if f.Name, err = queryText(c, "name"); err != nil {
		return err
	}
	if f.PackID, err = queryID(c, "packId"); err != nil {
		return err
	}
	if f.Slice, err = querySlice(c); err != nil {
		return err
	}
	all, next, err := s.cfg.Store.ListDeployments(c.UserContext(), who.Actor, f)
	if err != nil {
		return err
	}
	return list(c, all, next)
}

func (s *Server) getDeployment(c *fiber.Ctx, who caller) error {
	return s.onDeployment(c, func(id uuid.UUID) (any, error) { return s.cfg.Store.Deployment(c.UserContext(), who.Actor, id) })
}

// onDeployment answers with what is done about the deployment that the path names.
func (s *Server) onDeployment(c *fiber.Ctx, do func(id uuid.UUID) (any, error)) error {
	id, err := pathID(c, "deployment")
	if err != nil {
		return err
	}
	answer, err := do(id)
	if err != nil {
		return err
	}
	return ok(c, answer)
}

func (s *Server) patchDeployment(c *fiber.Ctx, who caller) error {
	var body struct {
		wire.DeploymentPatch
		PackID string `json:"packId"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	in := body.DeploymentPatch
	pack, err := packNamed(body.PackID, in.Pack, in.Version)
	if err != nil {
		return err
	}
	if in.PackID = pack.PackID; in.PackID != nil || in.Pack != "" || in.Version != "" {
		if err := checkPackOf(&pack); err != nil {
			return err
		}
	}
	if err := first(
		checkBetween("replicas", in.Replicas, 0, maxReplicas),
		checkBetween("historyLimit", in.HistoryLimit, 1, maxHistory),
		checkPatch("labels", in.Labels),
		checkPatch("annotations", in.Annotations),
		rawOf("spec", &in.Spec, '{'),
		rawOf("strategy", &in.Strategy, '{'),
	); err != nil {
		return err
	}
	if in.PackID == nil && in.Pack == "" && in.FollowLatest == nil && in.Replicas == nil && in.Spec == nil && in.Strategy == nil && in.Paused == nil &&
		in.HistoryLimit == nil && in.Labels == nil && in.Annotations == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give pack, followLatest, replicas, spec, strategy, paused, historyLimit, labels or annotations")
	}
	return s.changeDeployment(c, who, in)
}

func (s *Server) changeDeployment(c *fiber.Ctx, who caller, patch wire.DeploymentPatch) error {
	if err := ifMatch(c, &patch.Revision); err != nil {
		return err
	}
	return s.onDeployment(c, func(id uuid.UUID) (any, error) {
		return s.cfg.Store.UpdateDeployment(c.UserContext(), who.Actor, id, patch)
	})
}

func (s *Server) scaleDeployment(c *fiber.Ctx, who caller) error {
	var in wire.DeploymentScale
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Replicas == nil {
		return core.Invalid("replicas", "must be from 0 to %d", maxReplicas)
	}
	if err := checkBetween("replicas", in.Replicas, 0, maxReplicas); err != nil {
		return err
	}
	return s.changeDeployment(c, who, wire.DeploymentPatch{Replicas: in.Replicas})
}

// pauseDeployment says whether a deployment rolls over; asking again changes nothing.
func (s *Server) pauseDeployment(on bool) func(*fiber.Ctx, caller) error {
	return func(c *fiber.Ctx, who caller) error {
		return s.changeDeployment(c, who, wire.DeploymentPatch{Paused: &on})
	}
}

func (s *Server) rollBackDeployment(c *fiber.Ctx, who caller) error {
	var in wire.DeploymentRollback
	if len(c.Request().Body()) > 0 {
		if err := decode(c, &in); err != nil {
			return err
		}
	}
	if in.Generation < 0 {
		return core.Invalid("generation", "must be one of the deployment's revisions; leave it out for the one before")
	}
	if err := ifMatch(c, &in.Revision); err != nil {
		return err
	}
	return s.onDeployment(c, func(id uuid.UUID) (any, error) {
		return s.cfg.Store.UndoDeployment(c.UserContext(), who.Actor, id, in)
	})
}

func (s *Server) deploymentRevisions(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "deployment")
	if err != nil {
		return err
	}
	all, err := s.cfg.Store.DeploymentRevisions(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return list(c, all, "")
}

func (s *Server) deleteDeployment(c *fiber.Ctx, who caller) error {
	return s.onDeployment(c, func(id uuid.UUID) (any, error) {
		return nil, s.cfg.Store.DeleteDeployment(c.UserContext(), who.Actor, id)
	})
}
