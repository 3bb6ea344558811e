package rest

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// call is a function and what it is called with.
type call struct {
	f    *function
	keys []string
	// the arguments, one of these
	direct  [][2]string // from the query string
	payload *payload    // from JSON
	body    []byte      // the whole body as the one argument
	whole   bool        // body counts
}

// resolveCall finds the function that the arguments fit.
// Source: PostgREST src/PostgREST/Plan.hs, findProc.
func (c *catalog) resolveCall(q *request) (*call, *Error) {
	var keys []string
	switch {
	case q.direct():
		for _, pair := range q.params.arguments {
			if !slices.Contains(keys, pair[0]) {
				keys = append(keys, pair[0])
			}
		}
	case q.payload != nil:
		keys = q.payload.keys
	}
	post := !q.direct()
	var named, single []*function
	for _, f := range c.schemas[q.schema].functions[q.target] {
		switch {
		case f.takes(keys) && (!post || len(f.params) > 0 || q.content == contentJSON || q.content == contentForm):
			named = append(named, f)
		case post && f.takesBody(q.content):
			single = append(single, f)
		}
	}
	found := named
	if len(found) == 0 {
		found = single
	}
	switch len(found) {
	case 0:
		return nil, c.noFunction(q, keys, post)
	case 1:
		whole := len(named) == 0
		return &call{f: found[0], keys: keys, direct: q.params.arguments, payload: q.payload, body: q.body, whole: whole}, nil
	}
	return nil, ambiguousCall(found)
}

// takes tells whether keys are all required parameters, and none that there is not.
func (f *function) takes(keys []string) bool {
	required := 0
	for _, p := range f.params {
		if p.required {
			required++
			if !slices.Contains(keys, p.name) {
				return false
			}
		}
	}
	for _, key := range keys {
		if !slices.ContainsFunc(f.params, func(p param) bool { return p.name == key && key != "" }) {
			return false
		}
	}
	return true
}

// takesBody tells whether the one parameter, which has no name, is of the body's kind.
func (f *function) takesBody(content string) bool {
	if len(f.params) != 1 || f.params[0].name != "" {
		return false
	}
	switch typ := f.params[0].typ; content {
	case contentJSON:
		return typ == "json" || typ == "jsonb"
	case "text/plain":
		return typ == "text"
	case "text/xml":
		return typ == "xml"
	case "application/octet-stream":
		return typ == "bytea"
	}
	return false
}

func (c *catalog) noFunction(q *request, keys []string, post bool) *Error {
	keys = slices.Sorted(slices.Values(keys))
	name := q.schema + "." + q.target
	with, searched := " without parameters", " without parameters"
	if len(keys) > 0 {
		with, searched = "("+strings.Join(keys, ", ")+")", " with parameter "+keys[0]
		if len(keys) > 1 {
			searched = " with parameters " + strings.Join(keys, ", ")
		}
	}
	if post {
		switch q.content {
		case contentJSON:
			searched += " or with a single unnamed json/jsonb parameter"
		case "text/plain":
			with, searched = "", " with a single unnamed text parameter"
		case "text/xml":
			with, searched = "", " with a single unnamed xml parameter"
		case "application/octet-stream":
			with, searched = "", " with a single unnamed bytea parameter"
		}
	}
	e := fail(http.StatusNotFound, "PGRST202", "Could not find the function "+name+with+" in the schema cache")
	e.Details = "Searched for the function " + name + searched + ", but no matches were found in the schema cache."
	if with != "" {
		return e.with("", c.functionHint(q))
	}
	return e
}

func (c *catalog) functionHint(q *request) string {
	s := c.schemas[q.schema]
	const hint = "Perhaps you meant to call the function "
	if overloads := s.functions[q.target]; len(overloads) > 0 {
		return hint + q.schema + "." + q.target + "(" + strings.Join(overloads[0].sortedNames(), ", ") + ")"
	}
	all := make([]string, 0, len(s.functions))
	for name := range s.functions {
		all = append(all, name)
	}
	if name := similar(q.target, all); name != "" {
		return hint + q.schema + "." + name
	}
	return ""
}

func (f *function) sortedNames() []string {
	var names []string
	for _, p := range f.params {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

func ambiguousCall(found []*function) *Error {
	texts := make([]string, len(found))
	for i, f := range found {
		params := make([]string, len(f.params))
		for j, p := range f.params {
			params[j] = p.name + " => " + p.typ
		}
		texts[i] = f.schema + "." + f.name + "(" + strings.Join(params, ", ") + ")"
	}
	return fail(http.StatusMultipleChoices, "PGRST203", "Could not choose the best candidate function between: "+strings.Join(texts, ", ")).
		with("", "Try renaming the parameters or the function itself in the database so function overloading can be resolved")
}

// call is the query whose rows are what the function returns. Scalars are in the column pgrst_scalar.
// Source: PostgREST src/PostgREST/Query/QueryBuilder.hs, callPlanToQuery.
func (s *statement) call(c *call, extra []string) string {
	arguments, from := s.arguments(c)
	if c.f.rows {
		columns := "pgrst_call.*"
		for _, name := range extra {
			columns += ", pgrst_call." + quote(name)
		}
		if from != "" {
			return "SELECT " + columns + from + ", LATERAL " + c.f.ident() + "(" + arguments + ") pgrst_call"
		}
		return "SELECT " + columns + " FROM " + c.f.ident() + "(" + arguments + ") pgrst_call"
	}
	inner := "(SELECT " + c.f.ident() + "(" + arguments + ") AS pgrst_scalar) pgrst_call"
	if from != "" {
		return "SELECT pgrst_call.pgrst_scalar" + from + ", LATERAL " + inner
	}
	return "SELECT pgrst_call.pgrst_scalar FROM " + inner
}

// arguments are what stands in the call's parentheses, and the FROM that it takes its values from.
func (s *statement) arguments(c *call) (arguments, from string) {
	if c.whole {
		if c.f.params[0].typ == "bytea" {
			return "decode(" + s.arg(hex.EncodeToString(c.body)) + ", 'hex')", ""
		}
		return s.bytes(c.body) + "::" + c.f.params[0].typ, ""
	}
	var columns []*column
	var out []string
	for _, p := range c.f.params {
		if !slices.Contains(c.keys, p.name) {
			continue
		}
		before := ""
		if p.variadic {
			before = "VARIADIC "
		}
		value := "pgrst_body." + quote(p.name)
		if c.payload == nil {
			value = s.arg(c.argument(p)) + "::" + p.typ
		}
		out = append(out, before+quote(p.name)+" := "+value)
		columns = append(columns, &column{name: p.name, typ: p.typ})
	}
	if c.payload != nil && len(columns) > 0 {
		from = " FROM (SELECT " + s.bytes(c.payload.raw) + "::json AS json_data) pgrst_payload, LATERAL (" +
			recordset("json", "pgrst_payload.json_data", columns, c.payload.object) + " LIMIT 1) pgrst_body"
	}
	return strings.Join(out, ", "), from
}

// argument is the value of a parameter in the query string: of a variadic one all of them, else the last.
func (c *call) argument(p param) string {
	var values []string
	for _, pair := range c.direct {
		if pair[0] == p.name {
			values = append(values, pair[1])
		}
	}
	last := values[len(values)-1]
	if p.variadic && (len(values) > 1 || !strings.HasPrefix(last, "{")) {
		return arrayLiteral(values)
	}
	return last
}

// readCallBody reads what a function is called with by POST. JSON that is no object has no arguments by name.
func (q *request) readCallBody(r *http.Request) *Error {
	q.content = contentType(r)
	body, err := readBody(r, maxBody)
	if err != nil {
		return err
	}
	q.body = body
	switch q.content {
	case contentForm:
		raw, err := formToJSON(body)
		if err != nil {
			return err
		}
		q.payload = &payload{raw: raw, content: q.content}
		return q.payload.inspect(q.params.columns)
	case contentJSON:
		if len(strings.TrimSpace(string(body))) == 0 {
			q.body = []byte("{}")
		}
		if !json.Valid(q.body) {
			return errBody("Empty or invalid json")
		}
		p := &payload{raw: q.body, content: q.content}
		if err := p.inspect(q.params.columns); err != nil {
			return nil //nolint:nilerr // an array or a scalar: for a function that takes JSON as it is
		}
		q.payload = p
		return nil
	case "text/plain", "text/xml", "application/octet-stream":
		return nil
	}
	return errBody("Content-Type not acceptable: " + q.content)
}
