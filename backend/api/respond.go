package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/wire"
)

func ok(c *fiber.Ctx, data any) error { return c.JSON(wire.Success{Success: true, Data: data}) }

func created(c *fiber.Ctx, location string, data any) error {
	c.Set(fiber.HeaderLocation, location)
	return c.Status(fiber.StatusCreated).JSON(wire.Success{Success: true, Data: data})
}

// list answers with one page; an empty one is [], never null.
func list[T any](c *fiber.Ctx, items []T, next string) error {
	if items == nil {
		items = []T{}
	}
	return c.JSON(wire.Success{Success: true, Data: items, Page: &wire.Page{Next: next}})
}
