package rest

import "strings"

// filter is one condition: field, operator, value.
type filter struct {
	field
	not bool
	op  string // a key of operators, or "in", "is", "isdistinct", "fts", …
	any bool   // eq(any).{1,2}
	all bool
	val string
	in  []string
	fts string // the language, of a full text search
}

// logic is a tree of conditions.
type logic struct {
	not    bool
	or     bool // else and
	kids   []logic
	filter *filter // a leaf
	embed  *node   // a leaf about whether an embedded resource is there; set by the plan
}

// operators are the plain ones, and their SQL. Those that have any and all are in quantified.
var (
	operators = map[string]string{
		"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "like", "ilike": "ilike", "match": "~", "imatch": "~*",
		"cs": "@>", "cd": "<@", "ov": "&&", "sl": "<<", "sr": ">>", "nxr": "&<", "nxl": "&>", "adj": "-|-",
	}
	quantified = map[string]bool{
		"eq": true, "gt": true, "gte": true, "lt": true, "lte": true, "like": true, "ilike": true, "match": true, "imatch": true,
	}
	searches = map[string]string{"fts": "to_tsquery", "plfts": "plainto_tsquery", "phfts": "phraseto_tsquery", "wfts": "websearch_to_tsquery"}
	isValues = map[string]string{"null": "NULL", "not_null": "NOT NULL", "true": "TRUE", "false": "FALSE", "unknown": "UNKNOWN"}
)

// parseFilter reads a filter of the query string, "projects.data->>a" and "not.eq.1".
func parseFilter(key, value string) (path []string, f filter, err *Error) {
	path, f.field, err = parseTreePath(key)
	if err != nil {
		return nil, f, err
	}
	s := newScanner(value)
	bad := s.operation(&f, func(s *scanner) string { return s.rest() })
	if bad == nil && !s.end() {
		bad = s.unexpected("end of input")
	}
	if bad != nil {
		return nil, f, errParse("filter", value, bad.pos, bad.detail)
	}
	return path, f, nil
}

// looksLikeFilter tells a filter from an argument, in the query string of a function.
func looksLikeFilter(key, value string) bool {
	if strings.Contains(key, ".") {
		return true
	}
	var f filter
	s := newScanner(value)
	return s.operation(&f, func(s *scanner) string { return s.rest() }) == nil && s.end()
}

// parseTreePath reads "a.b.column->path": the embedded resources, and the field.
func parseTreePath(key string) ([]string, field, *Error) {
	s := newScanner(key)
	names, bad := s.path()
	var f field
	if bad == nil {
		f.name, names = names[len(names)-1], names[:len(names)-1]
		f.path, bad = s.jsonPath()
	}
	if bad == nil && !s.end() {
		bad = s.unexpected(`"->>", "->", delimiter (.) or end of input`)
	}
	if bad != nil {
		return nil, f, errParse("tree path", key, bad.pos, bad.detail)
	}
	return names, f, nil
}

// path is at least one field name; dots divide them.
func (s *scanner) path() (names []string, bad *problem) {
	for {
		name, ok := s.fieldName()
		if !ok {
			return nil, s.unexpected("field name (* or [a..z0..9_$])")
		}
		names = append(names, name)
		if !s.take(".") {
			return names, nil
		}
	}
}

// operation reads "not.eq.value" into f; value reads the rest of it where the operator leaves that open.
func (s *scanner) operation(f *filter, value func(*scanner) string) (bad *problem) {
	f.not = s.take("not.")
	start := s.pos
	name := s.until(".(")
	if lang, ok := s.modifier(); ok {
		switch {
		case searches[name] != "" && lang != "":
			f.fts = lang
		case quantified[name] && lang == "any":
			f.any = true
		case quantified[name] && lang == "all":
			f.all = true
		default:
			return &problem{s.pos, "unknown single value operator " + name + "(" + lang + ")"}
		}
	}
	if s.end() && !s.at(".") {
		s.pos = start
		return s.unexpected("operator (eq, gt, ...)")
	}
	if !s.take(".") {
		return s.unexpected("delimiter (.)")
	}
	f.op = name
	switch {
	case operators[name] != "", searches[name] != "", name == "isdistinct":
		f.val = value(s)
		return nil
	case name == "in":
		f.in, bad = s.list()
		return bad
	case name == "is":
		return s.isValue(f)
	}
	return &problem{s.pos, "unknown single value operator " + name}
}

// modifier is what stands in parentheses behind an operator.
func (s *scanner) modifier() (string, bool) {
	start := s.pos
	if !s.take("(") {
		return "", false
	}
	name, _ := s.identifier()
	if !s.take(")") {
		s.pos = start
		return "", false
	}
	return name, true
}

func (s *scanner) isValue(f *filter) *problem {
	start := s.pos
	name := strings.ToLower(s.until(",)"))
	if isValues[name] == "" {
		s.pos = start
		return s.unexpected("null or trilean value (unknown, true, false)")
	}
	f.val = name
	return nil
}

// list is the operand of in: (1,"a,b",c).
func (s *scanner) list() (values []string, bad *problem) {
	s.spaces()
	if !s.take("(") {
		return nil, s.unexpected(`"("`)
	}
	s.spaces()
	for {
		value, ok := s.quotedElement()
		if !ok {
			value = s.until(",)")
		}
		values = append(values, value)
		if s.take(",") {
			continue
		}
		if !s.take(")") {
			return nil, s.unexpected(`"," or ")"`)
		}
		s.spaces()
		return values, nil
	}
}

// parseLogic reads a parameter such as "clients.not.or" and its value "(id.eq.1,and(a.is.null,b.gt.2))".
func parseLogic(key, value string) (path []string, tree logic, err *Error) {
	s := newScanner(key)
	names, bad := s.path()
	if bad != nil || !s.end() {
		return nil, tree, errParse("logic path", key, s.pos, s.unexpected("delimiter (.) or end of input").detail)
	}
	for _, name := range names[:len(names)-1] {
		if name == "not" {
			tree.not = true
		} else {
			path = append(path, name)
		}
	}
	tree.or = names[len(names)-1] == "or"
	s = newScanner(value)
	bad = s.logicKids(&tree, 0)
	if bad == nil && !s.end() {
		bad = s.unexpected("end of input")
	}
	if bad != nil {
		return nil, tree, errParse("logic tree", value, bad.pos, bad.detail)
	}
	return path, tree, nil
}

// logicKids reads the conditions in parentheses.
func (s *scanner) logicKids(tree *logic, depth int) *problem {
	if depth > maxDepth {
		return &problem{s.pos, "too many nested conditions"}
	}
	s.spaces()
	if !s.take("(") {
		return s.unexpected(`"("`)
	}
	for {
		s.spaces()
		kid, bad := s.logicNode(depth)
		if bad != nil {
			return bad
		}
		tree.kids = append(tree.kids, kid)
		s.spaces()
		if s.take(",") {
			continue
		}
		if !s.take(")") {
			return s.unexpected(`"," or ")"`)
		}
		s.spaces()
		return nil
	}
}

// logicNode is a condition, or a tree of its own: a field may be called "or", so that is tried first.
func (s *scanner) logicNode(depth int) (logic, *problem) {
	start := s.pos
	var f filter
	var bad *problem
	if f.field, bad = s.field(); bad == nil {
		if !s.take(".") {
			bad = s.unexpected("delimiter (.)")
		} else {
			bad = s.operation(&f, (*scanner).logicValue)
		}
	}
	if bad == nil {
		return logic{filter: &f}, nil
	}
	s.pos = start
	tree := logic{not: s.take("not.")}
	if tree.or = s.take("or"); !tree.or && !s.take("and") {
		return tree, bad
	}
	return tree, s.logicKids(&tree, depth+1)
}

// logicValue is a value inside a logic tree: quoted, an array literal without another in it, or everything up to a comma or parenthesis.
func (s *scanner) logicValue() string {
	if text, ok := s.quotedElement(); ok {
		return text
	}
	start := s.pos
	if s.take("{") {
		s.until("{}")
		if s.take("}") {
			return string(s.in[start:s.pos])
		}
		s.pos = start
	}
	return s.until(",)")
}
