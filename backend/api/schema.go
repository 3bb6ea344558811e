package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// schema is a JSON Schema (2020-12), as OpenAPI 3.1 uses it.
type schema map[string]any

// enums are the words that a named type admits.
var enums = map[reflect.Type][]any{
	reflect.TypeFor[core.PodStatus]():  words(core.PodStatuses),
	reflect.TypeFor[core.Runtime]():    words([]core.Runtime{core.RuntimeNode, core.RuntimeBrowser}),
	reflect.TypeFor[core.RuntimeTag](): words([]core.RuntimeTag{core.TagNode, core.TagBrowser, core.TagUniversal}),
	reflect.TypeFor[core.NodeStatus](): words([]core.NodeStatus{core.NodeHealthy, core.NodeUnknown, core.NodeUnhealthy}),
	reflect.TypeFor[core.Access]():     words([]core.Access{core.AccessShared, core.AccessPrivate}),
}

func words[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// schemas makes the components of the document out of the wire types, each under its own name.
type schemas struct {
	components map[string]schema
	needed     map[reflect.Type][]string // fields without which a body is refused
}

// of is the schema of t. A body's objects take no fields that they do not name, as decode does; an answer's have every field that is never left out.
func (s schemas) of(t reflect.Type, body bool) schema {
	if values, ok := enums[t]; ok {
		return schema{"type": "string", "enum": values}
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case reflect.TypeFor[uuid.UUID]():
		return schema{"type": "string", "format": "uuid"}
	case reflect.TypeFor[json.RawMessage]():
		return schema{} // any JSON
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.nullable(s.of(t.Elem(), body))
	case reflect.Struct:
		return s.ref(t, body)
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": s.of(t.Elem(), body)}
	case reflect.Slice, reflect.Array:
		return schema{"type": "array", "items": s.of(t.Elem(), body)}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return schema{"type": "integer"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.String:
		return schema{"type": "string"}
	}
	return schema{}
}

func (s schemas) nullable(of schema) schema {
	if of["enum"] == nil {
		if kind, plain := of["type"].(string); plain {
			of["type"] = []string{kind, "null"}
			return of
		}
	}
	return schema{"anyOf": []schema{of, {"type": "null"}}}
}

// ref puts an object among the components and refers to it.
func (s schemas) ref(t reflect.Type, body bool) schema {
	name := t.Name()
	if name == "" {
		return s.object(t, body)
	}
	if body && !strings.HasSuffix(name, "Create") && !strings.HasSuffix(name, "Patch") {
		name += "Input" // the same type in an answer promises more
	}
	if _, done := s.components[name]; !done {
		s.components[name] = nil // before its fields: it may hold itself
		s.components[name] = s.object(t, body)
	}
	return schema{"$ref": "#/components/schemas/" + name}
}

func (s schemas) object(t reflect.Type, body bool) schema {
	properties, required := map[string]schema{}, []string{}
	s.fields(t, body, properties, &required)
	out := schema{"type": "object", "properties": properties}
	if body {
		required = s.needed[t]
		out["additionalProperties"] = false
	}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// fields reads a struct as encoding/json does: embedded structs lie flat in it.
func (s schemas) fields(t reflect.Type, body bool, properties map[string]schema, required *[]string) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" {
			s.fields(field.Type, body, properties, required)
			continue
		}
		if name == "-" || name == "" || !field.IsExported() {
			continue
		}
		properties[name] = s.of(field.Type, body)
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		}
	}
}
