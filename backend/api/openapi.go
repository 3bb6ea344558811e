package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

var pathParameter = regexp.MustCompile(`:(\w+)`)

// refusals are the codes that an operation may answer with: what its kind brings along, and its own.
func (o operation) refusals() []core.Code {
	codes := slices.Clone(o.refuses)
	if !o.static() {
		codes = append(codes, core.CodeUnavailable)
	}
	if !o.static() && o.route != "GET /ready" && o.route != "GET /ws" {
		codes = append(codes, core.CodeInternal)
	}
	if o.route != "GET /health" && o.route != "GET /ready" {
		codes = append(codes, core.CodeRateLimited)
	}
	if !o.public {
		codes = append(codes, core.CodeUnauthenticated)
	}
	if o.body != nil {
		codes = append(codes, core.CodeValidation, core.CodeTooLarge, core.CodeUnsupported)
	}
	if len(o.query) > 0 {
		codes = append(codes, core.CodeValidation)
	}
	if strings.Contains(o.route, "/:") {
		codes = append(codes, core.CodeNotFound)
	}
	if strings.Contains(o.route, "/:id") && !strings.Contains(o.route, "/nodes/") { // nodes go by name too
		codes = append(codes, core.CodeValidation)
	}
	if o.once {
		codes = append(codes, core.CodeKeyReused, core.CodeConflict)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// tagged says that the answer has an ETag, and that a GET which knows it is answered with 304.
func (o operation) tagged() bool { _, is := o.data.(wire.Revised); return is }

// guarded says that the change may be bound to the revision that the caller has read.
func (o operation) guarded() bool {
	if o.body == nil || o.method() == "POST" {
		return false
	}
	_, has := reflect.TypeOf(o.body).FieldByName("Revision")
	return has
}

// static says that the answer depends on nothing that could be away.
func (o operation) static() bool {
	return slices.Contains([]string{"GET /health", "GET /openapi.json", "GET /docs", "GET /api/info"}, o.route)
}

func (o operation) method() string { method, _, _ := strings.Cut(o.route, " "); return method }

// path is the route's path as OpenAPI writes it: /api/pods/{id}.
func (o operation) path() string {
	_, path, _ := strings.Cut(o.route, " ")
	return pathParameter.ReplaceAllString(path, "{$1}")
}

func (o operation) success() int {
	if o.status == 0 {
		return 200
	}
	return o.status
}

// document is OpenAPI 3.1 of these operations.
func document(version string, list []operation) ([]byte, error) {
	made := schemas{components: map[string]schema{}, needed: neededFields}
	failure := made.of(reflect.TypeFor[wire.Failure](), false)
	paths := map[string]map[string]any{}
	for _, op := range list {
		if paths[op.path()] == nil {
			paths[op.path()] = map[string]any{}
		}
		paths[op.path()][strings.ToLower(op.method())] = made.operation(op, failure)
	}
	raw, err := json.Marshal(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "Stark", "version": version, "license": map[string]any{"name": "MIT", "identifier": "MIT"},
			"description": "Runs JavaScript packs on Node.js servers and browser tabs. Every request runs as its caller, under row-level security."},
		"paths": paths,
		"components": map[string]any{
			"schemas":         made.components,
			"securitySchemes": map[string]any{"bearer": map[string]any{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("api: openapi: %w", err)
	}
	return raw, nil
}

func (s schemas) operation(op operation, failure schema) map[string]any {
	out := map[string]any{
		"summary": op.summary, "operationId": operationID(op), "tags": []string{sectionOf(op)}, "responses": s.responses(op, failure), "security": []map[string][]string{{"bearer": {}}},
	}
	if op.public {
		out["security"] = []map[string][]string{}
	}
	if parameters := s.parameters(op); len(parameters) > 0 {
		out["parameters"] = parameters
	}
	if op.body != nil {
		out["requestBody"] = map[string]any{"required": !op.optional, "content": content("application/json", s.of(reflect.TypeOf(op.body), true))}
	}
	return out
}

func (s schemas) parameters(op operation) (list []map[string]any) {
	for _, match := range pathParameter.FindAllStringSubmatch(op.route, -1) {
		list = append(list, map[string]any{"name": match[1], "in": "path", "required": true, "schema": schema{"type": "string"}})
	}
	for _, p := range op.query {
		of := s.of(reflect.TypeOf(p.kind), false)
		if p.enum != nil {
			of["enum"] = p.enum
		}
		list = append(list, map[string]any{"name": p.name, "in": "query", "description": p.about, "schema": of})
	}
	header := func(name, about string) {
		list = append(list, map[string]any{"name": name, "in": "header", "description": about, "schema": schema{"type": "string"}})
	}
	if op.once {
		header(headerIdempotency, "the same key and body again make nothing twice")
	}
	if op.guarded() {
		header("If-Match", "the ETag that the change is meant for")
	}
	if op.tagged() && op.method() == "GET" {
		header("If-None-Match", "an ETag that the caller has")
	}
	return list
}

// responses are the good answer and, by status, the bad ones.
func (s schemas) responses(op operation, failure schema) map[string]any {
	good := map[string]any{"description": op.summary}
	switch {
	case op.success() == 101:
	case op.media != "":
		good["content"] = content(op.media, schema{})
	default:
		good["content"] = content("application/json", s.envelope(op))
	}
	out := map[string]any{strconv.Itoa(op.success()): good}
	if op.tagged() && op.method() == "GET" {
		out["304"] = map[string]any{"description": "nothing has changed"}
	}
	byStatus := map[int][]string{}
	for _, code := range op.refusals() {
		byStatus[statuses[code]] = append(byStatus[statuses[code]], string(code))
	}
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		out[strconv.Itoa(status)] = map[string]any{"description": strings.Join(byStatus[status], " or "), "content": content("application/json", failure)}
	}
	return out
}

func (s schemas) envelope(op operation) schema {
	data := schema{"type": "null"}
	if op.data != nil {
		data = s.of(reflect.TypeOf(op.data), false)
	}
	properties := map[string]any{"success": schema{"const": true}, "data": data}
	required := []string{"success", "data"}
	if op.paged {
		properties["data"] = schema{"type": "array", "items": data}
		properties["page"] = s.of(reflect.TypeFor[wire.Page](), false)
		required = append(required, "page")
	}
	return schema{"type": "object", "properties": properties, "required": required}
}

func content(media string, of schema) map[string]any {
	return map[string]any{media: map[string]any{"schema": of}}
}

// operationID is a name for generated clients: getApiPodsId.
func operationID(op operation) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(op.method()))
	for word := range strings.FieldsFuncSeq(op.path(), func(r rune) bool { return strings.ContainsRune("/{}.-", r) }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// sectionOf is the resource that an operation belongs to.
func sectionOf(op operation) string {
	parts := strings.Split(strings.Trim(op.path(), "/"), "/")
	if parts[0] == "api" && len(parts) > 1 {
		return parts[1]
	}
	if parts[0] == "auth" {
		return "auth"
	}
	return "server"
}
