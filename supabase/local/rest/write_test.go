package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// text is the one value of a query, as the developer sees it.
func (w *world) text(sql string, args ...any) (value string) {
	w.t.Helper()
	require.NoError(w.t, w.db.QueryRow(w.t.Context(), "select coalesce(("+sql+")::text, 'null')", args...).Scan(&value))
	return value
}

func (w *world) send(method, path, body string, header ...string) answer {
	w.t.Helper()
	return w.do(w.service, method, path, body, header...)
}

const full = "return=representation"

func TestInsertsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		path, body string
		header     []string
		status     int
		code       string
	}{
		{"/clients", `{"id":1,"name":"again"}`, nil, 409, "23505"},
		{"/projects", `{"id":9,"client_id":99}`, nil, 409, "23503"},
		{"/clients", `{"id":9}`, nil, 400, "23502"},
		{"/clients", `{"id":"nine","name":"x"}`, nil, 400, "22P02"},
		{"/clients", `{"id":9,"nome":"x"}`, nil, 400, "PGRST204"},
		{"/clients?columns=id,nome", `{"id":9,"name":"x"}`, nil, 400, "PGRST204"},
		{"/clients?select=nope", `{"id":9,"name":"x"}`, []string{"Prefer", full}, 400, "42703"},
		{"/clients?on_conflict=nope", `{"id":9,"name":"x"}`, []string{"Prefer", "resolution=merge-duplicates"}, 400, "42703"},
		{"/projects?on_conflict=name", `{"id":9,"name":"x"}`, []string{"Prefer", "resolution=merge-duplicates"}, 400, "42P10"},
		{"/nowhere", `{"id":9}`, nil, 404, "PGRST205"},
		{"/clients", ``, nil, 400, "PGRST102"},
		{"/clients", `{"id":`, nil, 400, "PGRST102"},
		{"/clients", `7`, nil, 400, "PGRST102"},
		{"/clients", `[{"id":9,"name":"x"},{"id":10}]`, nil, 400, "PGRST102"},
		{"/clients", `[{"id":9,"name":"x"},null]`, nil, 400, "PGRST102"},
		{"/clients", `id=9`, []string{"Content-Type", "application/yaml"}, 400, "PGRST102"},
		{"/clients", "id,name\n9", []string{"Content-Type", "text/csv"}, 400, "PGRST102"},
		{"/clients", `{"id":9,"name":"\u0000"}`, nil, 400, "22P05"},
		{"/clients", `{"id":9,"name":"x"}`, []string{"Prefer", "handling=strict, no-such-thing"}, 400, "PGRST122"},
		{"/clients", `[{"id":9,"name":"x"},{"id":10,"name":"y"}]`, []string{"Prefer", full, "Accept", "application/vnd.pgrst.object+json"}, 406, "PGRST116"},
	} {
		w.refused(w.send("POST", tc.path, tc.body, tc.header...), tc.status, tc.code)
	}
	require.Equal(t, "2", w.text("select count(*) from clients"), "a refusal leaves nothing behind")
	require.Equal(t, "5", w.text("select count(*) from projects"))
}

func TestInsert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.send("POST", "/clients", `{"id":10,"name":"ten"}`)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Empty(t, a.body)
	require.Equal(t, "*/*", a.header.Get("Content-Range"))
	require.Empty(t, a.header.Get("Location"), "a key is told only to those who ask for it")

	a = w.send("POST", "/clients", `{"id":11,"name":"eleven"}`, "Prefer", "return=headers-only")
	require.Equal(t, http.StatusCreated, a.status)
	require.Equal(t, "/clients?id=eq.11", a.header.Get("Location"))
	require.Equal(t, "return=headers-only", a.header.Get("Preference-Applied"))
	require.Empty(t, a.body)

	a = w.send("POST", "/projects?select=id,client:clients(name)", `{"id":20,"client_id":10}`, "Prefer", full, "Accept", "application/vnd.pgrst.object+json")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.JSONEq(t, `{"id":20,"client":{"name":"ten"}}`, a.body)

	a = w.send("POST", "/clients?select=name&order=id.desc", `[{"id":12,"name":"x"},{"id":13,"name":"y"}]`, "Prefer", full+", count=exact")
	require.JSONEq(t, `[{"name":"x"},{"name":"y"}]`, a.body)
	require.Equal(t, "*/2", a.header.Get("Content-Range"))
	a = w.send("POST", "/clients", `[]`, "Prefer", full)
	require.Equal(t, http.StatusCreated, a.status)
	require.Equal(t, "[]", a.body)

	// Null by default, the column's default where that is preferred.
	const some = `[{"id":30,"name":"set"},{"id":31}]`
	a = w.send("POST", "/things?columns=id,name&select=name", some, "Prefer", full)
	require.JSONEq(t, `[{"name":"set"},{"name":null}]`, a.body)
	a = w.send("POST", "/things?columns=id,name&select=name,code", strings.NewReplacer("30", "40", "31", "41").Replace(some), "Prefer", full+", missing=default")
	require.JSONEq(t, `[{"name":"set","code":null},{"name":"unnamed","code":null}]`, a.body)
	require.Equal(t, "missing=default, return=representation", a.header.Get("Preference-Applied"))
	a = w.send("POST", "/things?select=name,size", `{}`, "Prefer", full)
	require.JSONEq(t, `[{"name":"unnamed","size":null}]`, a.body, "an empty object is a row of defaults")
	a = w.send("POST", "/things?columns=name&select=name,size", `{"name":"kept","size":7}`, "Prefer", full)
	require.JSONEq(t, `[{"name":"kept","size":null}]`, a.body, "only the named columns count")

	// Every kind of value, as JSON has it.
	a = w.send("POST", "/things?select=tags,span,data,odd%20col,size", `{"tags":["a,b","\"q\""],"span":"[1,3)","data":{"k":[1,null]},"odd col":"'; drop table clients; --","size":2}`, "Prefer", full)
	require.JSONEq(t, `[{"tags":["a,b","\"q\""],"span":"[1,3)","data":{"k":[1,null]},"odd col":"'; drop table clients; --","size":2}]`, a.body)

	a = w.send("POST", "/clients?select=id,name", "id,name\n50,fifty\n51,\"a,b\"\n", "Content-Type", "text/csv", "Prefer", full)
	require.JSONEq(t, `[{"id":50,"name":"fifty"},{"id":51,"name":"a,b"}]`, a.body)
	a = w.send("POST", "/clients?select=name", "id=52&name=by+form", "Content-Type", "application/x-www-form-urlencoded", "Prefer", full)
	require.JSONEq(t, `[{"name":"by form"}]`, a.body)

	a = w.send("POST", "/clients?select=id", `{"id":60,"name":"tried"}`, "Prefer", full+", tx=rollback")
	require.JSONEq(t, `[{"id":60}]`, a.body)
	require.Equal(t, "0", w.text("select count(*) from clients where id = 60"))
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const two = `[{"id":1,"name":"changed"},{"id":3,"name":"new"}]`
	a := w.send("POST", "/clients", two, "Prefer", full+", resolution=ignore-duplicates")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.JSONEq(t, `[{"id":3,"name":"new"}]`, a.body)
	require.Equal(t, "Microsoft", w.text("select name from clients where id = 1"))
	require.Equal(t, "resolution=ignore-duplicates, return=representation", a.header.Get("Preference-Applied"))

	a = w.send("POST", "/clients", `[{"id":1,"name":"changed"},{"id":4,"name":"four"}]`, "Prefer", full+", resolution=merge-duplicates")
	require.Equal(t, http.StatusCreated, a.status, "something is new: %s", a.body)
	require.JSONEq(t, `[{"id":1,"name":"changed"},{"id":4,"name":"four"}]`, a.body)
	a = w.send("POST", "/clients", `{"id":1,"name":"again"}`, "Prefer", "resolution=merge-duplicates")
	require.Equal(t, http.StatusOK, a.status, "nothing is new")
	require.Equal(t, "again", w.text("select name from clients where id = 1"))

	a = w.send("POST", "/clients?on_conflict=name", `{"id":70,"name":"new"}`, "Prefer", full+", resolution=merge-duplicates")
	require.JSONEq(t, `[{"id":70,"name":"new"}]`, a.body)
	require.Equal(t, "0", w.text("select count(*) from clients where id = 3"))
	require.Equal(t, http.StatusOK, w.send("POST", "/clients", `[]`, "Prefer", "resolution=merge-duplicates").status)
	a = w.send("POST", "/keyless", `{"a":1}`, "Prefer", full+", resolution=merge-duplicates")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, full, a.header.Get("Preference-Applied"), "there is no key to merge by")
	w.refused(w.send("POST", "/clients", `[{"id":5,"name":"a"},{"id":5,"name":"b"}]`, "Prefer", "resolution=merge-duplicates"), 500, "21000")
}

func TestPut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		path, body string
		status     int
		code       string
	}{
		{"/clients", `{"id":1,"name":"x"}`, 405, "PGRST105"},
		{"/clients?name=eq.x", `{"id":1,"name":"x"}`, 405, "PGRST105"},
		{"/clients?id=gt.1", `{"id":1,"name":"x"}`, 405, "PGRST105"},
		{"/clients?id=eq.1&limit=1", `{"id":1,"name":"x"}`, 400, "PGRST114"},
		{"/clients?id=eq.1", `{"id":2,"name":"x"}`, 400, "PGRST115"},
	} {
		w.refused(w.send("PUT", tc.path, tc.body), tc.status, tc.code)
	}
	a := w.send("PUT", "/clients?id=eq.8", `{"id":8,"name":"put"}`, "Prefer", full)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	a = w.send("PUT", "/clients?id=eq.8", `{"id":8,"name":"put again"}`, "Prefer", full)
	require.Equal(t, http.StatusOK, a.status)
	require.JSONEq(t, `[{"id":8,"name":"put again"}]`, a.body)
	require.Equal(t, http.StatusNoContent, w.send("PUT", "/clients?id=eq.8", `{"id":8,"name":"third"}`).status)
	require.Equal(t, "third", w.text("select name from clients where id = 8"))
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.refused(w.send("PATCH", "/projects", `{"name":"all"}`), 400, "21000")
	require.Equal(t, "UPDATE requires a WHERE clause", p.Message)
	w.refused(w.send("PATCH", "/projects?limit=1&order=id", `{"name":"all"}`), 400, "21000")
	w.refused(w.send("PATCH", "/projects?id=eq.1", `{"nome":"x"}`), 400, "PGRST204")
	w.refused(w.send("PATCH", "/projects?nope=eq.1", `{"name":"x"}`), 400, "42703")
	w.refused(w.send("PATCH", "/projects?id=gt.1", `{"name":"x"}`, "Prefer", "handling=strict, max-affected=2"), 400, "PGRST124")
	w.refused(w.send("PATCH", "/projects?id=gt.1", `{"name":"x"}`, "Prefer", full, "Accept", "application/vnd.pgrst.object+json"), 406, "PGRST116")
	require.Equal(t, "0", w.text("select count(*) from projects where name = 'x'"))

	a := w.send("PATCH", "/projects?id=in.(1,2)", `{"name":"new"}`)
	require.Equal(t, http.StatusNoContent, a.status, a.body)
	require.Equal(t, "0-1/*", a.header.Get("Content-Range"))
	require.Equal(t, "2", w.text("select count(*) from projects where name = 'new'"))
	a = w.send("PATCH", "/projects?or=(id.eq.3,name.eq.OSX)&select=id,clients(name)&clients.name=eq.Apple", `{"name":"mac"}`, "Prefer", full+", count=exact")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.JSONEq(t, `[{"id":3,"clients":{"name":"Apple"}},{"id":4,"clients":{"name":"Apple"}}]`, a.body)
	require.Equal(t, "0-1/2", a.header.Get("Content-Range"))
	a = w.send("PATCH", "/projects?id=eq.99", `{"name":"nobody"}`, "Prefer", full)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "[]", a.body)
	a = w.send("PATCH", "/projects?id=eq.1", `{}`, "Prefer", full)
	require.Equal(t, "[]", a.body, "nothing to set changes nothing")
	require.Equal(t, http.StatusNoContent, w.send("PATCH", "/projects", `[{}]`).status)
	a = w.send("PATCH", "/projects?id=eq.1&columns=name&select=name,client_id", `{"name":"only","client_id":null}`, "Prefer", full)
	require.JSONEq(t, `[{"name":"only","client_id":1}]`, a.body)
	a = w.send("PATCH", "/projects?id=eq.1&select=name", `{"name":null}`, "Prefer", full+", handling=strict, max-affected=1")
	require.JSONEq(t, `[{"name":null}]`, a.body)
	require.Equal(t, "return=representation, handling=strict, max-affected=1", a.header.Get("Preference-Applied"))
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.refused(w.send("DELETE", "/tasks", ""), 400, "21000")
	require.Equal(t, "DELETE requires a WHERE clause", p.Message)
	w.refused(w.send("DELETE", "/clients?id=eq.1", ""), 409, "23503")
	w.refused(w.send("DELETE", "/users_tasks?user_id=gt.0", "", "Prefer", "handling=strict, max-affected=1"), 400, "PGRST124")
	require.Equal(t, "4", w.text("select count(*) from users_tasks"))

	a := w.send("DELETE", "/users_tasks?user_id=eq.1&task_id=eq.1", "")
	require.Equal(t, http.StatusNoContent, a.status, a.body)
	a = w.send("DELETE", "/users_tasks?user_id=in.(1,2)&select=user_id,users(name)", "", "Prefer", full+", count=exact")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.JSONEq(t, `[{"user_id":1,"users":{"name":"Angela"}},{"user_id":2,"users":{"name":"Michael"}}]`, a.body)
	require.Equal(t, "*/2", a.header.Get("Content-Range"))
	require.Equal(t, "1", w.text("select count(*) from users_tasks"))
	require.Equal(t, "[]", w.send("DELETE", "/users_tasks?user_id=eq.99", "", "Prefer", full).body)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, allow := range map[string]string{
		"/clients":         "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE",
		"/client_list":     "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE",
		"/":                "OPTIONS,GET,HEAD",
		"/rpc/add":         "OPTIONS,GET,HEAD,POST",
		"/rpc/make_client": "OPTIONS,POST",
	} {
		a := w.send("OPTIONS", path, "")
		require.Equal(t, http.StatusOK, a.status, path)
		require.Equal(t, allow, a.header.Get("Allow"), path)
	}
	w.refused(w.send("OPTIONS", "/nowhere", ""), 404, "PGRST205")
	w.refused(w.send("TRACE", "/clients", ""), 405, "PGRST117")
	w.refused(w.send("GET", "/a/b/c", ""), 404, "PGRST125")
	w.refused(w.send("POST", "/", "{}"), 405, "PGRST117")
	w.refused(w.send("DELETE", "/", ""), 405, "PGRST117")
}
