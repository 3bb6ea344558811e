package rest

import (
	"strings"
	"unicode"
)

// maxDepth bounds nesting in select and in logic trees: deeper ones are no request that anybody means.
const maxDepth = 64

// problem is where and why an input does not parse.
type problem struct {
	pos    int
	detail string
}

// scanner reads one value of the query string. Methods that return ok=false leave the position where it was.
type scanner struct {
	in  []rune
	pos int
}

func newScanner(s string) *scanner { return &scanner{in: []rune(s)} }

func (s *scanner) end() bool { return s.pos >= len(s.in) }

// peek is the rune at the position, 0 at the end.
func (s *scanner) peek() rune {
	if s.end() {
		return 0
	}
	return s.in[s.pos]
}

func (s *scanner) at(text string) bool {
	rs := []rune(text)
	if len(s.in)-s.pos < len(rs) {
		return false
	}
	for i, r := range rs {
		if s.in[s.pos+i] != r {
			return false
		}
	}
	return true
}

func (s *scanner) take(text string) bool {
	if !s.at(text) {
		return false
	}
	s.pos += len([]rune(text))
	return true
}

func (s *scanner) spaces() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.pos++
	}
}

// until reads as long as no stop comes.
func (s *scanner) until(stops string) string {
	start := s.pos
	for !s.end() && !strings.ContainsRune(stops, s.in[s.pos]) {
		s.pos++
	}
	return string(s.in[start:s.pos])
}

func (s *scanner) rest() string {
	text := string(s.in[s.pos:])
	s.pos = len(s.in)
	return text
}

// unexpected is the problem at the position.
func (s *scanner) unexpected(expecting string) *problem {
	got := "end of input"
	if !s.end() {
		got = `"` + string(s.in[s.pos]) + `"`
	}
	return &problem{s.pos, "unexpected " + got + " expecting " + expecting}
}

func isIdentifier(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == ' ' || r == '$'
}

// identifier is what may stand without quotes. Spaces around it do not count.
func (s *scanner) identifier() (string, bool) {
	start := s.pos
	for !s.end() && isIdentifier(s.in[s.pos]) {
		s.pos++
	}
	name := strings.TrimSpace(string(s.in[start:s.pos]))
	if name == "" {
		s.pos = start
		return "", false
	}
	return name, true
}

// fieldName is identifiers joined by dashes, or anything in double quotes.
func (s *scanner) fieldName() (string, bool) {
	if s.peek() == '"' {
		return s.quoted()
	}
	name, ok := s.identifier()
	for ok && s.peek() == '-' && !s.at("->") {
		before := s.pos
		s.pos++
		part, more := s.identifier()
		if !more {
			s.pos = before
			break
		}
		name += "-" + part
	}
	return name, ok
}

// quoted is a value in double quotes, in which a backslash takes the next rune as it is.
func (s *scanner) quoted() (string, bool) {
	if s.peek() != '"' {
		return "", false
	}
	var b strings.Builder
	for i := s.pos + 1; i < len(s.in); i++ {
		switch s.in[i] {
		case '"':
			s.pos = i + 1
			return b.String(), true
		case '\\':
			if i++; i == len(s.in) {
				return "", false
			}
		}
		b.WriteRune(s.in[i])
	}
	return "", false
}

// quotedElement is a quoted value that is followed by a comma, a closing parenthesis or nothing.
func (s *scanner) quotedElement() (string, bool) {
	start := s.pos
	if text, ok := s.quoted(); ok && (s.end() || s.peek() == ',' || s.peek() == ')') {
		return text, true
	}
	s.pos = start
	return "", false
}

// jsonStep is one arrow of a path into JSON.
type jsonStep struct {
	text  bool // ->>, not ->
	index bool // key is a number
	key   string
}

// field is a column, maybe with a path into it.
type field struct {
	name string
	path []jsonStep
}

func (s *scanner) field() (field, *problem) {
	s.spaces()
	name, ok := s.fieldName()
	if !ok {
		return field{}, s.unexpected("field name (* or [a..z0..9_$])")
	}
	path, bad := s.jsonPath()
	s.spaces()
	return field{name, path}, bad
}

func (s *scanner) jsonPath() (path []jsonStep, bad *problem) {
	for s.at("->") {
		step := jsonStep{text: s.take("->>")}
		if !step.text {
			s.take("->")
		}
		if number, ok := s.jsonIndex(); ok {
			step.index, step.key = true, number
		} else if step.key, ok = s.jsonKey(); !ok {
			return nil, s.unexpected("\"-\", digit or any non reserved character different from: .,>()")
		}
		path = append(path, step)
	}
	return path, nil
}

// jsonKey is anything in double quotes, or what has none of the characters that mean something else here, joined by dashes.
func (s *scanner) jsonKey() (string, bool) {
	if s.peek() == '"' {
		return s.quoted()
	}
	start := s.pos
	for !s.end() && !s.at("->") && (s.peek() == '-' || !strings.ContainsRune("(:.,>)", s.peek())) {
		s.pos++
	}
	key := strings.TrimSpace(string(s.in[start:s.pos]))
	if strings.Trim(key, "-") == "" {
		s.pos = start
		return "", false
	}
	return key, true
}

// jsonIndex is a number that the operand ends with.
func (s *scanner) jsonIndex() (string, bool) {
	start := s.pos
	sign := ""
	if s.take("-") {
		sign = "-"
	}
	digits := s.pos
	for s.peek() >= '0' && s.peek() <= '9' {
		s.pos++
	}
	ends := s.end() || s.at("->") || s.at("::") || strings.ContainsRune(".,)", s.peek())
	if s.pos == digits || !ends {
		s.pos = start
		return "", false
	}
	return sign + string(s.in[digits:s.pos]), true
}
