package rest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct{ path, want string }{
		{"/clients", `[{"id":1,"name":"Microsoft"},{"id":2,"name":"Apple"}]`},
		{"/clients?select=", `[{"id":1,"name":"Microsoft"},{"id":2,"name":"Apple"}]`},
		{"/clients?select=title:name&id=eq.1", `[{"title":"Microsoft"}]`},
		{"/clients?select=id::text,name&id=eq.1", `[{"id":"1","name":"Microsoft"}]`},
		{"/clients?select=n:id::double%20precision&id=eq.1", `[{"n":1}]`},
		{"/things?select=data->a->b,c:data->a->>c,data->l->0&id=eq.1", `[{"b":1,"c":"x","l":10}]`},
		{"/things?select=tags->0&id=eq.1", `[{"tags":"a"}]`},
		{"/things?select=tags->-1&id=eq.1", `[{"tags":"b"}]`},
		{"/things?select=data->0xy-4-!@%23$%25^%26*_d&id=eq.1", `[{"0xy-4-!@#$%^&*_d":null}]`},
		{`/things?select=data->a->"c"&id=eq.1`, `[{"c":"x"}]`},
		{"/things?select=name&data->a->>c=eq.y", `[{"name":"two"}]`},
		{"/things?select=name&data->a->b=gt.1", `[{"name":"two"}]`},
		{`/things?select="odd%20col"&id=eq.1`, `[{"odd col":"q"}]`},
		{`/things?select=name&"odd%20col"=eq.q`, `[{"name":"one"}]`},
		// operators
		{"/things?select=id&id=neq.1", `[{"id":2},{"id":3}]`},
		{"/things?select=id&id=gte.2&id=lt.3", `[{"id":2}]`},
		{"/things?select=id&id=in.(1,3)", `[{"id":1},{"id":3}]`},
		{"/things?select=id&id=in.()", `[]`},
		{"/things?select=id&id=not.in.(1,3)", `[{"id":2}]`},
		{`/things?select=id&name=in.("a,\"b\"",two)`, `[{"id":2},{"id":3}]`},
		{"/things?select=id&size=is.null", `[{"id":3}]`},
		{"/things?select=id&size=is.not_null", `[{"id":1},{"id":2}]`},
		{"/things?select=id&size=not.is.null", `[{"id":1},{"id":2}]`},
		{"/tasks?select=id&done=is.true", `[{"id":1}]`},
		{"/tasks?select=id&done=is.false", `[{"id":2},{"id":4}]`},
		{"/tasks?select=id&done=is.unknown", `[{"id":3}]`},
		{"/things?select=id&name=like.*o*", `[{"id":1},{"id":2}]`},
		{"/things?select=id&name=ilike.O*", `[{"id":1}]`},
		{"/things?select=id&name=match.^t", `[{"id":2}]`},
		{"/things?select=id&name=imatch.^T", `[{"id":2}]`},
		{"/things?select=id&name=like(any).{*ne,*wo}", `[{"id":1},{"id":2}]`},
		{"/things?select=id&name=like(all).{*o*,*w*}", `[{"id":2}]`},
		{"/things?select=id&id=eq(any).{1,3}", `[{"id":1},{"id":3}]`},
		{"/things?select=id&tags=cs.{a}", `[{"id":1}]`},
		{"/things?select=id&tags=cd.{b,c,d}", `[{"id":2}]`},
		{"/things?select=id&tags=ov.{a,c}", `[{"id":1},{"id":2}]`},
		{`/things?select=id&data=cs.{"l":[30]}`, `[{"id":2}]`},
		{"/things?select=id&span=sl.[5,6)", `[{"id":1}]`},
		{"/things?select=id&span=sr.[1,5)", `[{"id":2}]`},
		{"/things?select=id&span=nxr.[1,5)", `[{"id":1}]`},
		{"/things?select=id&span=nxl.[5,9)", `[{"id":2}]`},
		{"/things?select=id&span=adj.[9,12)", `[{"id":2}]`},
		{"/things?select=id&words=fts.cat%26rat", `[{"id":1}]`},
		{"/things?select=id&words=plfts(english).fat%20cats", `[{"id":1}]`},
		{"/things?select=id&words=phfts.fat%20cats", `[{"id":1}]`},
		{"/things?select=id&words=wfts.dogs%20or%20fish", `[{"id":2}]`},
		{"/things?select=id&name=fts(english).two", `[{"id":2}]`},
		{"/things?select=id&size=isdistinct.1", `[{"id":2},{"id":3}]`},
		{"/things?select=id&size=not.isdistinct.1", `[{"id":1}]`},
		// trees
		{"/things?select=id&or=(id.eq.1,id.eq.3)", `[{"id":1},{"id":3}]`},
		{"/things?select=id&and=(id.gt.1,or(name.eq.two,size.is.null),not.and(id.eq.2,name.eq.x))", `[{"id":2},{"id":3}]`},
		{"/things?select=id&not.or=(id.eq.1,id.eq.3)", `[{"id":2}]`},
		{`/things?select=id&or=(name.eq."a,\"b\"",tags.cs.{a,b},id.in.(2))`, `[{"id":1},{"id":2},{"id":3}]`},
		{"/things?select=id&or=(data->a->>c.eq.x,id.not.in.(1,2))", `[{"id":1},{"id":3}]`},
		// order and windows
		{"/things?select=id&order=size.desc.nullslast,id", `[{"id":2},{"id":1},{"id":3}]`},
		{"/things?select=id&order=size.nullsfirst", `[{"id":3},{"id":1},{"id":2}]`},
		{"/things?select=id&order=data->a->b.desc.nullslast", `[{"id":2},{"id":1},{"id":3}]`},
		{"/things?select=id&order=id&limit=1&offset=1", `[{"id":2}]`},
		{"/things?select=id&limit=0", `[]`},
		// computed column, view
		{"/projects?select=full_title&id=eq.3", `[{"full_title":"IOS!"}]`},
		{"/client_list?cid=eq.1", `[{"cid":1,"title":"Microsoft"}]`},
	} {
		a := w.get(tc.path)
		require.Equal(t, 200, a.status, "%s: %s", tc.path, a.body)
		require.JSONEq(t, tc.want, a.body, tc.path)
		require.Equal(t, "application/json; charset=utf-8", a.header.Get("Content-Type"))
	}
}

func TestEmbedding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct{ path, want string }{
		{"/projects?select=id,clients(name)&id=in.(1,5)&order=id", `[{"id":1,"clients":{"name":"Microsoft"}},{"id":5,"clients":null}]`},
		{"/projects?select=id,client:clients(*)&id=eq.3", `[{"id":3,"client":{"id":2,"name":"Apple"}}]`},
		{"/projects?select=id,client_id(name)&id=eq.3", `[{"id":3,"client_id":{"name":"Apple"}}]`},
		{"/projects?select=id,clients!projects_client_id_fkey(name)&id=eq.3", `[{"id":3,"clients":{"name":"Apple"}}]`},
		{"/projects?select=id,c:projects_client_id_fkey(name)&id=eq.3", `[{"id":3,"c":{"name":"Apple"}}]`},
		{"/clients?select=name,projects(id)&order=id", `[{"name":"Microsoft","projects":[{"id":1},{"id":2}]},{"name":"Apple","projects":[{"id":3},{"id":4}]}]`},
		{"/users?select=name,tasks(id)&order=id&tasks.order=id.desc", `[{"name":"Angela","tasks":[{"id":2},{"id":1}]},{"name":"Michael","tasks":[{"id":1}]},{"name":"Dwight","tasks":[{"id":4}]}]`},
		{"/users?select=name,tasks!users_tasks(id)&id=eq.3", `[{"name":"Dwight","tasks":[{"id":4}]}]`},
		{"/users?select=name,profiles(bio)&order=id&limit=2", `[{"name":"Angela","profiles":{"bio":"cats"}},{"name":"Michael","profiles":null}]`},
		{"/projects?select=id,clients!inner(name)&clients.name=eq.Apple&order=id", `[{"id":3,"clients":{"name":"Apple"}},{"id":4,"clients":{"name":"Apple"}}]`},
		{"/clients?select=id,projects!inner(id)&projects.name=eq.OSX", `[{"id":2,"projects":[{"id":4}]}]`},
		{"/clients?select=id,projects!left(id)&projects.name=eq.OSX&order=id", `[{"id":1,"projects":[]},{"id":2,"projects":[{"id":4}]}]`},
		{"/clients?select=id,projects(id,tasks(id))&id=eq.1&projects.tasks.order=id&projects.order=id",
			`[{"id":1,"projects":[{"id":1,"tasks":[{"id":1},{"id":2}]},{"id":2,"tasks":[{"id":3}]}]}]`},
		{"/clients?select=id,projects(id)&projects.limit=1&projects.offset=1&projects.order=id&order=id", `[{"id":1,"projects":[{"id":2}]},{"id":2,"projects":[{"id":4}]}]`},
		{"/clients?select=id,projects(id)&projects.or=(id.eq.1,id.eq.4)&order=id", `[{"id":1,"projects":[{"id":1}]},{"id":2,"projects":[{"id":4}]}]`},
		{"/projects?select=id,...clients(client:name)&id=eq.1", `[{"id":1,"client":"Microsoft"}]`},
		{"/projects?select=id,...clients(title:name,id2:id)&id=eq.5", `[{"id":5,"title":null,"id2":null}]`},
		{"/clients?select=name,...projects(pid:id)&id=eq.1&projects.order=id", `[{"name":"Microsoft","pid":[1,2]}]`},
		{"/projects?select=id,clients()&clients=is.null", `[{"id":5}]`},
		{"/projects?select=id,clients(name)&clients=not.is.null&id=eq.1", `[{"id":1,"clients":{"name":"Microsoft"}}]`},
		{"/projects?select=id,tasks()&tasks=is.null&order=id", `[{"id":4},{"id":5}]`},
		{"/projects?select=id,tasks(),clients()&or=(tasks.is.null,clients.not.is.null)&id=gte.4&order=id", `[{"id":4},{"id":5}]`},
		{"/projects?select=id,clients(name)&order=clients(name).asc,id.desc&limit=2", `[{"id":4,"clients":{"name":"Apple"}},{"id":3,"clients":{"name":"Apple"}}]`},
		{"/messages?select=body,from:users!messages_sender_fkey(name),to:users!recipient(name)", `[{"body":"hi","from":{"name":"Angela"},"to":{"name":"Michael"}}]`},
		{"/people?select=name,boss:boss_id(name)&id=eq.2", `[{"name":"Ann","boss":{"name":"Boss"}}]`},
		{"/people?select=name,people(name)&id=eq.1&people.order=id", `[{"name":"Boss","people":[{"name":"Ann"},{"name":"Ben"}]}]`},
		{"/projects?select=id,late_tasks(id)&id=eq.1", `[{"id":1,"late_tasks":[{"id":2}]}]`},
		// through views
		{"/project_list?select=name,clients(name)&id=eq.1", `[{"name":"Windows 7","clients":{"name":"Microsoft"}}]`},
		{"/project_list?select=name,client_list(title)&id=eq.1", `[{"name":"Windows 7","client_list":{"title":"Microsoft"}}]`},
		{"/client_list?select=title,projects(id)&cid=eq.2&projects.order=id", `[{"title":"Apple","projects":[{"id":3},{"id":4}]}]`},
		{"/project_names?select=name,clients(name),tasks(id)&id=eq.3", `[{"name":"IOS","clients":{"name":"Apple"},"tasks":[{"id":4}]}]`},
		{"/project_clients?select=name,tasks(id)&id=eq.3", `[{"name":"Apple","tasks":[{"id":4}]}]`},
	} {
		a := w.get(tc.path)
		require.Equal(t, 200, a.status, "%s: %s", tc.path, a.body)
		require.JSONEq(t, tc.want, a.body, tc.path)
	}
	w.refused(w.get("/all_names?select=id,tasks(id)"), 400, "PGRST200")
	p := w.refused(w.get("/messages?select=users(name)"), 300, "PGRST201")
	require.Equal(t, "Could not embed because more than one relationship was found for 'messages' and 'users'", p.Message)
	require.Equal(t, "Try changing 'users' to one of the following: 'users!messages_recipient_fkey', 'users!messages_sender_fkey'. "+
		"Find the desired relationship in the 'details' key.", p.Hint)
	require.Equal(t, []any{
		map[string]any{"cardinality": "many-to-one", "embedding": "messages with users", "relationship": "messages_recipient_fkey using messages(recipient) and users(id)"},
		map[string]any{"cardinality": "many-to-one", "embedding": "messages with users", "relationship": "messages_sender_fkey using messages(sender) and users(id)"},
	}, p.Details)
	p = w.refused(w.get("/projects?select=client(name)"), 400, "PGRST200")
	require.Equal(t, "Could not find a relationship between 'projects' and 'client' in the schema cache", p.Message)
	require.Equal(t, "Perhaps you meant 'clients' instead of 'client'.", p.Hint)
	w.refused(w.get("/projects?select=clients!nope(name)"), 400, "PGRST200")
	w.refused(w.get("/projects?select=id&clients.name=eq.x"), 400, "PGRST108")
	w.refused(w.get("/clients?select=id,projects(id)&order=projects(id)"), 400, "PGRST118")
	w.refused(w.get("/clients?select=id,projects(id)&projects=eq.1"), 400, "PGRST120")
}

func TestCountsAndRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		path   string
		header []string
		status int
		rng    string
	}{
		{"/projects", nil, 200, "0-4/*"},
		{"/projects?id=eq.99", nil, 200, "*/*"},
		{"/projects", []string{"Prefer", "count=exact"}, 200, "0-4/5"},
		{"/projects?id=eq.99", []string{"Prefer", "count=exact"}, 200, "*/0"},
		{"/projects?limit=2", []string{"Prefer", "count=exact"}, 206, "0-1/5"},
		{"/projects?limit=2&offset=4", []string{"Prefer", "count=exact"}, 206, "4-4/5"},
		{"/projects?limit=2", []string{"Prefer", "count=estimated"}, 206, "0-1/5"},
		{"/projects", []string{"Range", "1-2"}, 200, "1-2/*"},
		{"/projects", []string{"Range", "3-"}, 200, "3-4/*"},
		{"/projects?limit=4", []string{"Range", "1-1", "Prefer", "count=exact"}, 206, "1-1/5"},
		{"/clients?select=id,projects!inner(id)&projects.name=eq.OSX", []string{"Prefer", "count=exact"}, 200, "0-0/1"},
		{"/projects?select=id,clients()&clients=is.null", []string{"Prefer", "count=exact"}, 200, "0-0/1"},
		{"/rpc/all_projects?limit=2", []string{"Prefer", "count=exact"}, 206, "0-1/5"},
	} {
		a := w.get(tc.path, tc.header...)
		require.Equal(t, tc.status, a.status, "%s: %s", tc.path, a.body)
		require.Equal(t, tc.rng, a.header.Get("Content-Range"), tc.path)
	}
	a := w.do(w.service, "HEAD", "/projects?limit=1", "", "Prefer", "count=exact")
	require.Equal(t, 206, a.status)
	require.Equal(t, "0-0/5", a.header.Get("Content-Range"))
	require.Empty(t, a.body)
	require.Regexp(t, `^0-4/\d+$`, w.get("/projects", "Prefer", "count=planned").header.Get("Content-Range"))
	a = w.get("/projects?offset=9", "Prefer", "count=exact")
	p := w.refused(a, 416, "PGRST103")
	require.Equal(t, "*/5", a.header.Get("Content-Range"))
	require.Equal(t, "An offset of 9 was requested, but there are only 5 rows.", p.Details)
	w.refused(w.get("/projects?limit=-1"), 416, "PGRST103")
	w.refused(w.get("/projects", "Range", "5-2"), 416, "PGRST103")
	w.refused(w.get("/projects?offset=-1"), 400, "2201X")
	require.Equal(t, "count=exact", w.get("/projects", "Prefer", "count=exact").header.Get("Preference-Applied"))
	require.Equal(t, "/projects?id=eq.1&select=id", w.get("/projects?select=id&id=eq.1").header.Get("Content-Location"))
}

// Nobody gets more than the server's limit at once, and everybody hears how many there are.
func TestMostRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), "insert into tasks (id, name, project_id) select i, 'many', 5 from generate_series(1001, 1150) i")
	require.NoError(t, err)
	for path, want := range map[string]string{
		"/tasks?name=eq.many":           "0-99/150",
		"/tasks?name=eq.many&limit=120": "0-99/150",
		"/tasks?name=eq.many&offset=99": "99-149/150",
		"/rpc/numbers?n=150":            "0-99/150",
	} {
		a := w.get(path, "Prefer", "count=exact")
		require.Equal(t, 206, a.status, path)
		require.Equal(t, want, a.header.Get("Content-Range"), path)
	}
	var project struct{ Tasks []struct{ ID int } }
	require.NoError(t, json.Unmarshal([]byte(w.get("/projects?select=tasks(id)&id=eq.5", "Accept", "application/vnd.pgrst.object+json").body), &project))
	require.Len(t, project.Tasks, 100)
	a := w.send("PATCH", "/tasks?name=eq.many", `{"done":true}`, "Prefer", "count=exact")
	require.Equal(t, "0-149/150", a.header.Get("Content-Range"), "what is written is not read")
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := func(prefer string) string {
		a := w.get("/things?select=made&id=eq.1", "Prefer", prefer)
		require.Equal(t, 200, a.status, a.body)
		return a.body + a.header.Get("Preference-Applied")
	}
	require.Equal(t, `[{"made":"2024-01-01T19:04:05-08:00"}]timezone=America/Los_Angeles`, made("timezone=America/Los_Angeles"))
	require.Equal(t, `[{"made":"2024-01-02T03:04:05+00:00"}]`, made("timezone=Nowhere/At_All"))
	require.Equal(t, `[{"made":"2024-01-02T03:04:05+00:00"}]handling=lenient`, made("handling=lenient, timezone=x'; reset role; --, no-such-thing"))
	p := w.refused(w.get("/things", "Prefer", "handling=strict, timezone=Nowhere/At_All"), 400, "PGRST122")
	require.Equal(t, "Invalid preferences: timezone=Nowhere/At_All", p.Details)
	p = w.refused(w.get("/things", "Prefer", "handling=strict", "Prefer", "count=all, x"), 400, "PGRST122")
	require.Equal(t, "Invalid preferences: count=all, x", p.Details)
	require.Equal(t, "0-2/3", w.get("/things", "Prefer", "count=exact, count=planned").header.Get("Content-Range"), "the first of two counts")
}

func TestMedia(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const object = "application/vnd.pgrst.object+json"
	a := w.get("/clients?id=eq.1", "Accept", object)
	require.JSONEq(t, `{"id":1,"name":"Microsoft"}`, a.body)
	require.Equal(t, object+"; charset=utf-8", a.header.Get("Content-Type"))
	require.Equal(t, "The result contains 0 rows", w.refused(w.get("/clients?id=eq.9", "Accept", object), 406, "PGRST116").Details)
	require.Equal(t, "The result contains 2 rows", w.refused(w.get("/clients", "Accept", object), 406, "PGRST116").Details)
	a = w.get("/clients?order=id", "Accept", "text/csv")
	require.Equal(t, "id,name\n1,Microsoft\n2,Apple", a.body)
	require.Equal(t, "text/csv; charset=utf-8", a.header.Get("Content-Type"))
	require.JSONEq(t, `[{"id":5,"name":"Orphan"}]`, w.get("/projects?id=eq.5", "Accept", "application/vnd.pgrst.array+json;nulls=stripped").body)
	require.JSONEq(t, `{"id":5,"name":"Orphan"}`, w.get("/projects?id=eq.5", "Accept", object+";nulls=stripped").body)
	require.Equal(t, 200, w.get("/clients", "Accept", "text/html, */*;q=0.8").status)
	require.Equal(t, "None of these media types are available: application/vnd.pgrst.plan+json",
		w.refused(w.get("/clients", "Accept", "application/vnd.pgrst.plan+json"), 406, "PGRST107").Message)
	p := w.refused(w.get("/clients", "Accept-Profile", "auth"), 406, "PGRST106")
	require.Equal(t, "Only the following schemas are exposed: public, graphql_public", p.Hint)
	w.refused(w.do(w.service, "POST", "/clients", `{"id":1}`, "Content-Profile", "storage"), 406, "PGRST106")
	require.Equal(t, "public", w.get("/clients", "Accept-Profile", "public").header.Get("Content-Profile"))
}
