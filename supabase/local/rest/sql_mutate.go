package rest

import (
	"net/http"
	"slices"
	"strings"
)

// mutation is an insert, update, upsert or delete.
type mutation struct {
	q         *request
	table     *table
	columns   []*column // of the payload
	where     []logic
	conflict  []string // columns that may collide; with resolution
	resolve   string   // merge-duplicates, ignore-duplicates, ""
	returning []string // "*", or columns; empty: nothing
	put       bool
}

// planMutation checks the payload against the table.
func (c *catalog) planMutation(q *request, t *table, root *node) (*mutation, *Error) {
	m := &mutation{q: q, table: t, put: q.method == http.MethodPut, resolve: q.prefer.resolution}
	for _, f := range q.params.filters {
		if len(f.path) == 0 {
			m.where = append(m.where, logic{filter: &f.what})
		}
	}
	for _, tree := range q.params.logic {
		if len(tree.path) == 0 {
			m.where = append(m.where, tree.what)
		}
	}
	switch q.prefer.representation {
	case "representation":
		m.returning = root.needs()
	case "headers-only":
		m.returning = t.primary
	}
	if q.payload != nil {
		for _, name := range q.payload.keys {
			col := t.column(name)
			if col == nil {
				return nil, errColumn(t.name, name)
			}
			m.columns = append(m.columns, col)
		}
	}
	if m.conflict = q.params.onConflict; m.conflict == nil {
		m.conflict = t.primary
	}
	if m.put {
		return m, m.checkPut()
	}
	return m, m.checkWhere()
}

// checkPut insists that the filters are the primary key, each column of it once.
func (m *mutation) checkPut() *Error {
	var names []string
	for _, tree := range m.where {
		if f := tree.filter; f == nil || f.op != "eq" || f.not || f.any || f.all || len(f.path) > 0 || slices.Contains(names, f.name) {
			return errFilters()
		}
		names = append(names, tree.filter.name)
	}
	if len(names) == 0 || !sameSet(names, m.table.primary) {
		return errFilters()
	}
	m.resolve, m.conflict = "merge-duplicates", m.table.primary
	return nil
}

// checkWhere refuses to change a whole table, as the extension safeupdate does on hosted projects.
func (m *mutation) checkWhere() *Error {
	if len(m.where) > 0 {
		return nil
	}
	switch m.q.method {
	case http.MethodPatch:
		if len(m.columns) == 0 {
			return nil // it will not be an update
		}
		return fail(http.StatusBadRequest, "21000", "UPDATE requires a WHERE clause")
	case http.MethodDelete:
		return fail(http.StatusBadRequest, "21000", "DELETE requires a WHERE clause")
	}
	return nil
}

// mutate is the statement of a mutation.
// Source: PostgREST src/PostgREST/Query/QueryBuilder.hs, mutatePlanToQuery.
func (s *statement) mutate(m *mutation) string {
	switch m.q.method {
	case http.MethodPatch:
		return s.update(m)
	case http.MethodDelete:
		return "DELETE FROM " + m.table.ident() + s.mutationWhere(m) + m.returns()
	}
	return s.insert(m)
}

func (s *statement) insert(m *mutation) string {
	columns := ""
	if len(m.columns) > 0 {
		columns = " (" + names(m.columns, "") + ")"
	}
	text := "INSERT INTO " + m.table.ident() + columns + " SELECT " + names(m.columns, "pgrst_body.") + s.rows(m)
	var conditions []string
	if m.put {
		for _, tree := range m.where {
			conditions = append(conditions, s.filter(m.table, "pgrst_body", tree.filter))
		}
	}
	merge := m.merges()
	if merge {
		conditions = append(conditions, counted("+", "0"))
	}
	text += where(conditions)
	if m.resolve != "" && len(m.conflict) > 0 {
		keys := make([]string, len(m.conflict))
		for i, name := range m.conflict {
			keys[i] = quote(name)
		}
		text += " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO "
		if merge && len(m.columns) > 0 {
			text += "UPDATE SET " + assign(m.columns, "EXCLUDED.") + " WHERE " + counted("-", "-1")
		} else {
			text += "NOTHING"
		}
	}
	return text + m.returns()
}

// merges tells whether rows that are there are updated: without a key none can be.
func (m *mutation) merges() bool { return m.resolve == "merge-duplicates" && len(m.conflict) > 0 }

// counted keeps, in a setting of the transaction, how many rows were inserted and not updated. It is always true.
func counted(sign, never string) string {
	return "set_config('pgrst.inserted', (coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0) " + sign + " 1)::text, true) <> '" + never + "'"
}

func (s *statement) update(m *mutation) string {
	if len(m.columns) == 0 {
		// UPDATE has no form without columns; this has the same columns, and no rows.
		columns := "NULL"
		if len(m.returning) > 0 {
			columns = m.list(m.table.ident() + ".")
		}
		return "SELECT " + columns + " FROM " + m.table.ident() + " WHERE false"
	}
	return "UPDATE " + m.table.ident() + " SET " + assign(m.columns, "pgrst_body.") + s.rows(m) + s.mutationWhere(m) + m.returns()
}

func (s *statement) mutationWhere(m *mutation) string {
	all := make([]string, len(m.where))
	for i, tree := range m.where {
		all[i] = s.logic(&node{table: m.table, alias: m.table.ident()}, tree)
	}
	return where(all)
}

func (m *mutation) returns() string {
	if len(m.returning) == 0 {
		return " RETURNING 1"
	}
	return " RETURNING " + m.list(m.table.ident()+".")
}

func (m *mutation) list(prefix string) string {
	out := make([]string, len(m.returning))
	for i, name := range m.returning {
		if out[i] = prefix + "*"; name != "*" {
			out[i] = prefix + quote(name)
		}
	}
	return strings.Join(out, ", ")
}

// rows makes rows of the payload: FROM … pgrst_body.
func (s *statement) rows(m *mutation) string {
	p := m.q.payload
	defaults := m.q.prefer.missing == "default" && !m.put
	kind, source := "json", "pgrst_payload.json_data"
	if defaults {
		kind, source = "jsonb", "pgrst_defaults.val"
	}
	text := " FROM (SELECT " + s.bytes(p.raw) + "::" + kind + " AS json_data) pgrst_payload, "
	if defaults {
		text += s.defaults(m)
	}
	return text + "LATERAL (" + recordset(kind, source, m.columns, p.object) + ") pgrst_body"
}

// recordset reads columns out of JSON. Without columns it is as many empty rows.
func recordset(kind, source string, columns []*column, object bool) string {
	if len(columns) == 0 {
		if object {
			return "SELECT FROM (VALUES (1)) _"
		}
		return "SELECT FROM " + kind + "_array_elements(" + source + ") _"
	}
	function := kind + "_to_recordset"
	if object {
		function = kind + "_to_record"
	}
	typed := make([]string, len(columns))
	for i, col := range columns {
		typed[i] = quote(col.name) + " " + col.typ
	}
	return "SELECT " + names(columns, "") + " FROM " + function + "(" + source + ") AS _ (" + strings.Join(typed, ", ") + ")"
}

// defaults puts each column's default under what the payload says.
func (s *statement) defaults(m *mutation) string {
	var pairs []string
	for _, col := range m.columns {
		if col.byDefault != "" {
			pairs = append(pairs, s.arg(col.name)+"::text, "+col.byDefault)
		}
	}
	object := "jsonb_build_object(" + strings.Join(pairs, ", ") + ")"
	if m.q.payload.object {
		return "LATERAL (SELECT " + object + " || pgrst_payload.json_data AS val) pgrst_defaults, "
	}
	return "LATERAL (SELECT jsonb_agg(" + object + " || elem) AS val FROM jsonb_array_elements(pgrst_payload.json_data) elem) pgrst_defaults, "
}

func names(columns []*column, prefix string) string {
	out := make([]string, len(columns))
	for i, col := range columns {
		out[i] = prefix + quote(col.name)
	}
	return strings.Join(out, ", ")
}

func assign(columns []*column, from string) string {
	out := make([]string, len(columns))
	for i, col := range columns {
		out[i] = quote(col.name) + " = " + from + quote(col.name)
	}
	return strings.Join(out, ", ")
}
