package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// ok answers with a thing. Its revision is its ETag: who has it already is told that nothing has changed.
func ok(c *fiber.Ctx, data any) error {
	if tag := tagOf(data); tag != "" {
		c.Set(fiber.HeaderETag, tag)
		if c.Method() == fiber.MethodGet && strings.TrimPrefix(c.Get(fiber.HeaderIfNoneMatch), "W/") == tag {
			return c.SendStatus(fiber.StatusNotModified)
		}
	}
	return c.JSON(wire.Success{Success: true, Data: data})
}

// tagOf is the ETag of a thing whose changes are numbered, else "".
func tagOf(data any) string {
	if thing, is := data.(wire.Revised); is {
		return `"` + strconv.FormatInt(thing.GetRevision(), 10) + `"`
	}
	return ""
}

// ifMatch takes the revision that a change is meant for from If-Match, when the body does not say it. "*" is any.
func ifMatch(c *fiber.Ctx, revision **int64) error {
	tag := strings.TrimSpace(c.Get(fiber.HeaderIfMatch))
	if tag == "" || tag == "*" {
		return nil
	}
	text, quoted := strings.CutPrefix(tag, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !quoted || !closed {
		return core.Errorf(core.CodeValidation, "If-Match must be one ETag, as a GET has given it")
	}
	if *revision != nil && **revision != n {
		return core.Invalid("revision", "is not that of If-Match")
	}
	*revision = &n
	return nil
}

// once has the request carried out at most once, when it carries an Idempotency-Key. replayed sets the header that says that it had been before.
func once(c *fiber.Ctx) (ctx context.Context, replayed func(), err error) {
	ctx, replayed = c.UserContext(), func() {}
	key := c.Get(headerIdempotency)
	if key == "" {
		return ctx, replayed, nil
	}
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, nil, core.Errorf(core.CodeValidation, "Idempotency-Key must be 1 to 255 printable characters")
	}
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(c.Method()), []byte(c.Path()), c.Request().Body()} {
		_ = binary.Write(sum, binary.BigEndian, int64(len(part))) // a hash takes everything
		sum.Write(part)
	}
	o := &wire.Once{Key: strings.Clone(key), Request: hex.EncodeToString(sum.Sum(nil))}
	return wire.WithOnce(ctx, o), func() {
		if o.Replayed {
			c.Set(headerReplayed, "true")
		}
	}, nil
}

const (
	headerIdempotency = "Idempotency-Key"
	headerReplayed    = "Idempotency-Replayed"
)

func created(c *fiber.Ctx, location string, data any) error {
	c.Set(fiber.HeaderLocation, location)
	if tag := tagOf(data); tag != "" {
		c.Set(fiber.HeaderETag, tag)
	}
	return c.Status(fiber.StatusCreated).JSON(wire.Success{Success: true, Data: data})
}

// list answers with one page; an empty one is [], never null.
func list[T any](c *fiber.Ctx, items []T, next string) error {
	if items == nil {
		items = []T{}
	}
	return c.JSON(wire.Success{Success: true, Data: items, Page: &wire.Page{Next: next}})
}
