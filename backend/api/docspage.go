package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

//go:embed docspage.html docspage.css
var docsPage embed.FS

// The page is rendered here, once: it has no script and asks no other host.
const docsPolicy = "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// docsRoutes serves the description of the API for programs, at /openapi.json, and for people, at /docs.
func (s *Server) docsRoutes() error {
	raw, err := document(s.cfg.Info.Version, operations)
	if err != nil {
		return err
	}
	page, err := renderDocs(s.cfg.Info.Version)
	if err != nil {
		return fmt.Errorf("api: the page at /docs: %w", err)
	}
	style, err := docsPage.ReadFile("docspage.css")
	if err != nil {
		return fmt.Errorf("api: the page at /docs: %w", err)
	}
	for path, file := range map[string]pageFile{
		"/openapi.json":  {kind: fiber.MIMEApplicationJSON, shared: true, body: raw},
		"/docs":          {kind: typeHTML, policy: docsPolicy, body: page},
		"/docs/page.css": {kind: typeCSS, body: style},
	} {
		sum := sha256.Sum256(file.body)
		file.tag = `"` + hex.EncodeToString(sum[:16]) + `"`
		s.app.Get(path, file.send)
	}
	return nil
}

// What the template takes.
type (
	docsGroup struct {
		Name       string
		Operations []docsOperation
	}
	docsOperation struct {
		ID, Method, Path, Summary, Body, Data string
		Public                                bool
		Status                                int
		Query                                 []docsParameter
		Refusals                              []docsRefusal
	}
	docsParameter struct{ Name, About string }
	docsRefusal   struct {
		Status int
		Code   string
	}
)

func renderDocs(version string) ([]byte, error) {
	page, err := template.ParseFS(docsPage, "docspage.html")
	if err != nil {
		return nil, err
	}
	var groups []docsGroup
	for _, op := range operations {
		if name := sectionOf(op); len(groups) == 0 || groups[len(groups)-1].Name != name {
			groups = append(groups, docsGroup{Name: name})
		}
		last := &groups[len(groups)-1]
		last.Operations = append(last.Operations, docsOf(op))
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{"Version": version, "Groups": groups})
	return out.Bytes(), err
}

func docsOf(op operation) docsOperation {
	out := docsOperation{ID: operationID(op), Method: op.method(), Path: op.path(), Summary: op.summary, Public: op.public, Status: op.success()}
	for _, p := range op.query {
		out.Query = append(out.Query, docsParameter{p.name, p.about})
	}
	for _, code := range op.refusals() {
		out.Refusals = append(out.Refusals, docsRefusal{statuses[code], string(code)})
	}
	if op.body != nil {
		out.Body = sketch(reflect.TypeOf(op.body))
	}
	if op.data != nil {
		out.Data = sketch(reflect.TypeOf(op.data))
	}
	return out
}

// sketch is a type for people: one field a line.
func sketch(t reflect.Type) string {
	made := schemas{components: map[string]schema{}}
	properties, names := map[string]schema{}, []string{}
	if t.Kind() != reflect.Struct {
		return "any JSON"
	}
	made.fields(t, false, properties, &names)
	lines := make([]string, 0, len(properties))
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if of, is := properties[name]; is {
			lines = append(lines, fmt.Sprintf("%-22s %s", name, say(of)))
			delete(properties, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) { // of embedded structs
		lines = append(lines, fmt.Sprintf("%-22s %s", name, say(properties[name])))
	}
	return strings.Join(lines, "\n")
}

func say(of schema) string {
	switch {
	case of["enum"] != nil:
		return strings.Trim(fmt.Sprint(of["enum"]), "[]")
	case of["format"] != nil:
		return fmt.Sprint(of["format"])
	case of["$ref"] != nil:
		return strings.TrimPrefix(fmt.Sprint(of["$ref"]), "#/components/schemas/")
	case of["type"] == "array":
		items, _ := of["items"].(schema)
		return "list of " + say(items)
	case of["type"] != nil:
		return strings.Trim(fmt.Sprint(of["type"]), "[]")
	}
	return "JSON"
}
