package storage_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type entryView struct {
	Name     string
	ID       *string
	Metadata map[string]any
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"b.txt", "a.txt", "folder/one.txt", "folder/two.txt", "folder/deep/three.txt", "Folder2/x", "100%25/x", "100x/x"} {
		w.put("docs/"+strings.ReplaceAll(key, "%25", "&"), "x")
	}
	names := func(body string) string {
		found := []string{}
		for _, e := range decode[[]entryView](t, w.do(w.service, http.MethodPost, "/object/list/docs", strings.NewReader(body))) {
			name := e.Name
			if e.ID == nil {
				require.Nil(t, e.Metadata, name)
				name += "/"
			}
			found = append(found, name)
		}
		return strings.Join(found, " ")
	}
	require.Equal(t, "100&/ 100x/ Folder2/ a.txt b.txt folder/", names(`{"prefix":""}`))
	require.Equal(t, "deep/ one.txt two.txt", names(`{"prefix":"folder"}`))
	require.Equal(t, "deep/ one.txt two.txt", names(`{"prefix":"folder/"}`))
	require.Equal(t, "three.txt", names(`{"prefix":"folder/deep"}`))
	require.Equal(t, "", names(`{"prefix":"fold"}`), "a prefix is a folder")
	require.Equal(t, "", names(`{"prefix":"100_"}`), "no wildcard")
	require.Equal(t, "Folder2/ folder/", names(`{"prefix":"","search":"FOLD"}`))
	require.Equal(t, "two.txt", names(`{"prefix":"folder","search":"tw"}`))
	require.Equal(t, "a.txt b.txt", names(`{"prefix":"","limit":2,"offset":3}`))
	require.Equal(t, "folder/ b.txt a.txt Folder2/ 100x/ 100&/", names(`{"prefix":"","sortBy":{"column":"name","order":"desc"}}`))
	require.Equal(t, "100&/ 100x/ Folder2/ folder/ b.txt a.txt", names(`{"prefix":"","sortBy":{"column":"created_at","order":"asc"}}`), "folders have no date")
	require.Equal(t, "100&/ 100x/ Folder2/ folder/ a.txt b.txt", names(`{"prefix":"","sortBy":{"column":"updated_at","order":"desc"}}`))

	for body, want := range map[string]string{
		`{}`:                        "body must have required property 'prefix'",
		`{"prefix":"","limit":0}`:   "body/limit must be >= 1",
		`{"prefix":"","offset":-1}`: "body/offset must be >= 0",
		`{"prefix":"","limit":"x"}`: "body/limit must be integer",
		`{"prefix":"","sortBy":{"column":"metadata"}}`:              "body/sortBy/column must be equal to one of the allowed values",
		`{"prefix":"","sortBy":{"column":"name; drop table x"}}`:    "body/sortBy/column must be equal to one of the allowed values",
		`{"prefix":"","sortBy":{"column":"name","order":"upward"}}`: "body/sortBy/order must be equal to one of the allowed values",
	} {
		require.Equal(t, want, w.do(w.service, http.MethodPost, "/object/list/docs", strings.NewReader(body)).problem(t).Message, body)
	}
	big := `{"prefix":"` + strings.Repeat("x", 2<<20) + `"}`
	require.Equal(t, http.StatusRequestEntityTooLarge, w.do(w.service, http.MethodPost, "/object/list/docs", strings.NewReader(big)).status)

	full := decode[[]map[string]json.RawMessage](t, w.do(w.service, http.MethodPost, "/object/list/docs", strings.NewReader(`{"prefix":"","search":"a.txt"}`)))
	require.Len(t, full, 1)
	for _, name := range []string{"id", "created_at", "updated_at", "last_accessed_at", "metadata"} {
		require.NotEqual(t, "null", string(full[0][name]), name)
	}
	require.Contains(t, string(full[0]["metadata"]), `"mimetype":"text/plain"`)
}

func TestListByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/"+aliceID+"/a.txt", "x")
	w.put("docs/"+bobID+"/b.txt", "x")
	for _, tc := range []struct {
		who  actor
		want []string
	}{{w.anon, nil}, {w.alice, []string{aliceID}}, {w.bob, []string{bobID}}, {w.service, []string{aliceID, bobID}}} {
		var got []string
		for _, e := range decode[[]entryView](t, w.json(tc.who, http.MethodPost, "/object/list/docs", map[string]string{"prefix": ""})) {
			got = append(got, e.Name)
		}
		require.Equal(t, tc.want, got, tc.who.name)
	}
}

func TestWhatIsNotBuiltSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range [][3]string{
		{http.MethodGet, "/render/image/public/public/a.png", "image transformations (/render)"},
		{http.MethodPost, "/render/image/sign/docs/a.png", "image transformations (/render)"},
		{http.MethodPut, "/bucket/docs/lifecycle", "a bucket's lifecycle rules"},
		{http.MethodGet, "/s3", "/s3"},
		{http.MethodGet, "/vector/x", "/vector"},
		{http.MethodGet, "/iceberg/v1", "/iceberg"},
		{http.MethodDelete, "/cdn/docs/a", "/cdn"},
	} {
		a := w.do(w.service, tc[0], tc[1], nil)
		require.Equal(t, http.StatusNotImplemented, a.status, tc[1])
		require.Equal(t, problem{"501", "not_implemented", "NotSupported", tc[2] + " is not in the embedded stack; use `supabase start` or a hosted project"}, a.problem(t))
	}
	for _, tc := range [][2]string{{http.MethodGet, "/"}, {http.MethodPatch, "/object/docs/a"}, {http.MethodGet, "/object/docs"}, {http.MethodPost, "/object"},
		{http.MethodPost, "/bucket/docs"}, {http.MethodGet, "/bucket/docs/empty"}, {http.MethodGet, "/bucket/docs/other"}, {http.MethodPost, "/status"},
		{http.MethodPut, "/object/upload/sign/docs"}, {http.MethodGet, "/upload/resumable/x"}, {http.MethodPost, "/upload/other"}} {
		a := w.do(w.service, tc[0], tc[1], nil)
		require.Equal(t, http.StatusNotFound, a.status, tc[1])
		require.Contains(t, a.body, `"Route `+tc[0]+`:`)
	}
	// For other methods those words are buckets.
	require.Equal(t, "NoSuchBucket", w.get(w.service, "/object/move/a").problem(t).Code)
}
