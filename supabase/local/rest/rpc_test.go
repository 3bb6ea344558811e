package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		method, path, body string
		header             []string
		status             int
		code               string
	}{
		{"GET", "/rpc/nope", "", nil, 404, "PGRST202"},
		{"POST", "/rpc/add", `{"a":1,"c":2}`, nil, 404, "PGRST202"},
		{"POST", "/rpc/add", `{}`, nil, 404, "PGRST202"},
		{"POST", "/rpc/add", `[1,2]`, nil, 404, "PGRST202"},
		{"POST", "/rpc/add", `{"a":`, nil, 400, "PGRST102"},
		{"POST", "/rpc/add", `{"a":"x"}`, nil, 400, "22P02"},
		{"GET", "/rpc/add?a=x", "", nil, 400, "22P02"},
		{"POST", "/rpc/add", "a=1", []string{"Content-Type", "application/yaml"}, 400, "PGRST102"},
		{"PATCH", "/rpc/add", `{"a":1}`, nil, 405, "PGRST101"},
		{"PUT", "/rpc/add", `{"a":1}`, nil, 405, "PGRST101"},
		{"DELETE", "/rpc/add?a=1", "", nil, 405, "PGRST101"},
		{"GET", "/rpc/make_client?id=9&name=x", "", nil, 405, "25006"},
		{"POST", "/rpc/fails", `{"state":"P0001"}`, nil, 400, "P0001"},
		{"POST", "/rpc/fails", `{"state":"23505"}`, nil, 409, "23505"},
		{"POST", "/rpc/fails", `{"state":"42501"}`, nil, 403, "42501"},
		{"POST", "/rpc/fails", `{"state":"PT402"}`, nil, 402, "PT402"},
		{"POST", "/rpc/fails", `{"state":"PTXYZ"}`, nil, 500, "PTXYZ"},
		{"POST", "/rpc/fails", `{"state":"XX000"}`, nil, 500, "XX000"},
		{"POST", "/rpc/add", `{"a":1}`, []string{"Prefer", "handling=strict, max-affected=1"}, 400, "PGRST128"},
		{"POST", "/rpc/numbers", `{"n":3}`, []string{"Prefer", "handling=strict, max-affected=2"}, 400, "PGRST124"},
		{"POST", "/rpc/set_config", `{"setting_name":"role","new_value":"postgres","is_local":true}`, nil, 404, "PGRST202"},
	} {
		w.refused(w.send(tc.method, tc.path, tc.body, tc.header...), tc.status, tc.code)
	}
	p := w.refused(w.get("/rpc/same_args?arg=1"), 300, "PGRST203")
	require.Equal(t, "Could not choose the best candidate function between: public.same_args(arg => integer), public.same_args(arg => text)", p.Message)
	for body, code := range map[string]string{
		`{"status":"2x","headers":"[]"}`:                                 "PGRST112",
		`{"status":"1000","headers":"[]"}`:                               "PGRST112",
		`{"status":"200","headers":"{}"}`:                                "PGRST111",
		`{"status":"200","headers":"[{\"a\":1}]"}`:                       "PGRST111",
		`{"status":"200","headers":"x"}`:                                 "PGRST111",
		`{"message":"x","detail":"{}"}`:                                  "PGRST121",
		`{"message":"{\"code\":\"1\",\"message\":\"m\"}","detail":""}`:   "PGRST121",
		`{"message":"{\"code\":\"1\",\"message\":\"m\"}","detail":"{}"}`: "PGRST121",
	} {
		path := "/rpc/answers"
		if code == "PGRST121" {
			path = "/rpc/raises"
		}
		w.refused(w.send("POST", path, body), 500, code)
	}
	p = w.refused(w.send("POST", "/rpc/fails", `{"state":"P0001"}`), 400, "P0001")
	require.Equal(t, problem{"P0001", "raised", "why", "what to do"}, p)
	p = w.refused(w.send("POST", "/rpc/ad", `{"a":1,"b":2}`), 404, "PGRST202")
	require.Equal(t, "Could not find the function public.ad(a, b) in the schema cache", p.Message)
	p = w.refused(w.get("/rpc/overloaded?b=1&a=2"), 404, "PGRST202")
	require.NotEmpty(t, p.Hint)
	a := w.send("POST", "/rpc/teapot", "")
	p = w.refused(a, 418, "123")
	require.Equal(t, problem{"123", "short and stout", "tea", "coffee"}, p)
	require.Equal(t, "tea", a.header.Get("X-Pot"))
	require.Equal(t, "0", w.text("select count(*) from clients where id = 9"))
}

func TestCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct{ method, path, body, want string }{
		{"GET", "/rpc/add?a=1&b=2", "", `3`},
		{"GET", "/rpc/add?a=1", "", `11`},
		{"POST", "/rpc/add", `{"a":1,"b":2}`, `3`},
		{"POST", "/rpc/add?columns=a", `{"a":1,"b":2}`, `11`},
		{"GET", "/rpc/numbers?n=3", "", `[1,2,3]`},
		{"POST", "/rpc/numbers?limit=1&offset=1", `{"n":3}`, `[2]`},
		{"GET", "/rpc/pairs?x=eq.2", "", `[{"x":2,"y":"b"}]`},
		{"POST", "/rpc/pairs?select=y&order=x.desc", "", `[{"y":"b"},{"y":"a"}]`},
		{"GET", "/rpc/all_projects?select=name,clients(name)&id=eq.3", "", `[{"name":"IOS","clients":{"name":"Apple"}}]`},
		{"GET", "/rpc/all_projects?select=id,full_title&id=eq.3", "", `[{"id":3,"full_title":"IOS!"}]`},
		{"GET", "/rpc/one_project?pid=3&select=id,clients(name)", "", `{"id":3,"clients":{"name":"Apple"}}`},
		{"POST", "/rpc/one_project", `{"pid":3}`, `{"id":3,"name":"IOS","client_id":2}`},
		{"GET", "/rpc/joined?parts=a&parts=b", "", `"a-b"`},
		{"GET", "/rpc/joined?parts={a,b}", "", `"a-b"`},
		{"POST", "/rpc/joined", `{"parts":["a","b"]}`, `"a-b"`},
		{"POST", "/rpc/echo", `{"any":["thing",1]}`, `{"any":["thing",1]}`},
		{"POST", "/rpc/echo", `[1,{"a":2},"x"]`, `[1,{"a":2},"x"]`},
		{"POST", "/rpc/echo", `"text"`, `"text"`},
		{"GET", "/rpc/overloaded?a=1", "", `"int"`},
		{"GET", "/rpc/overloaded?b=1", "", `"text"`},
		{"POST", "/rpc/overloaded", `{"a":1,"c":2}`, `"both"`},
		{"POST", "/rpc/add", `[{"a":1,"b":2},{"a":5,"b":5}]`, `3`},
		{"GET", "/rpc/a_record?n=2", "", `{"id":2,"name":"Apple"}`},
		{"GET", "/rpc/records", "", `[{"id":1,"name":"Microsoft"},{"id":2,"name":"Apple"}]`},
		{"GET", "/rpc/out_of?a=1", "", `{"b":2,"c":"c"}`},
		{"GET", "/rpc/no_number", "", `null`},
		{"GET", "/rpc/add?a=ignored&a=1", "", `11`},
		{"POST", "/rpc/make_client?select=name", `{"id":77,"name":"made"}`, `{"name":"made"}`},
	} {
		a := w.send(tc.method, tc.path, tc.body)
		require.Equal(t, 200, a.status, "%s: %s", tc.path, a.body)
		require.JSONEq(t, tc.want, a.body, tc.path)
	}
	require.Equal(t, "made", w.text("select name from clients where id = 77"))

	a := w.send("POST", "/rpc/nothing", "")
	require.Equal(t, http.StatusNoContent, a.status)
	require.Empty(t, a.body)
	a = w.send("POST", "/rpc/add", "a=3&b=4", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, "7", a.body)
	a = w.send("POST", "/rpc/created", "")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, "yes", a.header.Get("X-Made"))
	a = w.send("HEAD", "/rpc/numbers?n=3", "", "Prefer", "count=exact")
	require.Equal(t, "0-2/3", a.header.Get("Content-Range"))
	require.Empty(t, a.body)
	a = w.send("POST", "/rpc/make_client", `{"id":78,"name":"tried"}`, "Prefer", "tx=rollback", "Accept", "application/vnd.pgrst.object+json")
	require.JSONEq(t, `{"id":78,"name":"tried"}`, a.body)
	require.Equal(t, "0", w.text("select count(*) from clients where id = 78"))
	a = w.send("POST", "/rpc/answers", `{"status":"202","headers":"[{\"Set-Cookie\":\"a=1\"},{\"Set-Cookie\":\"b=2\"}]"}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	require.Equal(t, []string{"a=1", "b=2"}, a.header.Values("Set-Cookie"))
	a = w.get("/rpc/sent", "Cookie", "a=1; b=2", "X-Twice", "1", "X-Twice", "2")
	require.JSONEq(t, `{"host":true,"cookie":null,"twice":"1, 2","cookies":{"a":"1","b":"2"}}`, a.body)
	a = w.get("/rpc/pairs", "Accept", "text/csv")
	require.Equal(t, "x,y\n1,a\n2,b", a.body)
}
