package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	maxPodsPerNode      = 100_000
	defaultDrainSeconds = 300
	maxDrainSeconds     = 7 * 24 * 3600
)

func (s *Server) nodeRoutes(r fiber.Router) {
	r.Post("/", s.as(s.createNode))
	r.Get("/", s.as(s.listNodes))
	r.Get("/:id", s.as(s.getNode))
	r.Patch("/:id", s.as(s.patchNode))
	r.Delete("/:id", s.as(s.deleteNode))
	r.Post("/:id/cordon", s.as(s.cordon(true)))
	r.Post("/:id/uncordon", s.as(s.cordon(false)))
	r.Post("/:id/drain", s.as(s.drainNode))
}

// createNode registers a node before its agent comes.
func (s *Server) createNode(c *fiber.Ctx, who caller) error {
	var in wire.NodeCreate
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Resources.Pods < 0 || in.Resources.Pods > maxPodsPerNode {
		return core.Invalid("resources.pods", "must be from 1 to %d; leave it out for the default", maxPodsPerNode)
	}
	if err := first(
		needName("name", in.Name),
		needOneOf("runtimeType", in.RuntimeType, core.RuntimeNode, core.RuntimeBrowser),
		checkMap("labels", in.Labels),
		checkMap("annotations", in.Annotations),
		checkTaints("taints", in.Taints),
		checkCPU("resources.cpu", in.Resources.CPU),
		checkMemory("resources.memory", in.Resources.Memory),
	); err != nil {
		return err
	}
	node, err := s.cfg.Store.CreateNode(c.UserContext(), who.Actor, in)
	if err != nil {
		return err
	}
	return created(c, "/api/nodes/"+node.ID.String(), node)
}

func (s *Server) listNodes(c *fiber.Ctx, who caller) error {
	var f wire.NodeFilter
	var err error
	if f.Name, err = queryText(c, "name"); err != nil {
		return err
	}
	if f.Status, err = queryOneOf(c, "status", core.NodeHealthy, core.NodeUnknown, core.NodeUnhealthy); err != nil {
		return err
	}
	if f.RuntimeType, err = queryOneOf(c, "runtimeType", core.RuntimeNode, core.RuntimeBrowser); err != nil {
		return err
	}
	if f.Slice, err = querySlice(c); err != nil {
		return err
	}
	nodes, next, err := s.cfg.Store.ListNodes(c.UserContext(), who.Actor, f)
	if err != nil {
		return err
	}
	return list(c, nodes, next)
}

func (s *Server) getNode(c *fiber.Ctx, who caller) error {
	idOrName, err := pathName(c, "id")
	if err != nil {
		return err
	}
	node, err := s.cfg.Store.Node(c.UserContext(), who.Actor, idOrName)
	if err != nil {
		return err
	}
	return ok(c, node)
}

func (s *Server) deleteNode(c *fiber.Ctx, who caller) error {
	idOrName, err := pathName(c, "id")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeleteNode(c.UserContext(), who.Actor, idOrName); err != nil {
		return err
	}
	return ok(c, nil)
}

// patchNode changes what is given and leaves the rest.
func (s *Server) patchNode(c *fiber.Ctx, who caller) error {
	var in wire.NodePatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Labels == nil && in.Annotations == nil && in.Taints == nil && in.Access == nil && in.Unschedulable == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give labels, annotations, taints, access or unschedulable")
	}
	if in.Taints != nil {
		if err := checkTaints("taints", *in.Taints); err != nil {
			return err
		}
	}
	if in.Access != nil {
		if err := needOneOf("access", *in.Access, core.AccessShared, core.AccessPrivate); err != nil {
			return err
		}
	}
	if err := first(checkPatch("labels", in.Labels), checkPatch("annotations", in.Annotations)); err != nil {
		return err
	}
	return s.changeNode(c, who, in)
}

// cordon says whether a node takes new pods; asking again changes nothing.
func (s *Server) cordon(on bool) func(*fiber.Ctx, caller) error {
	return func(c *fiber.Ctx, who caller) error { return s.changeNode(c, who, wire.NodePatch{Unschedulable: &on}) }
}

// drainNode asks for a node's pods to leave it; uncordon takes the request back.
func (s *Server) drainNode(c *fiber.Ctx, who caller) error {
	in := wire.NodeDrain{TimeoutSeconds: defaultDrainSeconds}
	if len(c.Request().Body()) > 0 {
		if err := decode(c, &in); err != nil {
			return err
		}
	}
	if in.TimeoutSeconds < 0 || in.TimeoutSeconds > maxDrainSeconds {
		return core.Invalid("timeoutSeconds", "must be from 0 to %d", maxDrainSeconds)
	}
	return s.changeNode(c, who, wire.NodePatch{Drain: &in})
}

func (s *Server) changeNode(c *fiber.Ctx, who caller, patch wire.NodePatch) error {
	idOrName, err := pathName(c, "id")
	if err != nil {
		return err
	}
	if err := ifMatch(c, &patch.Revision); err != nil {
		return err
	}
	node, err := s.cfg.Store.UpdateNode(c.UserContext(), who.Actor, idOrName, patch)
	if err != nil {
		return err
	}
	return ok(c, node)
}
