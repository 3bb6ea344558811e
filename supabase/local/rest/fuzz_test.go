package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parsed insists on what all parsers promise: they end, and refuse with an error that is PostgREST's.
func parsed(t *testing.T, err *Error) {
	t.Helper()
	if err != nil {
		require.Equal(t, http.StatusBadRequest, err.Status)
		require.Equal(t, "PGRST100", err.Code)
	}
}

func FuzzParseSelect(f *testing.F) {
	for _, seed := range []string{
		"", "*", "id,name", "alias:col::text", `"odd col"`, `"a\"b"`, "data->a->>b", "data->-1", "c:data->0->>x::int", "rel(*)", "a:rel!hint!inner(id,more(x))",
		"...rel(a,b:c)", "id.sum()::int", "count()", "rel()", "rel(id", "rel(id))", ",", "a,", "::", "a::", "->", "a->", `"`, `"a`, "...", "é,日本", "a-b-c", "a - b",
		strings.Repeat("r(", 100), "x!inner!left!y(z)", "\x00", "a:b:c", ` ""`, `"":a`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		items, err := parseSelect(in)
		parsed(t, err)
		var walk func([]selectItem, int)
		walk = func(items []selectItem, depth int) {
			require.LessOrEqual(t, depth, maxDepth+1)
			for _, item := range items {
				require.False(t, item.cast != "" && item.relation)
				walk(item.items, depth+1)
			}
		}
		walk(items, 0)
	})
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range [][2]string{
		{"id", "eq.1"}, {"id", "not.eq.1"}, {"a.b.c", "is.null"}, {"data->>x", "like.*a*"}, {"id", "in.(1,2)"}, {"id", `in.("a,\"b\"",c)`}, {"id", "in.()"},
		{"id", "in.(1"}, {"id", "eq(any).{1,2}"}, {"id", "like(all).{a,b}"}, {"w", "fts(english).a & b"}, {"w", "plfts.x"}, {"id", "isdistinct.null"}, {"id", "is.nope"},
		{"id", ""}, {"", "eq.1"}, {".", "eq."}, {"id", "eq"}, {"id", "."}, {"id", "not."}, {"a->", "eq.1"}, {`"a b"`, "eq.1"}, {"id", "eq(.1"}, {"id", "\x00"},
		{"or", "(id.eq.1,not.and(a.is.null,b.in.(1,2)))"}, {"not.and", "(a.eq.\"x,y\",b.cs.{1,2})"}, {"x.or", "(a.eq.1"}, {"or", "()"}, {"or", strings.Repeat("(and", 200)},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		_, one, err := parseFilter(key, value)
		parsed(t, err)
		if err == nil {
			written(t, logic{filter: &one})
		}
		_, tree, err := parseLogic(key, value)
		parsed(t, err)
		if err == nil {
			written(t, tree)
		}
	})
}

// written insists that nothing of a condition's values is in its SQL: only what is fixed, identifiers in quotes, and as many parameters as
// there are placeholders.
func written(t *testing.T, tree logic) {
	t.Helper()
	s := &statement{c: &catalog{}}
	sql := s.logic(&node{alias: `"t"`}, tree)
	require.NotContains(t, sql, "\x00")
	bare := outsideQuotes(t, sql)
	require.Equal(t, len(s.args), strings.Count(bare, "$"), sql)
	for _, r := range bare {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`_ .,:()$=<>~*@&|-"'{}`, r)
		require.True(t, plain, "%q in %s", r, sql)
	}
}

// outsideQuotes is SQL without what is in double quotes, all of which must be closed.
func outsideQuotes(t *testing.T, sql string) string {
	t.Helper()
	parts := strings.Split(sql, `"`)
	require.Equal(t, 1, len(parts)%2, "a quote is open: %s", sql)
	var out strings.Builder
	for i := 0; i < len(parts); i += 2 {
		out.WriteString(parts[i])
	}
	return out.String()
}

// FuzzRequest sends what nobody should: no query string makes the server panic, or answer anything but a refusal before it asks the database.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"select=*&id=eq.1&order=id.desc&limit=1&offset=2", "order=", "order=a.desc.nullslast,b(c)", "order=a.b", "limit=-1", "limit=x&offset=y", "x.limit=1&x.order=a",
		"columns=a,b&on_conflict=c", "columns=", "%zz=%", "a", "=", "&&", "select=a;b", "a.=eq.1", "or=&and=", "limit=9223372036854775807&offset=9223372036854775807",
	} {
		f.Add(seed, "0-9", "count=exact, return=minimal, max-affected=1", "text/csv;q=0.1, */*")
	}
	f.Add("", "9-0", "handling=strict, x", ";;,")
	f.Add("", "-", "=,=", "application/vnd.pgrst.object+json;nulls=stripped")
	s := New(Config{})
	f.Fuzz(func(t *testing.T, query, ranges, prefer, accept string) {
		for _, target := range []string{"/t", "/rpc/f"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			r.URL.RawQuery = query
			r.Header.Set("Range", ranges)
			r.Header.Set("Prefer", prefer)
			r.Header.Set("Accept", accept)
			q, err := s.parseRequest(r)
			if err != nil {
				require.True(t, err.Status >= 400 && err.Status < 500, "%d", err.Status)
				continue
			}
			require.GreaterOrEqual(t, q.window.limit, int64(-1))
		}
	})
}
