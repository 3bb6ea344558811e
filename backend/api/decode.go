package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/stark-o/stark/backend/core"
)

// decode reads the body, one JSON object, into v. It is strict: another content type, unknown fields and anything after the object are refused,
// so that a misspelled field is an answer and not a surprise.
func decode(c *fiber.Ctx, v any) error {
	media, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEApplicationJSON {
		return core.Errorf(core.CodeUnsupported, "the body must be JSON").WithHint("Send Content-Type: application/json.")
	}
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return core.Errorf(core.CodeUnsupported, "the body must not be compressed")
	}
	// Not c.Body(), which would unpack compressed bodies past the limit.
	body := c.Request().Body()
	if len(bytes.TrimSpace(body)) == 0 {
		return core.Errorf(core.CodeValidation, "the body is empty; a JSON object is needed")
	}
	if bytes.TrimSpace(body)[0] != '{' {
		return core.Errorf(core.CodeValidation, "the body must be a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return core.Errorf(core.CodeValidation, "there is something after the JSON object")
	}
	return nil
}

// jsonError says what is wrong with a body, without quoting its values.
func jsonError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return core.Errorf(core.CodeValidation, "not valid JSON at byte %d", syntax.Offset).WithCause(err)
	case errors.As(err, &kind):
		return core.Invalid(fieldName(kind.Field), "must be %s, not %s", jsonKind(kind.Type.Kind().String()), kind.Value).WithCause(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return core.Errorf(core.CodeValidation, "the JSON ends too early").WithCause(err)
	}
	// encoding/json has no type for this one.
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		field := strings.Trim(name, `"`)
		return core.Invalid(field, "there is no such field").WithCause(err)
	}
	return core.Errorf(core.CodeValidation, "not valid JSON for this request").WithCause(err)
}

// fieldName is a field as the client wrote it: encoding/json puts the Go name of an embedded struct in front, and no field of ours
// begins with a capital.
func fieldName(path string) string {
	if first, rest, nested := strings.Cut(path, "."); nested && first[:1] >= "A" && first[:1] <= "Z" {
		return rest
	}
	return path
}

// jsonKind says a Go kind in JSON's words.
func jsonKind(kind string) string {
	switch kind {
	case "map", "struct":
		return "an object"
	case "slice", "array":
		return "an array"
	case "string":
		return "a string"
	case "bool":
		return "a boolean"
	case "int", "int32", "int64":
		return "a whole number"
	}
	return "another type"
}
