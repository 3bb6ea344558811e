package storage_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

// tusMetadata is the Upload-Metadata header, of pairs of name and value.
func tusMetadata(pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(parts, ",")
}

// begin asks for an upload to a bucket, of a text of a size.
func (w *world) begin(who actor, bucket, key string, size int, header ...string) answer {
	w.t.Helper()
	return w.do(who, http.MethodPost, "/upload/resumable", nil, append([]string{
		"Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(size),
		"Upload-Metadata", tusMetadata("bucketName", bucket, "objectName", key, "contentType", "text/plain", "cacheControl", "60", "metadata", `{"shape":"round"}`),
	}, header...)...)
}

// part sends the bytes that come at an offset.
func (w *world) part(who actor, location string, offset int, body io.Reader, header ...string) answer {
	w.t.Helper()
	return w.do(who, http.MethodPatch, strings.TrimPrefix(location, w.url), body, append([]string{
		"Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream"}, header...)...)
}

func (w *world) offset(who actor, location string) answer {
	w.t.Helper()
	return w.do(who, http.MethodHead, strings.TrimPrefix(location, w.url), nil, "Tus-Resumable", "1.0.0")
}

func TestResumableByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	require.Equal(t, problem{"400", "Error", "InvalidRequest", "headers must have required property 'authorization'"}, w.begin(w.nobody, "docs", key, 5).problem(t))
	for _, who := range []actor{w.anon, w.bob} {
		for _, upsert := range []string{"false", "true"} {
			a := w.begin(who, "docs", key, 5, "x-upsert", upsert)
			require.Equal(t, http.StatusForbidden, a.status, who.name)
			require.Equal(t, denied, a.body)
		}
	}
	for _, tc := range []struct {
		bucket, key string
		size        int
		status      int
		message     string
	}{
		{"none", key, 5, http.StatusNotFound, "Bucket not found"},
		{"", key, 5, http.StatusBadRequest, "Bucket name invalid"},
		{"docs", "ä", 5, http.StatusBadRequest, "Invalid key: ä"},
		{"small", key, 1001, http.StatusRequestEntityTooLarge, "The object exceeded the maximum allowed size"},
		{"docs", key, 60 << 20, http.StatusRequestEntityTooLarge, "ERR_MAX_SIZE_EXCEEDED: maximum size exceeded\n"},
	} {
		a := w.begin(w.alice, tc.bucket, tc.key, tc.size)
		require.Equal(t, tc.status, a.status, tc.message)
		require.Equal(t, tc.message, a.body)
	}
	w.nothingStored()

	a := w.begin(w.alice, "docs", key, 10)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	location := a.header.Get("Location")
	require.True(t, strings.HasPrefix(location, w.url+"/upload/resumable/"), location)
	for _, who := range []actor{w.anon, w.bob, w.service} {
		require.Equal(t, http.StatusForbidden, w.part(who, location, 0, strings.NewReader("01234")).status, who.name)
		gone := w.do(who, http.MethodDelete, strings.TrimPrefix(location, w.url), nil, "Tus-Resumable", "1.0.0")
		require.Equal(t, http.StatusForbidden, gone.status, who.name)
		hidden := w.do(who, http.MethodPost, strings.TrimPrefix(location, w.url), nil, "Tus-Resumable", "1.0.0", "X-HTTP-Method-Override", "DELETE")
		require.Equal(t, http.StatusForbidden, hidden.status, who.name)
	}
	require.Equal(t, http.StatusBadRequest, w.part(w.nobody, location, 0, strings.NewReader("01234")).status)
	require.Equal(t, "0", w.offset(w.alice, location).header.Get("Upload-Offset"))
	require.Zero(t, w.rows())
}

func TestResumableUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	location := w.begin(w.alice, "docs", key, 10).header.Get("Location")
	require.Equal(t, http.StatusNoContent, w.part(w.alice, location, 0, strings.NewReader("01234")).status)
	require.Zero(t, w.rows(), "nothing is there before all of it is")
	require.Equal(t, http.StatusConflict, w.part(w.alice, location, 0, strings.NewReader("01234")).status)
	require.Equal(t, http.StatusConflict, w.part(w.alice, location, 7, strings.NewReader("789")).status)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.part(w.alice, location, 5, strings.NewReader("567890")).status)
	a := w.offset(w.alice, location)
	require.Equal(t, "5", a.header.Get("Upload-Offset"))
	require.Equal(t, "10", a.header.Get("Upload-Length"))

	a = w.part(w.alice, location, 5, strings.NewReader("56789"))
	require.Equal(t, http.StatusNoContent, a.status, a.body)
	require.Equal(t, "10", a.header.Get("Upload-Offset"))
	got := w.get(w.alice, "/object/docs/"+key)
	require.Equal(t, "0123456789", got.body)
	require.Equal(t, `"781e5e245d69b566979b86e28d23f2c7"`, got.header.Get("ETag"))
	require.Equal(t, "max-age=60", got.header.Get("Cache-Control"))
	info := decode[map[string]any](t, w.get(w.alice, "/object/info/docs/"+key))
	require.Equal(t, map[string]any{"shape": "round"}, info["metadata"])
	require.Equal(t, "text/plain", info["content_type"])
	// Whoever lost the answer learns that it is done; there is nothing left to call off.
	require.Equal(t, "10", w.offset(w.alice, location).header.Get("Upload-Offset"))
	gone := w.do(w.alice, http.MethodDelete, strings.TrimPrefix(location, w.url), nil, "Tus-Resumable", "1.0.0", "x-upsert", "true")
	require.NotEqual(t, http.StatusNoContent, gone.status)
	require.Equal(t, "0123456789", w.get(w.alice, "/object/docs/"+key).body)

	// Again, in one go, and over it.
	require.Equal(t, http.StatusConflict, w.begin(w.alice, "docs", key, 3).status)
	a = w.do(w.alice, http.MethodPost, "/upload/resumable", strings.NewReader("new"), "Tus-Resumable", "1.0.0", "Upload-Length", "3", "x-upsert", "true",
		"Content-Type", "application/offset+octet-stream", "Upload-Metadata", tusMetadata("bucketName", "docs", "objectName", key))
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, "new", w.get(w.alice, "/object/docs/"+key).body)
	require.Equal(t, 1, w.rows())
}

func TestResumableEmptyAndCalledOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.begin(w.service, "docs", "empty", 0).status)
	require.Empty(t, w.get(w.service, "/object/docs/empty").body)
	before := len(w.files())
	location := w.begin(w.service, "docs", "a", 5).header.Get("Location")
	require.Equal(t, http.StatusNoContent, w.part(w.service, location, 0, strings.NewReader("012")).status)
	gone := w.do(w.service, http.MethodDelete, strings.TrimPrefix(location, w.url), nil, "Tus-Resumable", "1.0.0")
	require.Equal(t, http.StatusNoContent, gone.status, gone.body)
	require.Equal(t, http.StatusNotFound, w.offset(w.service, location).status)
	require.Len(t, w.files(), before)
	options := w.do(w.nobody, http.MethodOptions, "/upload/resumable", nil)
	require.Equal(t, "1.0.0", options.header.Get("Tus-Version"))
	require.Contains(t, options.header.Get("Tus-Extension"), "creation-with-upload")
	require.Equal(t, http.StatusPreconditionFailed, w.do(w.service, http.MethodPost, "/upload/resumable", nil, "Upload-Length", "1").status)
	require.Equal(t, http.StatusNotImplemented, w.do(w.service, http.MethodPost, "/upload/resumable", nil, "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1").status)
	require.Equal(t, http.StatusNotFound, w.offset(w.service, w.url+"/upload/resumable/..%2fx").status)
}

// What was allowed when the upload began may be forbidden when its last bytes have arrived.
func TestResumableAsksAgainAtTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	location := w.begin(w.alice, "docs", aliceID+"/a.txt", 5).header.Get("Location")
	body, feed := newPipe()
	result := make(chan answer, 1)
	go func() { result <- w.part(w.alice, location, 0, body, "Expect", "100-continue") }()
	feed.write(t, "0123") // the server wants the body, so it has asked once
	_, err := w.db.Exec(t.Context(), `drop policy own_insert on storage.objects`)
	require.NoError(t, err)
	feed.write(t, "4")
	feed.close(t)
	a := <-result
	require.Equal(t, http.StatusForbidden, a.status)
	require.Equal(t, denied, a.body)
	require.Equal(t, http.StatusNotFound, w.offset(w.alice, location).status, "it is over")
	w.nothingStored()
}

func TestResumableSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	_, token, _ := strings.Cut(w.signedUploadURL(w.alice, "docs/"+key), "?token=")
	begin := func(key string, header ...string) answer {
		return w.do(w.nobody, http.MethodPost, "/upload/resumable/sign", nil, append([]string{"Tus-Resumable", "1.0.0", "Upload-Length", "5",
			"Upload-Metadata", tusMetadata("bucketName", "docs", "objectName", key)}, header...)...)
	}
	require.Equal(t, "Missing x-signature header", begin(key).body)
	require.Equal(t, "Invalid signature", begin("other", "x-signature", token).body)
	require.Equal(t, "Invalid Compact JWS", begin(key, "x-signature", "nonsense").body)
	w.nothingStored()
	a := begin(key, "x-signature", token)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	location := a.header.Get("Location")
	require.True(t, strings.HasPrefix(location, w.url+"/upload/resumable/sign/"), location)
	require.Equal(t, "Missing x-signature header", w.part(w.nobody, location, 0, strings.NewReader("01234")).body)
	require.Equal(t, http.StatusNoContent, w.part(w.nobody, location, 0, strings.NewReader("01234"), "x-signature", token).status)
	require.Equal(t, "01234", w.get(w.alice, "/object/docs/"+key).body)
}

// An upload goes on after a restart, and after a connection that broke in the middle of a part.
func TestResumableOutlivesRestartAndBrokenConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	location := w.begin(w.service, "docs", "a", 10).header.Get("Location")
	body, feed := newPipe()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, location, body)
	require.NoError(t, err)
	for name, value := range map[string]string{"Authorization": "Bearer " + w.service.token, "Tus-Resumable": "1.0.0", "Upload-Offset": "0",
		"Content-Type": "application/offset+octet-stream", "Expect": "100-continue"} {
		req.Header.Set(name, value)
	}
	broken := make(chan error, 1)
	go func() {
		res, err := w.client.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		broken <- err
	}()
	feed.write(t, "0123")
	cancel()
	feed.breakOff() // the transport may wait for its body before it says that it was cancelled
	require.Error(t, <-broken)
	arrived, err := strconv.Atoi(w.offset(w.service, location).header.Get("Upload-Offset")) // waits for the broken request to end
	require.NoError(t, err)

	w.url = w.serve(w.start())
	at := w.url + "/upload/resumable" + location[strings.LastIndexByte(location, '/'):]
	require.Equal(t, strconv.Itoa(arrived), w.offset(w.service, at).header.Get("Upload-Offset"))
	require.Equal(t, http.StatusNoContent, w.part(w.service, at, arrived, strings.NewReader("0123456789"[arrived:])).status)
	require.Equal(t, "0123456789", w.get(w.service, "/object/docs/a").body)
}

// A crash between the last byte and the row: the upload begins anew, it does not look finished.
func TestResumableCrashBeforeTheRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	location := w.begin(w.service, "docs", "a", 5).header.Get("Location")
	id := location[strings.LastIndexByte(location, '/')+1:]
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "resumable", id+".bin"), []byte("01234"), 0o600))
	require.Equal(t, http.StatusNotFound, w.offset(w.service, location).status)
	w.nothingStored()
	// After the bytes got their place, too.
	location = w.begin(w.service, "docs", "a", 5).header.Get("Location")
	id = location[strings.LastIndexByte(location, '/')+1:]
	require.NoError(t, os.Remove(filepath.Join(w.dir, "resumable", id+".bin")))
	require.Equal(t, http.StatusNotFound, w.offset(w.service, location).status)
	w.nothingStored()
}

func TestRestingUploadsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	location := w.begin(w.service, "docs", "a", 5).header.Get("Location")
	require.Equal(t, http.StatusNoContent, w.part(w.service, location, 0, strings.NewReader("0")).status)
	w.start(func(cfg *storage.Config) { cfg.Now = func() time.Time { return time.Now().Add(23 * time.Hour) } })
	require.Equal(t, "1", w.offset(w.service, location).header.Get("Upload-Offset"))
	w.start(func(cfg *storage.Config) { cfg.Now = func() time.Time { return time.Now().Add(25 * time.Hour) } })
	require.Equal(t, http.StatusNotFound, w.offset(w.service, location).status)
	w.nothingStored()
}

func TestResumableStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const size = 20 << 20
	location := w.begin(w.service, "docs", "big", size).header.Get("Location")
	stream := &pattern{}
	for at := 0; at < size; at += size / 4 {
		require.Equal(t, http.StatusNoContent, w.part(w.service, location, at, io.LimitReader(stream, size/4)).status)
	}
	want, err := io.ReadAll(io.LimitReader(&pattern{}, size))
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, []byte(w.get(w.service, "/object/docs/big").body)))
}

// Behind a gateway with a path of its own the address is the gateway's.
func TestResumableBehindAPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	front := httptest.NewServer(http.StripPrefix("/storage/v1", w.start()))
	t.Cleanup(front.Close)
	for _, path := range []string{"/storage/v1/upload/resumable", "/storage/v1/upload/resumable/"} {
		a := w.doAt(front.URL, w.service, http.MethodPost, path, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "5",
			"Upload-Metadata", tusMetadata("bucketName", "docs", "objectName", "a"))
		require.True(t, strings.HasPrefix(a.header.Get("Location"), front.URL+"/storage/v1/upload/resumable/"), a.header.Get("Location"))
	}
}
