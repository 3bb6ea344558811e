package rest

type join int

const (
	joinDefault join = iota
	joinInner
	joinLeft
)

// selectItem is one term of select: a field, or a relation with a select of its own.
type selectItem struct {
	alias string
	// of a field; its name may be "*"
	field
	cast      string
	aggregate bool
	// of a relation
	relation bool
	spread   bool
	hint     string
	join     join
	items    []selectItem
}

var aggregates = map[string]bool{"sum": true, "avg": true, "count": true, "max": true, "min": true}

// parseSelect reads the parameter select: "id,name::text,author:users!fk(*),...more(a->>b)".
func parseSelect(in string) ([]selectItem, *Error) {
	s := newScanner(in)
	items, bad := s.selectItems(0)
	if bad == nil && !s.end() {
		bad = s.unexpected(`",", ")" or end of input`)
	}
	if bad != nil {
		return nil, errParse("select parameter", in, bad.pos, bad.detail)
	}
	return items, nil
}

func (s *scanner) selectItems(depth int) (items []selectItem, bad *problem) {
	if depth > maxDepth {
		return nil, &problem{s.pos, "too many nested resources"}
	}
	s.spaces()
	if s.end() || s.peek() == ')' {
		return nil, nil
	}
	for {
		s.spaces()
		item, bad := s.selectItem(depth)
		if bad != nil {
			return nil, bad
		}
		items = append(items, item)
		s.spaces()
		if !s.take(",") {
			return items, nil
		}
	}
}

func (s *scanner) selectItem(depth int) (item selectItem, bad *problem) {
	if s.take("...") {
		name, ok := s.fieldName()
		if !ok {
			return item, s.unexpected("field name (* or [a..z0..9_$])")
		}
		item.name, item.spread = name, true
		return s.relation(item, depth)
	}
	if s.take("*") {
		item.name = "*"
		return item, s.selectEnd()
	}
	item.alias = s.alias()
	start := s.pos
	if s.at("count()") {
		s.take("count()")
		item.name, item.aggregate = "count", true
		return item, s.castAndEnd(&item)
	}
	name, ok := s.fieldName()
	if !ok {
		return item, s.unexpected("field name (* or [a..z0..9_$])")
	}
	if s.peek() == '(' || s.peek() == '!' {
		item.name = name
		return s.relation(item, depth)
	}
	s.pos = start
	if item.field, bad = s.field(); bad != nil {
		return item, bad
	}
	return item, s.castAndEnd(&item)
}

// alias is a name before a single colon, "" without one.
func (s *scanner) alias() string {
	start := s.pos
	if name, ok := s.fieldName(); ok && s.at(":") && !s.at("::") {
		s.take(":")
		return name
	}
	s.pos = start
	return ""
}

// castAndEnd reads "::type", ".sum()" and "::type" again, in this order, and insists that the term ends there.
func (s *scanner) castAndEnd(item *selectItem) *problem {
	if bad := s.cast(item); bad != nil {
		return bad
	}
	if s.at(".") {
		start := s.pos
		s.take(".")
		if name, ok := s.identifier(); !ok || !aggregates[name] || !s.take("()") {
			s.pos = start
			return s.unexpected(`"::", ")", "," or end of input`)
		}
		item.aggregate = true
		if bad := s.cast(item); bad != nil {
			return bad
		}
	}
	s.spaces()
	return s.selectEnd()
}

func (s *scanner) cast(item *selectItem) *problem {
	if !s.take("::") {
		return nil
	}
	name, ok := s.identifier()
	if !ok {
		return s.unexpected("letter or digit")
	}
	item.cast = name
	return nil
}

func (s *scanner) selectEnd() *problem {
	if s.end() || s.peek() == ',' || s.peek() == ')' {
		return nil
	}
	return s.unexpected(`")", "," or end of input`)
}

// relation reads what follows an embedded resource's name: at most two parameters, and its own select in parentheses.
func (s *scanner) relation(item selectItem, depth int) (selectItem, *problem) {
	item.relation = true
	for range 2 {
		if !s.take("!") {
			break
		}
		name, ok := s.fieldName()
		switch {
		case !ok:
			return item, s.unexpected("field name (* or [a..z0..9_$])")
		case name == "inner" && item.join == joinDefault:
			item.join = joinInner
		case name == "left" && item.join == joinDefault:
			item.join = joinLeft
		case item.hint == "":
			item.hint = name
		}
	}
	if !s.take("(") {
		return item, s.unexpected(`"("`)
	}
	var bad *problem
	if item.items, bad = s.selectItems(depth + 1); bad != nil {
		return item, bad
	}
	if !s.take(")") {
		return item, s.unexpected(`")" or ","`)
	}
	s.spaces()
	return item, s.selectEnd()
}
