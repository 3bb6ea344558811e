package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// pathID reads :id as a UUID. Anything else cannot be the id of something that exists.
func pathID(c *fiber.Ctx, what string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Params("id"))
	if err != nil || len(c.Params("id")) != 36 {
		return uuid.Nil, core.Invalid("id", "the id of a %s is a UUID", what)
	}
	return id, nil
}

// pathName reads a path parameter that may be escaped.
func pathName(c *fiber.Ctx, param string) (string, error) {
	name, err := url.PathUnescape(c.Params(param))
	if err != nil || strings.ContainsRune(name, 0) {
		return "", core.Invalid(param, "not a name")
	}
	return name, nil
}

// queryID reads an optional UUID.
func queryID(c *fiber.Ctx, key string) (*uuid.UUID, error) {
	raw := c.Query(key)
	if raw == "" {
		return nil, nil
	}
	id, err := uuid.Parse(raw)
	if err != nil || len(raw) != 36 {
		return nil, core.Invalid(key, "must be a UUID")
	}
	return &id, nil
}

// queryText reads an optional text that is compared with a column.
func queryText(c *fiber.Ctx, key string) (string, error) {
	raw := c.Query(key)
	if len(raw) > 256 || strings.ContainsRune(raw, 0) {
		return "", core.Invalid(key, "must be at most 256 characters of text")
	}
	return raw, nil
}

// queryOneOf reads an optional word of a fixed set.
func queryOneOf[T ~string](c *fiber.Ctx, key string, allowed ...T) (T, error) {
	raw := T(c.Query(key))
	if raw == "" || slices.Contains(allowed, raw) {
		return raw, nil
	}
	return "", core.Invalid(key, "must be %s", oneOf(allowed))
}

// queryInt reads an optional whole number within bounds.
func queryInt(c *fiber.Ctx, key string, fallback, lowest, highest int64) (int64, error) {
	raw := c.Query(key)
	if raw == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || n < lowest || n > highest {
		return 0, core.Invalid(key, "must be a whole number from %d to %d", lowest, highest)
	}
	return n, nil
}

// querySlice reads limit and cursor.
func querySlice(c *fiber.Ctx) (wire.Slice, error) {
	limit, err := queryInt(c, "limit", wire.DefaultLimit, 1, wire.MaxLimit)
	if err != nil {
		return wire.Slice{}, err
	}
	after, err := wire.ParseCursor(c.Query("cursor"))
	if err != nil {
		return wire.Slice{}, core.Invalid("cursor", "must be the page.next of an earlier answer").WithCause(err)
	}
	return wire.Slice{Limit: int(limit), After: after}, nil
}
