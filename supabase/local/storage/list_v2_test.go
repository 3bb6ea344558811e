package storage_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

type pageV2 struct {
	HasNext    bool
	NextCursor string
	Folders    []struct{ Name, Key string }
	Objects    []struct {
		Name, Key, ID string
		Metadata      map[string]any
	}
}

func (w *world) listV2(who actor, body map[string]any) pageV2 {
	w.t.Helper()
	return decode[pageV2](w.t, w.json(who, http.MethodPost, "/object/list-v2/docs", body))
}

// names are all names of a listing, page by page.
func (w *world) namesV2(who actor, body map[string]any) (names []string) {
	w.t.Helper()
	for {
		page := w.listV2(who, body)
		for _, folder := range page.Folders {
			names = append(names, folder.Name)
		}
		for _, object := range page.Objects {
			names = append(names, object.Name)
		}
		require.Equal(w.t, page.HasNext, page.NextCursor != "")
		if !page.HasNext {
			return names
		}
		body["cursor"] = page.NextCursor
	}
}

func TestListV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a", "b", "f_/x", "f_/y/z", "g", "other"} {
		w.put("docs/"+aliceID+"/"+key, key)
	}
	under := aliceID + "/"
	for _, who := range []actor{w.anon, w.bob} {
		require.Empty(t, w.namesV2(who, map[string]any{"prefix": under}), who.name)
	}
	require.Equal(t, "InvalidRequest", w.json(w.nobody, http.MethodPost, "/object/list-v2/docs", nil).problem(t).Code)
	for _, limit := range []int{1, 2, 3, 100} {
		require.Equal(t, []string{under + "a", under + "b", under + "f_/x", under + "f_/y/z", under + "g", under + "other"},
			w.namesV2(w.alice, map[string]any{"prefix": under, "limit": limit}), limit)
		require.Equal(t, []string{under + "other", under + "g", under + "f_/y/z", under + "f_/x", under + "b", under + "a"},
			w.namesV2(w.alice, map[string]any{"prefix": under, "limit": limit, "sortBy": map[string]string{"column": "created_at", "order": "desc"}}), limit)
	}
	require.Equal(t, []string{under + "a", under + "b", under + "f_/", under + "g", under + "other"},
		w.namesV2(w.alice, map[string]any{"prefix": under, "limit": 1, "with_delimiter": true}))
	require.Equal(t, []string{under + "f_/y/", under + "f_/x"}, w.namesV2(w.alice, map[string]any{"prefix": under + "f_/", "with_delimiter": true}))
	require.Empty(t, w.namesV2(w.alice, map[string]any{"prefix": under + "%"}), "no pattern")
	page := w.listV2(w.alice, map[string]any{"prefix": under + "a"})
	require.Equal(t, "text/plain", page.Objects[0].Metadata["mimetype"])
	require.NotEmpty(t, page.Objects[0].ID)
	for body, want := range map[string]string{
		`{"limit":0}`:                                 "body/limit must be >= 1",
		`{"sortBy":{"column":"id"}}`:                  "body/sortBy/column must be equal to one of the allowed values",
		`{"sortBy":{"order":"asc"}}`:                  "body/sortBy must have required property 'column'",
		`{"sortBy":{"column":"name","order":"up"}}`:   "body/sortBy/order must be equal to one of the allowed values",
		`{"cursor":"nonsense"}`:                       "Invalid continuation token",
		`{"cursor":"eyJhdCI6Im5vdyIsIm5hbWUiOiIifQ"}`: "Invalid continuation token",
		`{"noncurrentVersions":"only"}`:               "listing noncurrent versions is not in the embedded stack; use `supabase start` or a hosted project",
	} {
		require.Equal(t, want, w.do(w.alice, http.MethodPost, "/object/list-v2/docs", stringReader(body)).problem(t).Message, body)
	}
}
