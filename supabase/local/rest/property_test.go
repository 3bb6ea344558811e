package rest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requests draws requests that are almost ones: real names and operators, with anything between them.
type requests struct{ t *rapid.T }

func (r requests) of(label string, choices ...string) string {
	return rapid.SampledFrom(choices).Draw(r.t, label)
}

func (r requests) some(label string) bool { return rapid.Bool().Draw(r.t, label) }

// rarely keeps most requests good enough to reach the database.
func (r requests) rarely(label string) bool { return rapid.IntRange(0, 15).Draw(r.t, label) == 15 }

// nasty is text that means something to a parser, to SQL, or to nobody.
func (r requests) nasty() string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("ab1_ \"'\\;$-()*,.:!%>{}[]=&é\x00\n")), 0, 8, -1).Draw(r.t, "nasty")
}

func (r requests) name() string {
	switch {
	case r.rarely("nasty name"):
		return r.nasty()
	case r.rarely("quoted name"):
		return r.quoted()
	case r.rarely("another's name"):
		return r.of("column of things", "tags", "data", "span", "words", "size", `"odd col"`, "full_title", "boss_id")
	}
	return r.of("column", "id", "name")
}

// quoted is a name that can be anything.
func (r requests) quoted() string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(r.nasty()) + `"`
}

func (r requests) relation() string {
	if r.rarely("no relation") {
		return r.name()
	}
	return r.of("relation", "clients", "projects", "tasks", "users", "people", "client_list", "late_tasks", "client_id")
}

func (r requests) field() string {
	text := r.name()
	for range max(0, rapid.IntRange(-3, 2).Draw(r.t, "steps")) {
		text += "->" + r.of("key", "a", "0", "-1", "l", r.quoted())
	}
	return text
}

func (r requests) items(depth int) string {
	var items []string
	for range rapid.IntRange(0, 3).Draw(r.t, "items") {
		item := r.of("alias", "", "", "x:", r.quoted()+":")
		switch kind := rapid.IntRange(0, 7).Draw(r.t, "item"); {
		case kind == 0:
			item = "*"
		case kind == 1 && depth < 3:
			item = r.of("spread", item, item, "...") + r.relation() + r.of("join", "", "", "!inner", "!left")
			if r.rarely("hint") {
				item += "!" + r.name()
			}
			item += "(" + r.items(depth+1) + ")"
		default:
			if item += r.field(); r.rarely("cast") {
				item += "::" + r.of("type", "text", "int", "json", r.nasty())
			}
		}
		items = append(items, item)
	}
	return strings.Join(items, ",")
}

func (r requests) operation() string {
	op := r.of("operator", "eq", "neq", "gt", "lte", "like", "ilike", "match", "in", "is", "isdistinct", "cs", "cd", "ov", "sl", "adj", "fts", "wfts(english)", "eq(any)",
		"like(all)", "fts(nope)")
	value := r.of("value", "1", "{a,b}", `{"a":1}`, "[1,5)", r.nasty(), r.nasty())
	switch op {
	case "in":
		value = "(" + r.of("list", "1,2", "", r.quoted(), value) + ")"
	case "is":
		value = r.of("is", "null", "not_null", "true", "unknown")
	}
	if r.rarely("wrong value") {
		value = r.nasty()
	}
	return r.of("not", "", "not.") + op + "." + value
}

func (r requests) query() string {
	var parts []string
	add := func(key, value string) { parts = append(parts, url.QueryEscape(key)+"="+url.QueryEscape(value)) }
	if r.some("select") {
		add("select", r.items(0))
	}
	for range rapid.IntRange(0, 3).Draw(r.t, "filters") {
		path := ""
		if r.rarely("path") {
			path = r.relation() + "."
		}
		add(path+r.field(), r.operation())
	}
	if r.rarely("tree") {
		add(r.of("logic", "or", "and", "not.or", "projects.or"), "("+r.field()+"."+r.operation()+",not.and("+r.field()+"."+r.operation()+"))")
	}
	if r.some("order") {
		add("order", r.field()+r.of("direction", "", ".desc", ".asc.nullsfirst", ".nullslast"))
	}
	if r.some("window") {
		add("limit", r.of("limit", "0", "1", "5", "x"))
		add("offset", r.of("offset", "0", "1", "x"))
	}
	if r.rarely("columns") {
		add(r.of("parameter", "columns", "on_conflict"), r.name()+","+r.name())
	}
	return strings.Join(parts, "&")
}

func (r requests) body() string {
	keys := []string{"id", "name"}
	if r.rarely("keys") {
		keys = []string{strings.Trim(r.name(), `"`), r.nasty()}
	}
	row := func() map[string]any {
		out := map[string]any{}
		for _, key := range keys {
			out[key] = rapid.SampledFrom([]any{nil, 1, -7.5, true, "a", "1", []int{1}, map[string]int{"a": 1}, r.nasty()}).Draw(r.t, "member")
		}
		return out
	}
	var text []byte
	var err error
	switch rapid.IntRange(0, 3).Draw(r.t, "body") {
	case 0:
		return r.nasty()
	case 1:
		text, err = json.Marshal(row())
	default:
		text, err = json.Marshal([]any{row(), row()})
	}
	require.NoError(r.t, err)
	return string(text)
}

// Whatever is asked, Postgres is never given a statement that it cannot parse, nothing of a request is taken for SQL, and the answer is a
// result or an error of the request's.
func TestEveryRequestIsAStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const census = `select jsonb_object_agg(relname, (xpath('/row/n/text()', query_to_xml(format('select count(*) n from public.%I', relname), false, true, '')))[1]::text)
		from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`
	before := w.text(census)
	rapid.Check(t, func(t *rapid.T) {
		r := requests{t}
		method, path := r.of("method", "GET", "GET", "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"), "/"+r.of("table", "clients", "projects", "things", "project_list", "people")
		switch {
		case r.rarely("call"):
			method, path = r.of("call method", "GET", "POST"), "/rpc/"+r.of("function", "all_projects", "add", "pairs", "echo", "joined", "records")
		case r.rarely("anywhere"):
			path = "/" + url.PathEscape(r.nasty())
		}
		prefer := "tx=rollback, " + r.of("return", "return=minimal", "return=representation", "return=headers-only") + r.of("preference", "", ", count=exact",
			", count=planned", ", count=estimated", ", resolution=merge-duplicates", ", resolution=ignore-duplicates", ", missing=default", ", handling=strict, max-affected=1")
		a := w.do(w.service, method, path+"?"+r.query(), r.body(), "Prefer", prefer, "Accept",
			r.of("accept", "application/json", "text/csv", "application/vnd.pgrst.object+json", "application/vnd.pgrst.array+json;nulls=stripped"))
		if a.status < http.StatusMultipleChoices || method == "HEAD" {
			return
		}
		var p problem
		require.NoError(t, json.Unmarshal([]byte(a.body), &p), a.body)
		require.NotEqual(t, "PGRST001", p.Code, a.body)
		require.NotRegexp(t, "^(syntax error at|unterminated)", p.Message) // what Postgres says of SQL; of a tsquery it says something else
		require.NotContains(t, []string{"42P02", "42P18"}, p.Code, a.body) // a parameter that is missing, or of no type
		if a.status >= http.StatusInternalServerError {
			require.Equal(t, "21000", p.Code, a.body) // two rows of one upsert are the same
		}
	})
	require.Equal(t, before, w.text(census))
}
