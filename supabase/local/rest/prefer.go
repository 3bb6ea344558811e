package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// preferences are what the header Prefer asks for; "" where it does not.
type preferences struct {
	resolution     string // merge-duplicates, ignore-duplicates
	representation string // representation, minimal, headers-only
	count          string // exact, planned, estimated
	tx             string // commit, rollback
	missing        string // default, null
	handling       string // strict, lenient
	timezone       string
	maxAffected    *int64
	invalid        []string
}

// allowed are the preferences that are a choice, in the order that Preference-Applied lists them.
var allowed = []struct {
	name   string
	values []string
	of     func(*preferences) *string
}{
	{"resolution", []string{"merge-duplicates", "ignore-duplicates"}, func(p *preferences) *string { return &p.resolution }},
	{"missing", []string{"default", "null"}, func(p *preferences) *string { return &p.missing }},
	{"return", []string{"representation", "minimal", "headers-only"}, func(p *preferences) *string { return &p.representation }},
	{"count", []string{"exact", "planned", "estimated"}, func(p *preferences) *string { return &p.count }},
	{"tx", []string{"commit", "rollback"}, func(p *preferences) *string { return &p.tx }},
	{"handling", []string{"strict", "lenient"}, func(p *preferences) *string { return &p.handling }},
}

// parsePreferences reads all Prefer headers. Of a preference that is given twice the first counts.
func parsePreferences(h http.Header) *preferences {
	p := &preferences{}
	for _, line := range h.Values("Prefer") {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one != "" && !p.read(one) {
				p.invalid = append(p.invalid, one)
			}
		}
	}
	return p
}

func (p *preferences) read(one string) bool {
	name, value, _ := strings.Cut(one, "=")
	switch name {
	case "timezone":
		if p.timezone == "" {
			p.timezone = value // whether there is such a zone is for the database to say
		}
		return true
	case "max-affected":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && p.maxAffected == nil {
			p.maxAffected = &n
		}
		return true
	}
	for _, a := range allowed {
		if a.name != name {
			continue
		}
		if !slices.Contains(a.values, value) {
			return false
		}
		if to := a.of(p); *to == "" {
			*to = value
		}
		return true
	}
	return false
}

// limit is how many rows may be affected, nil for any number. It counts with handling=strict only.
func (p *preferences) limit() *int64 {
	if p.handling != "strict" {
		return nil
	}
	return p.maxAffected
}

// applied is the header Preference-Applied: of the named preferences those that were given.
func (p *preferences) applied(names ...string) string {
	var out []string
	for _, a := range allowed {
		if value := *a.of(p); value != "" && slices.Contains(names, a.name) {
			out = append(out, a.name+"="+value)
		}
	}
	if p.timezone != "" {
		out = append(out, "timezone="+p.timezone)
	}
	if n := p.limit(); n != nil && slices.Contains(names, "max-affected") {
		out = append(out, "max-affected="+strconv.FormatInt(*n, 10))
	}
	return strings.Join(out, ", ")
}
