package api

import (
	"bytes"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const maxDescription = 4096

func (s *Server) priorityClassRoutes(r fiber.Router) {
	r.Post("/", s.as(s.createPriorityClass))
	r.Get("/", s.as(s.listPriorityClasses))
	r.Get("/:name", s.as(s.getPriorityClass))
	r.Patch("/:name", s.as(s.patchPriorityClass))
	r.Delete("/:name", s.as(s.deletePriorityClass))
}

func (s *Server) createPriorityClass(c *fiber.Ctx, who caller) error {
	var in wire.PriorityClassCreate
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Value == nil {
		return core.Invalid("value", "must be a whole number; higher is more important")
	}
	if err := first(
		needName("name", in.Name),
		needOneOf("preemptionPolicy", in.PreemptionPolicy, "", "PreemptLowerPriority", "Never"),
		checkText("description", in.Description, maxDescription),
	); err != nil {
		return err
	}
	class, err := s.cfg.Store.CreatePriorityClass(c.UserContext(), who.Actor, in)
	if err != nil {
		return err
	}
	return created(c, "/api/priorityclasses/"+class.Name, class)
}

func (s *Server) listPriorityClasses(c *fiber.Ctx, who caller) error {
	all, err := s.cfg.Store.ListPriorityClasses(c.UserContext(), who.Actor)
	if err != nil {
		return err
	}
	return list(c, all, "")
}

func (s *Server) getPriorityClass(c *fiber.Ctx, who caller) error {
	name, err := pathName(c, "name")
	if err != nil {
		return err
	}
	class, err := s.cfg.Store.PriorityClass(c.UserContext(), who.Actor, name)
	if err != nil {
		return err
	}
	return ok(c, class)
}

func (s *Server) patchPriorityClass(c *fiber.Ctx, who caller) error {
	name, err := pathName(c, "name")
	if err != nil {
		return err
	}
	var in wire.PriorityClassPatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Description == nil && in.GlobalDefault == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give description or globalDefault; what pods have copied never changes")
	}
	if in.Description != nil {
		if err := checkText("description", *in.Description, maxDescription); err != nil {
			return err
		}
	}
	if err := ifMatch(c, &in.Revision); err != nil {
		return err
	}
	class, err := s.cfg.Store.UpdatePriorityClass(c.UserContext(), who.Actor, name, in)
	if err != nil {
		return err
	}
	return ok(c, class)
}

func (s *Server) deletePriorityClass(c *fiber.Ctx, who caller) error {
	name, err := pathName(c, "name")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeletePriorityClass(c.UserContext(), who.Actor, name); err != nil {
		return err
	}
	return ok(c, nil)
}

func (s *Server) configRoutes(r fiber.Router) {
	r.Get("/", s.as(s.listSettings))
	r.Get("/:key", s.as(s.getSetting))
	r.Put("/:key", s.as(s.putSetting))
	r.Delete("/:key", s.as(s.resetSetting))
}

func (s *Server) listSettings(c *fiber.Ctx, who caller) error {
	all, err := s.cfg.Store.Settings(c.UserContext(), who.Actor)
	if err != nil {
		return err
	}
	return list(c, all, "")
}

func (s *Server) getSetting(c *fiber.Ctx, who caller) error {
	key, err := pathName(c, "key")
	if err != nil {
		return err
	}
	setting, err := s.cfg.Store.Setting(c.UserContext(), who.Actor, key)
	if err != nil {
		return err
	}
	return ok(c, setting)
}

func (s *Server) putSetting(c *fiber.Ctx, who caller) error {
	key, err := pathName(c, "key")
	if err != nil {
		return err
	}
	var in wire.SettingPut
	if err := decode(c, &in); err != nil {
		return err
	}
	if len(bytes.TrimSpace(in.Value)) == 0 || string(bytes.TrimSpace(in.Value)) == "null" {
		return core.Invalid("value", "is missing; DELETE makes the default hold again")
	}
	if err := ifMatch(c, &in.Revision); err != nil {
		return err
	}
	if err := s.cfg.Advisor.CheckSetting(key, in.Value); err != nil {
		return err
	}
	setting, err := s.cfg.Store.PutSetting(c.UserContext(), who.Actor, key, in.Value, in.Revision)
	if err != nil {
		return err
	}
	return ok(c, setting)
}

// resetSetting makes the default hold again.
func (s *Server) resetSetting(c *fiber.Ctx, who caller) error {
	key, err := pathName(c, "key")
	if err != nil {
		return err
	}
	setting, err := s.cfg.Store.ResetSetting(c.UserContext(), who.Actor, key)
	if err != nil {
		return err
	}
	return ok(c, setting)
}

// eventKinds are what events can be about.
var eventKinds = []string{"cluster", "config", "deployment", "namespace", "node", "pack", "pod", "priority_class", "user"}

func (s *Server) listEvents(c *fiber.Ctx, who caller) error {
	f := wire.EventFilter{}
	var err error
	if f.Kind, err = queryOneOf(c, "kind", eventKinds...); err != nil {
		return err
	}
	if f.Type, err = queryOneOf(c, "type", "Normal", "Warning"); err != nil {
		return err
	}
	if f.ObjectID, err = queryID(c, "objectId"); err != nil {
		return err
	}
	for key, into := range map[string]*string{"objectName": &f.ObjectName, "namespace": &f.Namespace, "reason": &f.Reason} {
		if *into, err = queryText(c, key); err != nil {
			return err
		}
	}
	if since := c.Query("since"); since != "" {
		if f.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return core.Invalid("since", `must be a time like "2026-11-25T12:00:00Z"`)
		}
	}
	limit, err := queryInt(c, "limit", wire.DefaultLimit, 1, wire.MaxLimit)
	if err != nil {
		return err
	}
	f.Limit = int(limit)
	if cursor := c.Query("cursor"); cursor != "" {
		if f.Before, err = strconv.ParseInt(cursor, 10, 64); err != nil || f.Before < 1 {
			return core.Invalid("cursor", "is not a cursor of this server")
		}
	}
	events, next, err := s.cfg.Store.ListEvents(c.UserContext(), who.Actor, f)
	if err != nil {
		return err
	}
	return list(c, events, next)
}
