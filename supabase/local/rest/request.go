package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds a payload; it is held in memory, and goes to Postgres as one parameter.
const maxBody = 64 << 20

// request is what was asked for, as far as that can be told without the catalog.
type request struct {
	method  string
	schema  string
	target  string // a table, or a function
	call    bool   // target is a function
	root    bool   // there is none: the document about the schema is asked for
	head    bool
	prefer  *preferences
	media   media
	params  *params
	payload *payload // of what has one
	body    []byte   // of a call whose body is no JSON
	content string
	window  window // of the root
}

// read tells whether the request only reads a table.
func (q *request) read() bool { return !q.call && (q.method == http.MethodGet || q.head) }

// direct tells whether a function's arguments are in the query string.
func (q *request) direct() bool { return q.call && (q.method == http.MethodGet || q.head) }

// parseRequest understands everything but the payload, which is read only for those who may send one.
func (s *Server) parseRequest(r *http.Request) (*request, *Error) {
	q := &request{method: r.Method, head: r.Method == http.MethodHead, prefer: parsePreferences(r.Header), window: everything}
	if err := q.aim(r.URL.Path); err != nil {
		return nil, err
	}
	if err := q.checkMethod(); err != nil {
		return nil, err
	}
	var err *Error
	if q.schema, err = s.profile(r); err != nil {
		return nil, err
	}
	if q.params, err = parseParams(r.URL.RawQuery, q.direct()); err != nil {
		return nil, err
	}
	if q.method == http.MethodOptions {
		return q, nil
	}
	if q.media, err = negotiate(r.Header, q.root); err != nil {
		return nil, err
	}
	if q.prefer.handling == "strict" && len(q.prefer.invalid) > 0 {
		return nil, errPreferences(q.prefer.invalid)
	}
	return q, q.frame(r.Header)
}

// aim reads the path: /table or /rpc/function.
func (q *request) aim(path string) *Error {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	switch parts := strings.Split(path, "/"); {
	case len(parts) == 1 && parts[0] != "":
		q.target = parts[0]
	case len(parts) == 2 && parts[0] == "rpc" && parts[1] != "":
		q.target, q.call = parts[1], true
	case path == "":
		q.root = true
	default:
		return errPath
	}
	return nil
}

func (q *request) checkMethod() *Error {
	switch q.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	case http.MethodPost:
		if !q.root {
			return nil
		}
	case http.MethodPatch, http.MethodPut, http.MethodDelete:
		if q.root {
			break
		}
		if q.call {
			return errRPCMethod(q.method)
		}
		return nil
	}
	return errMethod(q.method)
}

// profile is the schema that a header asks for: Accept-Profile where something is read, Content-Profile where something is sent.
func (s *Server) profile(r *http.Request) (string, *Error) {
	header := "Content-Profile"
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		header = "Accept-Profile"
	}
	name := r.Header.Get(header)
	if name == "" {
		return s.cfg.Schemas[0], nil
	}
	if !slices.Contains(s.cfg.Schemas, name) {
		return "", errSchema(name, s.cfg.Schemas)
	}
	return name, nil
}

// frame joins limit and offset with the header Range, which only GET has.
func (q *request) frame(h http.Header) *Error {
	for _, w := range q.params.windows {
		if len(w.path) == 0 {
			q.window = w.what
		}
	}
	if q.method == http.MethodPut && q.window != everything {
		return errPutLimit
	}
	if q.method != http.MethodGet {
		return nil
	}
	asked, found, err := parseRange(h.Get("Range"))
	if err != nil || !found {
		return err
	}
	q.window = q.window.within(asked)
	return nil
}

// parseRange reads "0-9", "10-" and "-9". What is no range counts as none.
func parseRange(text string) (w window, found bool, err *Error) {
	text = strings.TrimPrefix(text, "items=")
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		return everything, false, nil
	}
	w = everything
	if first != "" {
		n, bad := strconv.ParseInt(first, 10, 64)
		if bad != nil || n < 0 {
			return everything, false, nil
		}
		w.offset = n
	}
	if last == "" {
		return w, first != "", nil
	}
	n, bad := strconv.ParseInt(last, 10, 64)
	if bad != nil || n < 0 {
		return everything, false, nil
	}
	if n < w.offset {
		return everything, false, errRange("The lower boundary must be lower than or equal to the upper boundary in the Range header.")
	}
	w.limit = n - w.offset + 1
	return w, true, nil
}

// within is what both windows show.
func (w window) within(other window) window {
	out := window{limit: -1, offset: max(w.offset, other.offset)}
	for _, each := range []window{w, other} {
		if each.limit < 0 {
			continue
		}
		left := max(0, each.offset+each.limit-out.offset)
		if out.limit < 0 || left < out.limit {
			out.limit = left
		}
	}
	return out
}
