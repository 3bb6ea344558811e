package api

import (
	"math"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	defaultLogLines = 1000
	maxLogLines     = 5000
	maxGraceMillis  = 3_600_000
	maxGroup        = 10_000
)

func (s *Server) podRoutes(r fiber.Router) {
	r.Post("/", s.as(s.createPod))
	r.Get("/", s.as(s.listPods))
	r.Post("/batch", s.as(s.createPods))
	r.Get("/:id", s.as(s.getPod))
	r.Patch("/:id", s.as(s.patchPod))
	r.Get("/:id/status", s.as(s.podStatus))
	r.Post("/:id/rollback", s.as(s.rollBackPod))
	r.Delete("/:id", s.as(s.deletePod))
	r.Post("/:id/stop", s.as(s.stopPod))
	r.Get("/:id/history", s.as(s.podHistory))
	r.Get("/:id/logs", s.as(s.podLogs))
	r.Get("/:id/explain", s.as(s.explainPod))
}

func (s *Server) createPod(c *fiber.Ctx, who caller) error {
	var body struct {
		wire.PodCreate
		PackID string `json:"packId"` // as text, so that a bad one can be named
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	in := body.PodCreate
	if body.PackID != "" {
		id, err := uuid.Parse(body.PackID)
		if err != nil || len(body.PackID) != 36 {
			return core.Invalid("packId", "must be a UUID")
		}
		in.PackID = &id
	}
	if err := checkPod(&in); err != nil {
		return err
	}
	ctx, replayed, err := once(c)
	if err != nil {
		return err
	}
	pod, err := s.cfg.Store.CreatePod(ctx, who.Actor, in)
	if err != nil {
		return err
	}
	replayed()
	return created(c, "/api/pods/"+pod.ID.String(), pod)
}

func checkPod(in *wire.PodCreate) error {
	if err := checkPackOf(in); err != nil {
		return err
	}
	if g := in.GracePeriodMS; g != nil && (*g < 0 || *g > maxGraceMillis) {
		return core.Invalid("gracePeriodMs", "must be from 0 to %d", maxGraceMillis)
	}
	if (in.SchedulingGroup == "") != (in.SchedulingGroupSize == 0) || in.SchedulingGroupSize < 0 || in.SchedulingGroupSize > maxGroup {
		return core.Invalid("schedulingGroupSize", "goes with schedulingGroup, and must be from 1 to %d", maxGroup)
	}
	return first(
		optionalName("name", in.Name),
		optionalName("namespace", in.Namespace),
		optionalName("priorityClass", in.PriorityClass),
		checkCPU("resources.cpu", in.Resources.CPU),
		checkMemory("resources.memory", in.Resources.Memory),
		checkMap("env", in.Env),
		checkMap("nodeSelector", in.NodeSelector),
		checkMap("labels", in.Labels),
		checkMap("annotations", in.Annotations),
		checkTolerations("tolerations", in.Tolerations),
		rawOf("args", &in.Args, '['),
		rawOf("metadata", &in.Metadata, '{'),
		rawOf("affinity", &in.Affinity, '{'),
		rawOf("topologySpread", &in.TopologySpread, '['),
		optionalName("schedulingGroup", in.SchedulingGroup),
	)
}

// checkPackOf wants the pack to be named in exactly one way.
func checkPackOf(in *wire.PodCreate) error {
	switch {
	case in.PackID == nil && in.Pack == "":
		return core.Invalid("pack", "name the pack to run, with pack and version, or with packId")
	case in.PackID != nil && (in.Pack != "" || in.Version != ""):
		return core.Invalid("packId", "cannot be combined with pack and version")
	case in.PackID != nil:
		return nil
	case in.Version != "" && in.Version != "latest" && (len(in.Version) > 128 || !semantic.MatchString(in.Version)):
		return core.Invalid("version", `must be "latest" or a semantic version, for example "1.2.3"`)
	}
	return needName("pack", in.Pack)
}

func (s *Server) listPods(c *fiber.Ctx, who caller) error {
	var f wire.PodFilter
	var err error
	if f.Namespace, err = queryText(c, "namespace"); err != nil {
		return err
	}
	if f.Name, err = queryText(c, "name"); err != nil {
		return err
	}
	if f.Status, err = queryOneOf(c, "status", core.PodStatuses...); err != nil {
		return err
	}
	if f.NodeID, err = queryID(c, "nodeId"); err != nil {
		return err
	}
	if f.PackID, err = queryID(c, "packId"); err != nil {
		return err
	}
	if f.CreatedBy, err = queryID(c, "createdBy"); err != nil {
		return err
	}
	if f.DeploymentID, err = queryID(c, "deploymentId"); err != nil {
		return err
	}
	if err = queryFields(c, &f); err != nil {
		return err
	}
	if f.Labels, err = querySelector(c); err != nil {
		return err
	}
	if f.Slice, err = querySlice(c); err != nil {
		return err
	}
	pods, next, err := s.cfg.Store.ListPods(c.UserContext(), who.Actor, f)
	if err != nil {
		return err
	}
	return list(c, pods, next)
}

func (s *Server) getPod(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	pod, err := s.cfg.Store.Pod(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return ok(c, pod)
}

func (s *Server) deletePod(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeletePod(c.UserContext(), who.Actor, id); err != nil {
		return err
	}
	return ok(c, nil)
}

// stopPod asks for a pod to stop; asking again changes nothing.
func (s *Server) stopPod(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	pod, err := s.cfg.Store.StopPod(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return ok(c, pod)
}

func (s *Server) podHistory(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	events, err := s.cfg.Store.PodHistory(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return list(c, events, "")
}

// podLogs gives lines oldest first. Follow a log by asking again with after = the last id seen.
func (s *Server) podLogs(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	after, err := queryInt(c, "after", 0, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	tail, err := queryInt(c, "tail", 0, 1, maxLogLines)
	if err != nil {
		return err
	}
	limit, err := queryInt(c, "limit", max(defaultLogLines, tail), 1, maxLogLines)
	if err != nil {
		return err
	}
	lines, err := s.cfg.Store.PodLogs(c.UserContext(), who.Actor, id, wire.LogQuery{After: after, Tail: int(tail), Limit: int(limit)})
	if err != nil {
		return err
	}
	return list(c, lines, "")
}
