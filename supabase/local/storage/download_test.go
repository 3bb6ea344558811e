package storage_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDownloadHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("public/a.txt", "0123456789", "Cache-Control", "max-age=60")
	w.put("public/a.html", "<script>alert(1)</script>", "Content-Type", "text/html; charset=utf-8")
	path := "/object/public/public/a.txt"

	a := w.get(w.nobody, path)
	require.Equal(t, "0123456789", a.body)
	require.Equal(t, "text/plain", a.header.Get("Content-Type"))
	require.Equal(t, "max-age=60", a.header.Get("Cache-Control"))
	require.Equal(t, "bytes", a.header.Get("Accept-Ranges"))
	require.Equal(t, "10", a.header.Get("Content-Length"))
	require.NotEmpty(t, a.header.Get("Last-Modified"))
	require.Empty(t, a.header.Get("Content-Disposition"))
	etag := a.header.Get("ETag")
	require.Equal(t, `"781e5e245d69b566979b86e28d23f2c7"`, etag)

	a = w.do(w.nobody, http.MethodHead, path, nil)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "10", a.header.Get("Content-Length"))
	require.Equal(t, etag, a.header.Get("ETag"))
	require.Equal(t, http.StatusOK, w.do(w.nobody, http.MethodHead, "/object/info/public/public/a.txt", nil).status)

	a = w.get(w.nobody, path, "If-None-Match", etag)
	require.Equal(t, http.StatusNotModified, a.status)
	require.Empty(t, a.body)
	require.Equal(t, http.StatusOK, w.get(w.nobody, path, "If-None-Match", `"other"`).status)

	a = w.get(w.nobody, path, "Range", "bytes=2-4")
	require.Equal(t, http.StatusPartialContent, a.status)
	require.Equal(t, "234", a.body)
	require.Equal(t, "bytes 2-4/10", a.header.Get("Content-Range"))
	a = w.get(w.nobody, path, "Range", "bytes=20-")
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, a.status)
	require.Equal(t, problem{"416", "InvalidRange", "InvalidRange", "The requested range is not satisfiable"}, a.problem(t))
	require.Equal(t, "bytes */10", a.header.Get("Content-Range"))
	require.Equal(t, "0123456789", w.get(w.nobody, path, "Range", "bytes=0-1,4-5").body, "several ranges are not known")
	require.Equal(t, "0123456789", w.get(w.nobody, path, "Range", "bytes=2-4", "If-Range", `"other"`).body)

	require.Equal(t, "attachment;", w.get(w.nobody, path+"?download").header.Get("Content-Disposition"))
	require.Equal(t, "attachment; filename=%C3%A4%0D%0A.txt; filename*=UTF-8''%C3%A4%0D%0A.txt;",
		w.get(w.nobody, path+"?download=%C3%A4%0D%0A.txt").header.Get("Content-Disposition"), "no header of its own")
	require.Equal(t, "text/plain", w.get(w.nobody, "/object/public/public/a.html").header.Get("Content-Type"), "no page of this origin")
}

// Every way to download answers ranges and conditions alike.
func TestConditionsOnEveryDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	w.put("docs/"+key, "0123456789")
	for _, path := range []string{"/object/docs/" + key, "/object/authenticated/docs/" + key, w.signedURL(w.url, w.alice, "docs/"+key, 60)} {
		whole := w.get(w.alice, path)
		require.Equal(t, http.StatusOK, whole.status, path)
		etag, modified := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
		require.Equal(t, http.StatusNotModified, w.get(w.alice, path, "If-None-Match", etag).status, path)
		require.Equal(t, http.StatusNotModified, w.get(w.alice, path, "If-Modified-Since", modified).status, path)
		require.Equal(t, http.StatusOK, w.get(w.alice, path, "If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT").status, path)
		part := w.get(w.alice, path, "Range", "bytes=-3")
		require.Equal(t, http.StatusPartialContent, part.status, path)
		require.Equal(t, "789", part.body)
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, w.get(w.alice, path, "Range", "bytes=10-").status, path)
	}
}
