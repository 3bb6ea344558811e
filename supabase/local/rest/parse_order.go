package rest

// orderTerm is one term of order.
type orderTerm struct {
	relation string // a to-one resource whose field it is; "" for one's own
	field
	desc  bool
	asc   bool // it was said
	nulls string
	rel   *node // the relation; set by the plan
}

// parseOrder reads "name.desc.nullslast,clients(data->>a)".
func parseOrder(in string) (terms []orderTerm, err *Error) {
	s := newScanner(in)
	for {
		term, bad := s.orderTerm()
		if bad != nil {
			return nil, errParse("order", in, bad.pos, bad.detail)
		}
		terms = append(terms, term)
		if s.end() {
			return terms, nil
		}
		s.take(",")
	}
}

func (s *scanner) orderTerm() (t orderTerm, bad *problem) {
	if t.field, bad = s.field(); bad != nil {
		return t, bad
	}
	if s.peek() == '(' && len(t.path) == 0 {
		s.take("(")
		t.relation = t.name
		if t.field, bad = s.field(); bad != nil {
			return t, bad
		}
		if !s.take(")") {
			return t, s.unexpected(`")"`)
		}
	}
	switch {
	case s.take(".asc"):
		t.asc = true
	case s.take(".desc"):
		t.desc = true
	}
	switch {
	case s.take(".nullsfirst"):
		t.nulls = " NULLS FIRST"
	case s.take(".nullslast"):
		t.nulls = " NULLS LAST"
	}
	s.spaces()
	if s.end() || s.peek() == ',' {
		return t, nil
	}
	return t, s.unexpected(`"asc", "desc", "nullsfirst" or "nullslast"`)
}

// parseNames reads a list of columns: of columns, of on_conflict.
func parseNames(what, in string) (names []string, err *Error) {
	s := newScanner(in)
	for {
		s.spaces()
		name, ok := s.fieldName()
		if ok {
			names = append(names, name)
			s.spaces()
		}
		if ok && s.end() {
			return names, nil
		}
		if !ok || !s.take(",") {
			bad := s.unexpected(`field name (* or [a..z0..9_$]) or ","`)
			return nil, errParse(what+" parameter", in, bad.pos, bad.detail)
		}
	}
}
