package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is a response before it is written.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) write(w http.ResponseWriter) error {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
	return nil
}

// respond makes the response of what the database answered.
// Source: PostgREST src/PostgREST/Response.hs.
func (s *Server) respond(q *request, p *plan, out *outcome) (*answer, error) {
	a := &answer{status: http.StatusOK, header: http.Header{}, body: out.body}
	switch {
	case p.mutation != nil:
		a.mutated(q, p, out)
	case p.call != nil && p.call.f.void:
		a.status, a.body = http.StatusNoContent, nil // of no rows, so there is no range of them
		a.applied(q, "count", "tx", "handling", "max-affected")
	default:
		if err := a.ranged(q, out); err != nil {
			return nil, err
		}
		a.typed(s, q)
		if p.call == nil {
			location := "/" + q.target
			if q.params.canonical != "" {
				location += "?" + q.params.canonical
			}
			a.header.Set("Content-Location", location)
		}
		a.applied(q, "count", "tx", "handling", "max-affected")
	}
	if p.mutation != nil && q.prefer.representation == "representation" {
		a.typed(s, q)
	}
	return a, a.override(out)
}

// typed says what the body is, and of which schema where there are several.
func (a *answer) typed(s *Server, q *request) {
	a.header.Set("Content-Type", q.media.text)
	if len(s.cfg.Schemas) > 1 {
		a.header.Set("Content-Profile", q.schema)
	}
}

func (a *answer) applied(q *request, names ...string) {
	if text := q.prefer.applied(names...); text != "" {
		a.header.Set("Preference-Applied", text)
	}
}

// ranged says which rows of how many these are.
func (a *answer) ranged(q *request, out *outcome) error {
	lower := q.window.offset
	upper := lower + out.page - 1
	a.header.Set("Content-Range", contentRange(lower, upper, out.total))
	if out.total == nil {
		return nil
	}
	switch {
	case lower > *out.total:
		e := errRange("An offset of " + strconv.FormatInt(lower, 10) + " was requested, but there are only " + strconv.FormatInt(*out.total, 10) + " rows.")
		e.Header = map[string]string{"Content-Range": contentRange(1, 0, out.total)}
		return e
	case out.page < *out.total:
		a.status = http.StatusPartialContent
	}
	return nil
}

func contentRange(lower, upper int64, total *int64) string {
	of := "*"
	if total != nil {
		of = strconv.FormatInt(*total, 10)
	}
	if lower > upper || of == "0" {
		return "*/" + of
	}
	return strconv.FormatInt(lower, 10) + "-" + strconv.FormatInt(upper, 10) + "/" + of
}

func (a *answer) mutated(q *request, p *plan, out *outcome) {
	var total *int64
	if q.prefer.count == "exact" || q.prefer.count == "estimated" {
		total = &out.page
	}
	full := q.prefer.representation == "representation"
	if a.status = http.StatusNoContent; full {
		a.status = http.StatusOK
	} else {
		a.body = nil
	}
	switch q.method {
	case http.MethodPost:
		a.status = http.StatusCreated
		if p.mutation.merges() && (out.inserted == nil || *out.inserted <= 0) {
			a.status = http.StatusOK
		}
		a.header.Set("Content-Range", contentRange(1, 0, total))
		a.located(q, p, out)
		names := []string{"missing", "return", "count", "tx", "handling"}
		if len(p.table.primary) > 0 || q.params.onConflict != nil {
			names = append(names, "resolution")
		}
		a.applied(q, names...)
	case http.MethodPut:
		if full && out.inserted != nil && *out.inserted > 0 {
			a.status = http.StatusCreated
		}
		a.applied(q, "return", "count", "tx", "handling")
	case http.MethodPatch:
		a.header.Set("Content-Range", contentRange(0, out.page-1, total))
		a.applied(q, "missing", "return", "count", "tx", "handling", "max-affected")
	default:
		a.header.Set("Content-Range", contentRange(1, 0, total))
		a.applied(q, "return", "count", "tx", "handling", "max-affected")
	}
}

// located says where a single new row is.
func (a *answer) located(q *request, p *plan, out *outcome) {
	var key map[string]*string
	if json.Unmarshal(out.location, &key) != nil || len(key) == 0 {
		return
	}
	var parts []string
	for _, name := range p.table.primary {
		value := "is.null"
		if key[name] != nil {
			value = "eq." + *key[name]
		}
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	a.header.Set("Location", "/"+q.target+"?"+strings.Join(parts, "&"))
}

// override lets SQL have its way with status and headers: the settings response.status and response.headers.
func (a *answer) override(out *outcome) error {
	if out.headers != "" {
		var list []map[string]string
		if err := json.Unmarshal([]byte(out.headers), &list); err != nil {
			return fail(http.StatusInternalServerError, "PGRST111",
				"response.headers guc must be a JSON array composed of objects with a single key and a string value")
		}
		set := http.Header{}
		for _, one := range list {
			for name, value := range one {
				set.Add(name, value)
			}
		}
		for name, values := range set {
			a.header[name] = values
		}
	}
	if out.status != "" {
		status, err := strconv.Atoi(out.status)
		if err != nil || status < 200 || status > 999 {
			return fail(http.StatusInternalServerError, "PGRST112", "response.status guc must be a valid status code")
		}
		a.status = status
	}
	return nil
}

// options says what may be done with a target.
func (c *catalog) options(q *request) (*answer, error) {
	allow := "OPTIONS,GET,HEAD"
	switch {
	case q.root:
	case q.call:
		found := c.schemas[q.schema].functions[q.target]
		if len(found) == 0 {
			return nil, c.noFunction(q, nil, false)
		}
		if allow = "OPTIONS,GET,HEAD,POST"; found[0].volatile {
			allow = "OPTIONS,POST"
		}
	default:
		t := c.table(q.schema, q.target)
		if t == nil {
			return nil, errTable(q.schema, q.target, similar(q.target, c.tableNames(q.schema)))
		}
		if t.insertable {
			allow += ",POST"
		}
		if t.insertable && t.updatable && len(t.primary) > 0 {
			allow += ",PUT"
		}
		if t.updatable {
			allow += ",PATCH"
		}
		if t.deletable {
			allow += ",DELETE"
		}
	}
	return &answer{status: http.StatusOK, header: http.Header{"Allow": {allow}, "Access-Control-Allow-Origin": {"*"}}}, nil
}

// writeError writes PostgREST's error body. What is no error of a request's is logged, and not told.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var e *Error
	switch {
	case errors.As(err, &e):
	case r.Context().Err() != nil:
		return // nobody is there to read it
	case errors.Is(err, context.DeadlineExceeded):
		e = fail(http.StatusGatewayTimeout, "57014", "canceling statement due to statement timeout")
	default:
		s.cfg.Log.Error("REST request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		e = fail(http.StatusServiceUnavailable, "PGRST001", "Database client error. Retrying the connection.")
	}
	for name, value := range e.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Proxy-Status", "PostgREST; error="+e.Code)
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(mustJSON(e)) // the client may be gone
	}
}
