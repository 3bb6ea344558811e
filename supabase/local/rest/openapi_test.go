package rest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), "revoke execute on function make_client from public, anon; revoke all on clients from anon")
	require.NoError(t, err)
	type operation struct {
		Summary, Description string
		Parameters           []map[string]any
	}
	var doc struct {
		Swagger string
		Paths   map[string]map[string]operation
		// of tables
		Definitions map[string]struct {
			Description string
			Required    []string
			Properties  map[string]map[string]any
		}
		Parameters map[string]map[string]any
	}
	read := func(who actor, header ...string) {
		t.Helper()
		a := w.do(who, "GET", "/", "", header...)
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, "application/openapi+json; charset=utf-8", a.header.Get("Content-Type"))
		doc.Paths, doc.Definitions, doc.Parameters = nil, nil, nil
		require.NoError(t, json.Unmarshal([]byte(a.body), &doc))
		require.Equal(t, "2.0", doc.Swagger)
	}
	// Nobody hears of what they may not use.
	read(w.nobody)
	require.NotContains(t, doc.Paths, "/forbidden")
	require.NotContains(t, doc.Definitions, "forbidden")
	require.NotContains(t, doc.Paths, "/clients")
	require.NotContains(t, doc.Paths, "/rpc/make_client")
	require.Contains(t, doc.Paths, "/projects")
	read(w.alice, "Accept", "application/json")
	require.NotContains(t, doc.Paths, "/forbidden")
	require.Contains(t, doc.Paths, "/clients")

	read(w.service, "Accept", "application/openapi+json")
	require.Contains(t, doc.Paths, "/forbidden")
	require.ElementsMatch(t, []string{"get", "post", "patch", "delete"}, keysOf(doc.Paths["/things"]))
	require.ElementsMatch(t, []string{"get"}, keysOf(doc.Paths["/all_names"]), "a union cannot be written")
	require.ElementsMatch(t, []string{"get", "post"}, keysOf(doc.Paths["/rpc/add"]))
	require.ElementsMatch(t, []string{"post"}, keysOf(doc.Paths["/rpc/make_client"]))
	require.Equal(t, "Things of all kinds", doc.Paths["/things"]["get"].Summary)
	require.Equal(t, "They are many.", doc.Paths["/things"]["get"].Description)
	things := doc.Definitions["things"].Properties
	require.Equal(t, map[string]any{"type": "integer", "format": "integer", "description": "How big it is"}, things["size"])
	require.Equal(t, map[string]any{"type": "array", "format": "text[]", "items": map[string]any{"type": "string"}}, things["tags"])
	require.Equal(t, map[string]any{"format": "jsonb"}, things["data"])
	require.Equal(t, []any{"happy", "sad"}, things["feeling"]["enum"])
	require.Equal(t, "Note:\nThis is a Primary Key.<pk/>", things["id"]["description"])
	require.Equal(t, []string{"id"}, doc.Definitions["things"].Required)
	require.Equal(t, []string{"id", "name"}, doc.Definitions["clients"].Required)
	require.Equal(t, "Note:\nThis is a Foreign Key to `clients.id`.<fk table='clients' column='id'/>", doc.Definitions["projects"].Properties["client_id"]["description"])

	// Every reference leads somewhere.
	for path, operations := range doc.Paths {
		for _, op := range operations {
			for _, p := range op.Parameters {
				if ref, ok := p["$ref"].(string); ok {
					require.Contains(t, doc.Parameters, strings.TrimPrefix(ref, "#/parameters/"), path)
				}
			}
		}
	}
	require.Equal(t, 200, w.do(w.service, "HEAD", "/", "").status)
	w.refused(w.get("/", "Accept", "text/csv"), 406, "PGRST107")
	w.refused(w.get("/clients", "Accept", "application/openapi+json"), 406, "PGRST107")
}

func keysOf[V any](m map[string]V) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}
