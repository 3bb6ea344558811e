package rest

import (
	"strconv"
	"strings"
)

// statement gathers the parameters of a statement while its text is written. All are sent as text of unknown type, so that Postgres infers
// what it compares them with, as it does with literals.
type statement struct {
	c    *catalog
	args [][]byte
}

func (s *statement) arg(value string) string {
	s.args = append(s.args, []byte(value))
	return "$" + strconv.Itoa(len(s.args))
}

func (s *statement) bytes(value []byte) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// read is the query of a node, its embedded resources joined to it.
// Source: PostgREST src/PostgREST/Query/QueryBuilder.hs, readPlanToQuery.
func (s *statement) read(n *node) string {
	var selects, joins []string
	for _, item := range n.items {
		selects = append(selects, s.item(n, item))
	}
	for _, kid := range n.kids {
		joins = append(joins, s.join(kid))
		if shown := kid.shown(); shown != "" && !kid.silent() {
			selects = append(selects, shown)
		}
	}
	if len(selects) == 0 {
		selects = []string{n.alias + ".*"}
	}
	return "SELECT " + strings.Join(selects, ", ") + " FROM " + n.from + s.junction(n) + " " + strings.Join(joins, " ") +
		where(s.conditions(n, s.logic)) + s.orderBy(n) + s.windowed(n.window)
}

// conditions are a node's own filters, and what joins it to its parent.
func (s *statement) conditions(n *node, write func(*node, logic) string) (all []string) {
	for _, tree := range n.where {
		all = append(all, write(n, tree))
	}
	if n.rel == nil || n.rel.function != nil {
		return all
	}
	if j := n.rel.junction; j != nil {
		for _, p := range j.fromPairs {
			all = append(all, n.junctionAlias()+"."+quote(p.there)+" = "+n.parent.alias+"."+quote(p.here))
		}
		for _, p := range j.toPairs {
			all = append(all, n.junctionAlias()+"."+quote(p.there)+" = "+n.alias+"."+quote(p.here))
		}
		return all
	}
	for _, p := range n.rel.pairs {
		all = append(all, n.alias+"."+quote(p.there)+" = "+n.parent.alias+"."+quote(p.here))
	}
	return all
}

func (n *node) junctionAlias() string { return `"jun_` + n.agg[1:] }

// junction is the second table in FROM, of many-to-many.
func (s *statement) junction(n *node) string {
	if n.rel == nil || n.rel.junction == nil {
		return ""
	}
	return ", " + n.rel.junction.table.ident() + " AS " + n.junctionAlias()
}

func where(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// join is an embedded resource as a lateral subquery.
func (s *statement) join(kid *node) string {
	kind, on := "LEFT", "TRUE"
	if kid.item.join == joinInner {
		kind = "INNER"
	}
	query := s.read(kid)
	if !kid.rel.toOne() {
		columns := "json_agg(" + kid.agg + ") AS " + kid.agg
		if kid.item.spread {
			columns = kid.spreadColumns()
		}
		query = "SELECT " + columns + ", count(*) AS pgrst_rows FROM (" + query + ") AS " + kid.agg
		if kid.item.join == joinInner {
			on = kid.agg + ".pgrst_rows > 0"
		}
	}
	return kind + " JOIN LATERAL (" + query + ") AS " + kid.agg + " ON " + on
}

// shown is what an embedded resource adds to its parent's columns.
func (n *node) shown() string {
	switch {
	case n.item.spread:
		var out []string
		for _, name := range n.outputs() {
			out = append(out, n.agg+"."+quote(name))
		}
		return strings.Join(out, ", ")
	case n.rel.toOne():
		return "row_to_json(" + n.agg + ".*) AS " + quote(n.name)
	}
	return "COALESCE(" + n.agg + "." + n.agg + ", '[]') AS " + quote(n.name)
}

// spreadColumns makes an array of each column of a to-many resource.
func (n *node) spreadColumns() string {
	var out []string
	for _, name := range n.outputs() {
		out = append(out, "COALESCE(json_agg("+n.agg+"."+quote(name)+"), '[]') AS "+quote(name))
	}
	if len(out) == 0 {
		return "NULL AS " + n.agg
	}
	return strings.Join(out, ", ")
}

// outputs are the names of the columns that a node's query yields.
func (n *node) outputs() (names []string) {
	for _, item := range n.items {
		if item.name == "*" && n.table != nil {
			for _, col := range n.table.columns {
				names = append(names, col.name)
			}
			continue
		}
		names = append(names, item.output())
	}
	for _, kid := range n.kids {
		switch {
		case kid.silent():
		case kid.item.spread:
			names = append(names, kid.outputs()...)
		default:
			names = append(names, kid.name)
		}
	}
	return names
}

// output is the name of a field in the answer: its alias, the last key of its path, or its column.
func (item selectItem) output() string {
	if item.alias != "" {
		return item.alias
	}
	for i := len(item.path) - 1; i >= 0; i-- {
		if !item.path[i].index {
			return item.path[i].key
		}
	}
	return item.name
}

func (s *statement) item(n *node, item selectItem) string {
	if item.name == "*" {
		return n.alias + ".*"
	}
	text := s.field(n.table, n.alias, item.field)
	if item.cast != "" {
		text = "CAST(" + text + " AS " + s.c.castType(item.cast) + ")"
	}
	return text + " AS " + quote(item.output())
}

// field is a column, with its path. What is no JSON becomes it where there is a path.
func (s *statement) field(t *table, alias string, f field) string {
	text := alias + "." + quote(f.name)
	if len(f.path) == 0 {
		return text
	}
	if col := t.column(f.name); col == nil || (col.base != "json" && col.base != "jsonb") {
		text = "to_jsonb(" + text + ")"
	}
	for _, step := range f.path {
		arrow := "->"
		if step.text {
			arrow = "->>"
		}
		text += arrow + s.arg(step.key)
		if step.index {
			text += "::int"
		} else {
			text += "::text"
		}
	}
	return text
}

func (s *statement) orderBy(n *node) string {
	if len(n.order) == 0 {
		return ""
	}
	terms := make([]string, len(n.order))
	for i, term := range n.order {
		if term.rel != nil {
			terms[i] = s.field(nil, term.rel.agg, term.field)
		} else {
			terms[i] = s.field(n.table, n.alias, term.field)
		}
		switch {
		case term.desc:
			terms[i] += " DESC"
		case term.asc:
			terms[i] += " ASC"
		}
		terms[i] += term.nulls
	}
	return " ORDER BY " + strings.Join(terms, ", ")
}

func (s *statement) windowed(w window) string {
	if w == everything {
		return ""
	}
	limit := "ALL"
	if w.limit >= 0 {
		limit = s.arg(strconv.FormatInt(w.limit, 10)) + "::bigint"
	}
	return " LIMIT " + limit + " OFFSET " + s.arg(strconv.FormatInt(w.offset, 10)) + "::bigint"
}
