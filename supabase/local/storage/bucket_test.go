package storage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type bucketView struct {
	ID, Name, Owner, Type string
	Public                bool
	FileSizeLimit         *int64   `json:"file_size_limit"`
	AllowedMimeTypes      []string `json:"allowed_mime_types"`
	CreatedAt             string   `json:"created_at"`
	UpdatedAt             string   `json:"updated_at"`
}

func TestBucketLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	create := func(body string) answer {
		return w.do(w.service, http.MethodPost, "/bucket", strings.NewReader(body))
	}
	for body, want := range map[string]problem{
		`{}`:                                      {"400", "Error", "InvalidRequest", "body must have required property 'name'"},
		`{"name":"a/b"}`:                          {"400", "Invalid Input", "InvalidBucketName", "Bucket name invalid"},
		`{"name":"ok","id":"../x"}`:               {"400", "Invalid Input", "InvalidBucketName", "Bucket name invalid"},
		`{"name":"a\u0000b"}`:                     {"400", "Invalid Input", "InvalidBucketName", "Bucket name invalid"},
		`{"name":"docs"}`:                         {"409", "Duplicate", "BucketAlreadyExists", "The resource already exists"},
		`{"name":"b","file_size_limit":"lots"}`:   {"400", "InvalidRequest", "InvalidRequest", "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B"},
		`{"name":"b","file_size_limit":-1}`:       {"400", "Error", "InvalidRequest", "body/file_size_limit must be integer"},
		`{"name":"b","file_size_limit":1.5}`:      {"400", "Error", "InvalidRequest", "body/file_size_limit must be integer"},
		`{"name":"b","file_size_limit":"51GB"}`:   {"413", "Payload too large", "EntityTooLarge", "The object exceeded the maximum allowed size"},
		`{"name":"b","allowed_mime_types":["x"]}`: {"415", "invalid_mime_type", "InvalidMimeType", "mime type x is not supported"},
		`{"name":"b","allowed_mime_types":"x"}`:   {"400", "Error", "InvalidRequest", "body/allowed_mime_types must be array"},
		`{"name":"b","public":"yes"}`:             {"400", "Error", "InvalidRequest", "body/public must be boolean"},
		`{"name":"b","type":"ANALYTICS"}`:         {"501", "not_implemented", "NotSupported", "ANALYTICS buckets is not in the embedded stack; use `supabase start` or a hosted project"},
		`[]`:                                      {"400", "Error", "InvalidRequest", "body must be object"},
	} {
		require.Equal(t, want, create(body).problem(t), body)
	}

	a := create(`{"name":"pics","public":true,"file_size_limit":"1.5MB","allowed_mime_types":["image/*","text/plain; charset=utf-8",""]}`)
	require.JSONEq(t, `{"name":"pics"}`, a.body)
	b := decode[bucketView](t, w.get(w.service, "/bucket/pics"))
	require.Equal(t, "pics", b.ID)
	require.Equal(t, "STANDARD", b.Type)
	require.True(t, b.Public)
	require.EqualValues(t, 1_500_000, *b.FileSizeLimit)
	require.Equal(t, []string{"image/*", "text/plain"}, b.AllowedMimeTypes)
	require.NotEmpty(t, b.CreatedAt)

	// What is not named stays; null takes a limit away.
	require.JSONEq(t, `{"message":"Successfully updated"}`, w.json(w.service, http.MethodPut, "/bucket/pics", map[string]any{"public": false}).body)
	b = decode[bucketView](t, w.get(w.service, "/bucket/pics"))
	require.False(t, b.Public)
	require.EqualValues(t, 1_500_000, *b.FileSizeLimit)
	require.Len(t, b.AllowedMimeTypes, 2)
	w.json(w.service, http.MethodPut, "/bucket/pics", map[string]any{"file_size_limit": nil, "allowed_mime_types": nil})
	b = decode[bucketView](t, w.get(w.service, "/bucket/pics"))
	require.Nil(t, b.FileSizeLimit)
	require.Nil(t, b.AllowedMimeTypes)
	require.Equal(t, "NoSuchBucket", w.json(w.service, http.MethodPut, "/bucket/none", map[string]any{"public": true}).problem(t).Code)

	w.put("pics/a/b.png", "x")
	w.put("pics/c.png", "x")
	a = w.do(w.service, http.MethodDelete, "/bucket/pics", nil)
	require.Equal(t, problem{"409", "ResourceNotEmpty", "ResourceNotEmpty", "The bucket you tried to delete is not empty"}, a.problem(t))
	require.JSONEq(t, `{"message":"Successfully emptied"}`, w.do(w.service, http.MethodPost, "/bucket/pics/empty", nil).body)
	w.nothingStored()
	require.JSONEq(t, `{"message":"Successfully deleted"}`, w.do(w.service, http.MethodDelete, "/bucket/pics", nil).body)
	require.Equal(t, "NoSuchBucket", w.do(w.service, http.MethodDelete, "/bucket/pics", nil).problem(t).Code)
	require.Equal(t, "NoSuchBucket", w.get(w.service, "/bucket/pics").problem(t).Code)
	require.Equal(t, "NoSuchBucket", w.upload(w.service, "pics/a", "x").problem(t).Code)
}

func TestEmptyingIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), `
		create policy see_buckets on storage.buckets for select to authenticated using (true);
		create policy see_all on storage.objects for select to authenticated using (true)`)
	require.NoError(t, err)
	w.put("docs/"+aliceID+"/mine", "x")
	w.put("docs/theirs", "x")
	a := w.do(w.alice, http.MethodPost, "/bucket/docs/empty", nil)
	require.Equal(t, "Cannot delete: theirs, you may have SELECT but not DELETE permissions", a.problem(t).Message)
	require.Equal(t, 2, w.rows())
	require.Len(t, w.files(), 2)
}

func TestListBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := func(query string) string {
		found := []string{}
		for _, b := range decode[[]bucketView](t, w.get(w.service, "/bucket"+query)) {
			found = append(found, b.Name)
		}
		return strings.Join(found, " ")
	}
	require.Equal(t, "docs frozen public small", names(""))
	require.Equal(t, "docs frozen public small", names("/"))
	require.Equal(t, "frozen public", names("?limit=2&offset=1"))
	require.Equal(t, "small public", names("?sortColumn=name&sortOrder=desc&limit=2"))
	require.Equal(t, "small", names("?search=MAL"))
	require.Equal(t, "", names("?search=%25"), "no wildcard")
	for query, want := range map[string]string{
		"?limit=x":                      "querystring/limit must be integer",
		"?limit=0":                      "querystring/limit must be >= 1",
		"?offset=-1":                    "querystring/offset must be >= 0",
		"?sortColumn=owner":             "querystring/sortColumn must be equal to one of the allowed values",
		"?sortOrder=up":                 "querystring/sortOrder must be equal to one of the allowed values",
		"?sortColumn=name;drop%20table": "",
	} {
		a := w.get(w.service, "/bucket"+query)
		if want == "" { // Go drops a query with a semicolon: the default order
			continue
		}
		require.Equal(t, want, a.problem(t).Message, query)
	}
}
