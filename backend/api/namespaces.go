package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const maxQuotaPods = 999_999_999

func (s *Server) namespaceRoutes(r fiber.Router) {
	r.Post("/", s.as(s.createNamespace))
	r.Get("/", s.as(s.listNamespaces))
	r.Get("/:name", s.as(s.getNamespace))
	r.Patch("/:name", s.as(s.patchNamespace))
	r.Delete("/:name", s.as(s.deleteNamespace))
}

func (s *Server) createNamespace(c *fiber.Ctx, who caller) error {
	var in wire.NamespaceCreate
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := first(
		needName("name", in.Name),
		checkMap("labels", in.Labels),
		checkQuota("resourceQuota", in.ResourceQuota),
		checkCPU("defaults.cpu", in.Defaults.CPU),
		checkMemory("defaults.memory", in.Defaults.Memory),
	); err != nil {
		return err
	}
	ns, err := s.cfg.Store.CreateNamespace(c.UserContext(), who.Actor, in)
	if err != nil {
		return err
	}
	return created(c, "/api/namespaces/"+ns.Name, ns)
}

func checkQuota(field string, q wire.Quota) error {
	if q.MaxPods != nil && (*q.MaxPods < 0 || *q.MaxPods > maxQuotaPods) {
		return core.Invalid(field+".maxPods", "must be from 0 to %d", maxQuotaPods)
	}
	if q.MaxCPU != nil && !cpu.MatchString(*q.MaxCPU) {
		return checkCPU(field+".maxCpu", orInvalid(*q.MaxCPU))
	}
	if q.MaxMemory != nil && !memory.MatchString(*q.MaxMemory) {
		return checkMemory(field+".maxMemory", orInvalid(*q.MaxMemory))
	}
	return nil
}

// orInvalid makes the empty quantity, which elsewhere means "the default", a wrong one: in a quota a bound is there or left out.
func orInvalid(quantity string) string {
	if quantity == "" {
		return "empty"
	}
	return quantity
}

func (s *Server) listNamespaces(c *fiber.Ctx, who caller) error {
	part, err := querySlice(c)
	if err != nil {
		return err
	}
	namespaces, next, err := s.cfg.Store.ListNamespaces(c.UserContext(), who.Actor, part)
	if err != nil {
		return err
	}
	return list(c, namespaces, next)
}

func (s *Server) getNamespace(c *fiber.Ctx, who caller) error {
	name, err := pathName(c, "name")
	if err != nil {
		return err
	}
	ns, err := s.cfg.Store.Namespace(c.UserContext(), who.Actor, name)
	if err != nil {
		return err
	}
	return ok(c, ns)
}

func (s *Server) patchNamespace(c *fiber.Ctx, who caller) error {
	name, err := pathName(c, "name")
	if err != nil {
		return err
	}
	var in wire.NamespacePatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Labels == nil && in.ResourceQuota == nil && in.Defaults == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give labels, resourceQuota or defaults")
	}
	if err := first(checkPatch("labels", in.Labels), ifMatch(c, &in.Revision)); err != nil {
		return err
	}
	if in.ResourceQuota != nil {
		if err := checkQuota("resourceQuota", *in.ResourceQuota); err != nil {
			return err
		}
	}
	if in.Defaults != nil {
		if err := first(checkCPU("defaults.cpu", in.Defaults.CPU), checkMemory("defaults.memory", in.Defaults.Memory)); err != nil {
			return err
		}
	}
	ns, err := s.cfg.Store.UpdateNamespace(c.UserContext(), who.Actor, name, in)
	if err != nil {
		return err
	}
	return ok(c, ns)
}

func (s *Server) deleteNamespace(c *fiber.Ctx, who caller) error {
	name, err := pathName(c, "name")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeleteNamespace(c.UserContext(), who.Actor, name); err != nil {
		return err
	}
	return ok(c, nil)
}
