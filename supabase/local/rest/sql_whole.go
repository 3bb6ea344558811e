package rest

import (
	"net/http"
	"strconv"
	"strings"
)

// whole is the one statement of a request: its source, the count that was asked for, and the body, made by Postgres. Columns: total, page,
// body, response.headers, response.status, location, inserted.
// Source: PostgREST src/PostgREST/Query/Statements.hs.
func (s *statement) whole(q *request, p *plan, maxRows int64) string {
	var source, rows, total string
	switch {
	case p.call != nil:
		source = s.call(p.call, p.extras())
		rows = s.read(p.root)
		total = s.total(q, p.root, maxRows)
	case p.mutation != nil:
		source = s.mutate(p.mutation)
		total = "null"
		if rows = "SELECT * FROM pgrst_source"; q.prefer.representation == "representation" {
			rows = s.read(p.root)
		}
	default:
		source = s.read(p.root)
		rows = "SELECT * FROM pgrst_source"
		total = s.total(q, p.root, maxRows)
	}
	const current = ", nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')"
	return "WITH pgrst_source AS (" + source + ") SELECT " + total + ", pg_catalog.count(_postgrest_t), " + s.body(q, p) + current + ", " +
		s.location(q, p) + ", nullif(current_setting('pgrst.inserted', true), '') FROM (" + rows + ") _postgrest_t"
}

// extras are columns of select that a function's rows do not have by themselves: computed ones.
func (p *plan) extras() (names []string) {
	if p.table == nil {
		return nil
	}
	for _, item := range p.root.items {
		if item.name != "*" && p.table.column(item.name) == nil {
			names = append(names, item.name)
		}
	}
	return names
}

func (s *statement) total(q *request, root *node, maxRows int64) string {
	switch q.prefer.count {
	case "exact":
		return "(SELECT pg_catalog.count(*) FROM (" + s.count(root) + ") _)"
	case "estimated":
		return "(SELECT pg_catalog.count(*) FROM (" + s.count(root) + " LIMIT " + strconv.FormatInt(maxRows+1, 10) + ") _)"
	}
	return "null"
}

// body is the expression that makes the answer's text.
func (s *statement) body(q *request, p *plan) string {
	if q.head || (p.mutation != nil && q.prefer.representation != "representation") || (p.call != nil && p.call.f.void) {
		return "''"
	}
	if q.media.kind == "csv" {
		return csvBody
	}
	row, single, empty := "_postgrest_t", q.media.kind == "object", "'[]'"
	if p.call != nil {
		if p.call.f.scalar() {
			row = "_postgrest_t.pgrst_scalar"
		}
		single = single || !p.call.f.set
	}
	text := "json_agg(" + row + ")"
	if single {
		text, empty = text+"->0", "'null'"
	}
	if q.media.strip {
		text = "json_strip_nulls(" + text + ")"
	}
	return "coalesce(" + text + ", " + empty + ")"
}

// csvBody is PostgREST's: a header from the first row's names, and the rows as Postgres writes them.
const csvBody = `(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT json_object_keys(r)::text AS k FROM (SELECT row_to_json(hh) AS r FROM pgrst_source AS hh LIMIT 1) s) a)
	|| chr(10) || coalesce(string_agg(substring(_postgrest_t::text, 2, length(_postgrest_t::text) - 2), chr(10)), '')`

// location is the key of the one new row, as JSON.
func (s *statement) location(q *request, p *plan) string {
	if p.mutation == nil || q.method != http.MethodPost || q.prefer.representation != "headers-only" || len(p.table.primary) == 0 {
		return "null"
	}
	var pairs []string
	for _, name := range p.table.primary {
		pairs = append(pairs, s.arg(name)+"::text, min(_postgrest_t."+quote(name)+"::text)")
	}
	return "CASE WHEN pg_catalog.count(_postgrest_t) = 1 THEN json_build_object(" + strings.Join(pairs, ", ") + ") END"
}
