package api

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func (s *Server) packRoutes(r fiber.Router) {
	r.Post("/", s.as(s.createPack))
	r.Get("/", s.as(s.listPacks))
	r.Get("/:id", s.as(s.getPack))
	r.Patch("/:id", s.as(s.patchPack))
	r.Delete("/:id", s.as(s.deletePack))
}

// createPack registers a bundle that lies in Storage already. What it hashes to is measured here, never taken from the client.
func (s *Server) createPack(c *fiber.Ctx, who caller) error {
	var in wire.PackCreate
	if err := decode(c, &in); err != nil {
		return err
	}
	in.BundleSHA256 = strings.ToLower(in.BundleSHA256)
	if err := checkPack(&in, who); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.BundleTimeout)
	defer cancel()
	measured, err := s.measure(ctx, who, in.BundlePath)
	if err != nil {
		return err
	}
	if in.BundleSHA256 != "" && in.BundleSHA256 != measured.sha256 {
		return core.Invalid("bundleSha256", "the object in Storage hashes to %s", measured.sha256).WithHint("Upload the bundle again.")
	}
	in.BundleSHA256 = measured.sha256
	pack, err := s.cfg.Store.CreatePack(ctx, who.Actor, in, measured.size)
	if err != nil {
		return err
	}
	return created(c, "/api/packs/"+pack.ID.String(), pack)
}

func checkPack(in *wire.PackCreate, who caller) error {
	if in.BundleSHA256 != "" && !digest.MatchString(in.BundleSHA256) {
		return core.Invalid("bundleSha256", "must be 64 hexadecimal digits")
	}
	if len(in.Version) > 128 || !semantic.MatchString(in.Version) {
		return core.Invalid("version", `must be a semantic version without a leading v, for example "1.2.3"`)
	}
	return first(
		needName("name", in.Name),
		needOneOf("runtimeTag", in.RuntimeTag, core.TagNode, core.TagBrowser, core.TagUniversal),
		needOneOf("visibility", in.Visibility, "", "private", "public"),
		checkBundlePath(in.BundlePath, who),
		checkText("description", in.Description, 4096),
		rawOf("metadata", &in.Metadata, '{'),
	)
}

// checkBundlePath wants a plain path in the caller's own folder: the database would refuse another.
func checkBundlePath(path string, who caller) error {
	const field = "bundlePath"
	if path == "" || len(path) > 1024 {
		return core.Invalid(field, "must be the object's name in bucket %q, at most 1024 bytes", core.BundleBucket)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
			return core.Invalid(field, "must be a plain path without empty segments, dots and control characters")
		}
	}
	if folder := who.UserID.String() + "/"; !strings.HasPrefix(path, folder) {
		return core.Invalid(field, "must be in your own folder, %s", folder)
	}
	return nil
}

func (s *Server) listPacks(c *fiber.Ctx, who caller) error {
	name, err := queryText(c, "name")
	if err != nil {
		return err
	}
	part, err := querySlice(c)
	if err != nil {
		return err
	}
	packs, next, err := s.cfg.Store.ListPacks(c.UserContext(), who.Actor, wire.PackFilter{Name: name, Slice: part})
	if err != nil {
		return err
	}
	return list(c, packs, next)
}

func (s *Server) getPack(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pack")
	if err != nil {
		return err
	}
	pack, err := s.cfg.Store.Pack(c.UserContext(), who.Actor, id)
	if err != nil {
		return err
	}
	return ok(c, pack)
}

func (s *Server) deletePack(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pack")
	if err != nil {
		return err
	}
	if err := s.cfg.Store.DeletePack(c.UserContext(), who.Actor, id); err != nil {
		return err
	}
	return ok(c, nil)
}

// patchPack changes what may change of a registered version, and leaves what is not given.
func (s *Server) patchPack(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pack")
	if err != nil {
		return err
	}
	var in wire.PackPatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := rawOf("metadata", &in.Metadata, '{'); err != nil {
		return err
	}
	if in.Visibility == nil && in.Description == nil && in.Metadata == nil {
		return core.Errorf(core.CodeValidation, "nothing to change: give visibility, description or metadata")
	}
	if in.Visibility != nil {
		if err := needOneOf("visibility", *in.Visibility, "private", "public"); err != nil {
			return err
		}
	}
	if in.Description != nil {
		if err := checkText("description", *in.Description, 1000); err != nil {
			return err
		}
	}
	if err := ifMatch(c, &in.Revision); err != nil {
		return err
	}
	pack, err := s.cfg.Store.UpdatePack(c.UserContext(), who.Actor, id, in)
	if err != nil {
		return err
	}
	return ok(c, pack)
}
