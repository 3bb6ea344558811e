package rest

import "strings"

// logic is a tree of conditions on a node.
func (s *statement) logic(n *node, tree logic) string {
	return s.logicWith(n, tree, func(kid *node, not bool) string {
		switch toOne := kid.rel.toOne(); {
		case toOne && not:
			return kid.agg + " IS DISTINCT FROM NULL"
		case toOne:
			return kid.agg + " IS NOT DISTINCT FROM NULL"
		case not:
			return kid.agg + ".pgrst_rows > 0"
		}
		return kid.agg + ".pgrst_rows = 0"
	})
}

// logicWith writes a tree; embed writes the leaves about embedded resources, which are said to be there where not is true.
func (s *statement) logicWith(n *node, tree logic, embed func(kid *node, not bool) string) string {
	switch {
	case tree.embed != nil:
		return embed(tree.embed, tree.not)
	case tree.filter != nil:
		return s.filter(n.table, n.alias, tree.filter)
	}
	kids := make([]string, len(tree.kids))
	for i, kid := range tree.kids {
		kids[i] = s.logicWith(n, kid, embed)
	}
	between, before := " AND ", "("
	if tree.or {
		between = " OR "
	}
	if tree.not {
		before = "NOT ("
	}
	return before + strings.Join(kids, between) + ")"
}

// filter is one condition.
// Source: PostgREST src/PostgREST/Query/SqlFragment.hs, pgFmtFilter.
func (s *statement) filter(t *table, alias string, f *filter) string {
	text := s.field(t, alias, f.field)
	not := ""
	if f.not {
		not = "NOT "
	}
	if search := searches[f.op]; search != "" {
		return not + s.search(t, text, search, f)
	}
	switch f.op {
	case "is":
		return not + text + " IS " + isValues[f.val]
	case "isdistinct":
		return not + text + " IS DISTINCT FROM " + s.arg(f.val)
	case "in":
		if len(f.in) == 1 && f.in[0] == "" {
			return not + text + " = ANY ('{}')"
		}
		return not + text + " = ANY (" + s.arg(arrayLiteral(f.in)) + ")"
	}
	value := f.val
	if f.op == "like" || f.op == "ilike" {
		value = strings.ReplaceAll(value, "*", "%")
	}
	operand := s.arg(value)
	switch {
	case f.any:
		operand = "ANY (" + operand + ")"
	case f.all:
		operand = "ALL (" + operand + ")"
	}
	return not + text + " " + operators[f.op] + " " + operand
}

// search is full text search. Text that is no tsvector is made one.
func (s *statement) search(t *table, text, search string, f *filter) string {
	lang := ""
	if f.fts != "" {
		lang = s.arg(f.fts) + "::regconfig, "
	}
	if col := t.column(f.name); col != nil && col.base != "tsvector" {
		text = "to_tsvector(" + lang + text + ")"
	}
	return text + " @@ " + search + "(" + lang + s.arg(f.val) + ")"
}

// arrayLiteral is an array as Postgres reads it. It goes as a parameter, so nothing but its own syntax needs escapes.
func arrayLiteral(values []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = `"` + escape.Replace(value) + `"`
	}
	return "{" + strings.Join(out, ",") + "}"
}

// count is the query whose rows are the root's, all of them: windows do not count, inner joins do.
func (s *statement) count(n *node) string {
	all := s.conditions(n, s.countLogic)
	for _, kid := range n.kids {
		if kid.item.join == joinInner {
			all = append(all, "EXISTS ("+s.count(kid)+")")
		}
	}
	return "SELECT 1 FROM " + n.from + s.junction(n) + where(all)
}

func (s *statement) countLogic(n *node, tree logic) string {
	return s.logicWith(n, tree, func(kid *node, not bool) string {
		if not {
			return "EXISTS (" + s.count(kid) + ")"
		}
		return "NOT EXISTS (" + s.count(kid) + ")"
	})
}
