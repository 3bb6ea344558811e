package rest

import (
	"net/url"
	"strconv"
	"strings"
)

// window is LIMIT and OFFSET. A negative limit is none.
type window struct {
	limit  int64
	offset int64
}

var everything = window{limit: -1}

// params are what the query string says, parsed. Paths name embedded resources, from the root down.
type params struct {
	canonical  string // sorted; for Content-Location
	items      []selectItem
	filters    []placed[filter]
	logic      []placed[logic]
	orders     []placed[[]orderTerm]
	windows    []placed[window]
	columns    []string // nil: not given
	onConflict []string
	arguments  [][2]string // of a function that is called with GET
}

type placed[T any] struct {
	path []string
	what T
}

// rawQuery splits a query string, in its order. Escapes that are none stay as they are.
func rawQuery(raw string) (pairs [][2]string) {
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{unescape(key), unescape(value)})
	}
	return pairs
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// parseParams reads the query string. For a function that is called with GET, what is no filter is an argument.
func parseParams(raw string, call bool) (*params, *Error) {
	pairs := rawQuery(raw)
	p := &params{canonical: canonical(pairs)}
	sel := "*"
	offsets := map[string]int64{}
	var limits [][2]string
	for _, pair := range pairs {
		key, value := pair[0], pair[1]
		var err *Error
		switch last := key[strings.LastIndexByte(key, '.')+1:]; {
		case key == "select":
			sel = value
		case key == "columns":
			p.columns, err = parseNames("columns", value)
		case key == "on_conflict":
			p.onConflict, err = parseNames("on_conflict", value)
		case last == "order":
			err = p.order(key, value)
		case last == "limit":
			limits = append(limits, pair)
		case last == "offset":
			if n, bad := strconv.ParseInt(value, 10, 64); bad == nil {
				offsets[strings.TrimSuffix(key, "offset")] = n
			}
		case last == "and" || last == "or":
			err = p.tree(key, value)
		case call && !looksLikeFilter(key, value):
			p.arguments = append(p.arguments, pair)
		default:
			err = p.filter(key, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := p.window(limits, offsets); err != nil {
		return nil, err
	}
	items, err := parseSelect(sel)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		items = []selectItem{{field: field{name: "*"}}}
	}
	p.items = items
	return p, nil
}

func canonical(pairs [][2]string) string {
	values := url.Values{}
	for _, pair := range pairs {
		values.Add(pair[0], pair[1])
	}
	return values.Encode()
}

func (p *params) order(key, value string) *Error {
	if value == "" {
		return nil
	}
	path, _, err := parseTreePath(key)
	if err != nil {
		return err
	}
	terms, err := parseOrder(value)
	p.orders = append(p.orders, placed[[]orderTerm]{path, terms})
	return err
}

func (p *params) tree(key, value string) *Error {
	path, tree, err := parseLogic(key, value)
	p.logic = append(p.logic, placed[logic]{path, tree})
	return err
}

func (p *params) filter(key, value string) *Error {
	path, f, err := parseFilter(key, value)
	p.filters = append(p.filters, placed[filter]{path, f})
	return err
}

// window pairs limits with offsets. What is no number counts as not given, as in PostgREST.
func (p *params) window(limits [][2]string, offsets map[string]int64) *Error {
	byPrefix := map[string]window{}
	for _, pair := range limits {
		n, bad := strconv.ParseInt(pair[1], 10, 64)
		if bad != nil {
			continue
		}
		if n < 0 {
			return errRange("Limit should be greater than or equal to zero.")
		}
		byPrefix[strings.TrimSuffix(pair[0], "limit")] = window{limit: n}
	}
	for prefix, n := range offsets {
		w, found := byPrefix[prefix]
		if !found {
			w = everything
		}
		w.offset = n
		byPrefix[prefix] = w
	}
	for prefix, w := range byPrefix {
		path, _, err := parseTreePath(prefix + "limit")
		if err != nil {
			return err
		}
		p.windows = append(p.windows, placed[window]{path, w})
	}
	return nil
}
