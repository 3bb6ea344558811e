package storage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

// reads counts what is taken of a body.
type reads struct {
	io.Reader
	n int
}

func (r *reads) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, err
}

func TestPermissionIsAskedBeforeBytesAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, who := range []actor{w.nobody, w.anon, w.bob} {
		body := &reads{Reader: strings.NewReader(strings.Repeat("x", 1<<20))}
		a := w.do(who, http.MethodPost, "/object/docs/"+aliceID+"/a.txt", io.NopCloser(body), "Expect", "100-continue")
		require.Equal(t, http.StatusBadRequest, a.status, a.body)
		require.Zero(t, body.n, "%s sent bytes", who.name)
	}
	w.nothingStored()
}

func TestRefusedUploadIsAnsweredAlsoToWhoDoesNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do(w.bob, http.MethodPost, "/object/docs/"+aliceID+"/a.txt", io.LimitReader(&pattern{}, 8<<20))
	require.Equal(t, denied, a.problem(t).Message)
	w.nothingStored()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *storage.Config) { c.MaxFileSize = 1 << 20 })
	tooLarge := problem{"413", "Payload too large", "EntityTooLarge", "The object exceeded the maximum allowed size"}
	noType := func(mime string) problem {
		return problem{"415", "invalid_mime_type", "InvalidMimeType", "mime type " + mime + " is not supported"}
	}
	key := "/object/small/" + aliceID + "/a"
	chunked := func(n int64) io.Reader { return io.NopCloser(io.LimitReader(&pattern{}, n)) } // no length is declared
	form, formType := formOf(t, nil, "image/png", strings.Repeat("x", 1001))
	for name, a := range map[string]struct {
		got  answer
		want problem
	}{
		"the bucket's limit, declared":        {w.do(w.alice, http.MethodPost, key, strings.NewReader(strings.Repeat("x", 1001)), "Content-Type", "image/png"), tooLarge},
		"the bucket's limit, streamed":        {w.do(w.alice, http.MethodPost, key, chunked(1001), "Content-Type", "image/png"), tooLarge},
		"the bucket's limit, in a form":       {w.do(w.alice, http.MethodPost, key, form, "Content-Type", formType), tooLarge},
		"the server's limit, streamed":        {w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a", chunked(1<<20+1)), tooLarge},
		"the server's limit, upsert":          {w.do(w.alice, http.MethodPut, "/object/docs/"+aliceID+"/a", chunked(1<<20+1)), tooLarge},
		"another type":                        {w.do(w.alice, http.MethodPost, key, strings.NewReader("x"), "Content-Type", "application/json"), noType("application/json")},
		"a type that is none":                 {w.do(w.alice, http.MethodPost, key, strings.NewReader("x"), "Content-Type", "image"), noType("image")},
		"a wild type":                         {w.do(w.alice, http.MethodPost, key, strings.NewReader("x"), "Content-Type", "image/*"), noType("image/*")},
		"no type":                             {w.do(w.alice, http.MethodPost, key, strings.NewReader("x")), noType("application/octet-stream")},
		"a folder's placeholder with content": {w.do(w.alice, http.MethodPost, "/object/small/"+aliceID+"/.emptyFolderPlaceholder", strings.NewReader("x")), tooLarge},
	} {
		require.Equal(t, http.StatusBadRequest, a.got.status, name)
		require.Equal(t, a.want, a.got.problem(t), name)
	}
	w.nothingStored()

	for i, mime := range []string{"image/png", "IMAGE/PNG", "text/plain", "text/plain;charset=UTF-8"} {
		a := w.do(w.alice, http.MethodPost, fmt.Sprint(key, i), strings.NewReader(strings.Repeat("x", 1000)), "Content-Type", mime)
		require.Equal(t, http.StatusOK, a.status, "%s: %s", mime, a.body)
		require.Equal(t, mime, w.get(w.alice, fmt.Sprint(key, i)).header.Get("Content-Type"))
	}
	a := w.do(w.alice, http.MethodPost, "/object/small/"+aliceID+"/.emptyFolderPlaceholder", nil)
	require.Equal(t, http.StatusOK, a.status, a.body)
}

func TestUploadRow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	w := newWorld(t, func(c *storage.Config) { c.Now = func() time.Time { return now } })
	a := w.upload(w.alice, "docs/"+aliceID+"/a b.txt", "hello", "Cache-Control", "max-age=60", "x-metadata", "eyJzaGFwZSI6InJvdW5kIn0=")
	got := decode[map[string]string](t, a)
	require.Equal(t, "docs/"+aliceID+"/a b.txt", got["Key"])
	var id, owner, ownerID, version, meta, userMeta string
	require.NoError(t, w.db.QueryRow(t.Context(), `select id::text, owner::text, owner_id, version, metadata::text, user_metadata::text from storage.objects`).
		Scan(&id, &owner, &ownerID, &version, &meta, &userMeta))
	require.Equal(t, got["Id"], id)
	require.Equal(t, aliceID, owner)
	require.Equal(t, aliceID, ownerID)
	require.JSONEq(t, `{"shape":"round"}`, userMeta)
	require.JSONEq(t, `{"eTag":"\"5d41402abc4b2a76b9719d911017c592\"","size":5,"mimetype":"text/plain","cacheControl":"max-age=60",
		"lastModified":"2026-11-24T10:00:00.000Z","contentLength":5,"httpStatusCode":200}`, meta)

	// The service role replaces it: the row stays who and whose it was.
	a = w.upload(w.service, "docs/"+aliceID+"/a b.txt", "hello, world", "x-upsert", "true")
	require.Equal(t, id, decode[map[string]string](t, a)["Id"])
	var newVersion string
	require.NoError(t, w.db.QueryRow(t.Context(), `select owner_id, version, user_metadata::text from storage.objects`).Scan(&ownerID, &newVersion, new(*string)))
	require.Equal(t, aliceID, ownerID)
	require.NotEqual(t, version, newVersion)
	require.Len(t, w.files(), 1)

	// A sub that is no UUID, as of third-party logins, is an owner, too.
	_, err := w.db.Exec(t.Context(), `drop policy own_insert on storage.objects;
		create policy any_insert on storage.objects for insert to authenticated with check (owner_id = 'firebase|1')`)
	require.NoError(t, err)
	firebase := actor{"firebase", w.sign(map[string]any{"sub": "firebase|1", "role": "authenticated", "exp": time.Now().Add(time.Hour).Unix()})}
	require.Equal(t, http.StatusOK, w.upload(firebase, "docs/y", "y").status)
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := "docs/" + aliceID + "/a.txt"
	require.Equal(t, http.StatusOK, w.upload(w.alice, key, "first").status)
	a := w.upload(w.alice, key, "second")
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Equal(t, problem{"409", "Duplicate", "KeyAlreadyExists", "The resource already exists"}, a.problem(t))
	require.Equal(t, denied, w.upload(w.bob, key, "second").problem(t).Message, "who may not write does not learn that it exists")
	require.Equal(t, "first", w.get(w.alice, "/object/"+key).body)
	require.Len(t, w.files(), 1)
}

// formOf is a form as browsers send it: the fields, then the file without a name.
func formOf(t *testing.T, fields map[string]string, contentType, text string) (io.Reader, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		require.NoError(t, form.WriteField(name, value))
	}
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name=""; filename="blob"`}, "Content-Type": {contentType}})
	require.NoError(t, err)
	_, err = io.WriteString(part, text)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return &body, form.FormDataContentType()
}

func TestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noContent := problem{"400", "InvalidRequest", "InvalidRequest", "No content provided"}
	a := w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a", strings.NewReader("--x--"), "Content-Type", "multipart/form-data; boundary=x")
	require.Equal(t, noContent, a.problem(t))
	a = w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a", strings.NewReader("text"), "Content-Type", "multipart/form-data")
	require.Equal(t, noContent, a.problem(t))
	body, contentType := formOf(t, map[string]string{"metadata": strings.Repeat("x", 1<<20+1)}, "text/plain", "x")
	a = w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a", body, "Content-Type", contentType)
	require.Equal(t, "413", a.problem(t).StatusCode)
	w.nothingStored()

	body, contentType = formOf(t, map[string]string{"cacheControl": "3600", "metadata": `{"shape":"round"}`}, "image/svg+xml", "<svg/>")
	a = w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a.svg", body, "Content-Type", contentType)
	require.Equal(t, http.StatusOK, a.status, a.body)
	a = w.get(w.alice, "/object/docs/"+aliceID+"/a.svg")
	require.Equal(t, "<svg/>", a.body)
	require.Equal(t, "image/svg+xml", a.header.Get("Content-Type"))
	require.Equal(t, "max-age=3600", a.header.Get("Cache-Control"))
	info := decode[map[string]any](t, w.get(w.alice, "/object/info/docs/"+aliceID+"/a.svg"))
	require.Equal(t, map[string]any{"shape": "round"}, info["metadata"])
	require.EqualValues(t, 6, info["size"])
}

// An upload that breaks off leaves nothing, however it was sent.
func TestInterruptedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, request := range map[string]string{
		"with a length": "Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\nthe beginning",
		"in chunks":     "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthe b\r\n",
		"in a form": "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n" +
			"--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"f\"\r\n\r\nthe beginning",
	} {
		drain(w.served)
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "POST /object/docs/%s/a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s", aliceID, w.alice.token, request)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		select {
		case <-w.served:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the server still waits", name)
		}
		w.nothingStored()
	}
	// A form whose end is missing although all that was announced has come.
	text := "--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"f\"\r\n\r\nthe beginning"
	a := w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a", strings.NewReader(text), "Content-Type", "multipart/form-data; boundary=x")
	require.Equal(t, "Request stream closed before upload could complete", a.problem(t).Message)
	w.nothingStored()
}

func drain(c chan struct{}) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}

func TestConcurrentUploadsOfOneName(t *testing.T) {
	t.Parallel()
	const writers = 8
	for _, upsert := range []bool{false, true} {
		w := newWorld(t)
		key := aliceID + "/a.txt"
		answers := make([]answer, writers)
		bodies := make([]feeder, writers)
		var done sync.WaitGroup
		for i := range writers {
			body, feed := newPipe()
			bodies[i] = feed
			done.Go(func() {
				answers[i] = w.do(w.alice, http.MethodPost, "/object/docs/"+key, body, "Expect", "100-continue", "x-upsert", fmt.Sprint(upsert))
			})
		}
		for i, feed := range bodies {
			feed.write(t, fmt.Sprintf("writer %d", i)) // all are past the first question now
		}
		for _, feed := range bodies {
			feed.close(t)
		}
		done.Wait()
		winners := []string{}
		for i, a := range answers {
			if a.status == http.StatusOK {
				winners = append(winners, fmt.Sprintf("writer %d", i))
				continue
			}
			require.Equal(t, "KeyAlreadyExists", a.problem(t).Code)
		}
		if upsert {
			require.Len(t, winners, writers)
		} else {
			require.Len(t, winners, 1)
		}
		require.Contains(t, winners, w.get(w.alice, "/object/docs/"+key).body)
		require.Equal(t, 1, w.rows())
		require.Len(t, w.files(), 1, "the losers' bytes are gone")
	}
}

func TestRemovingWhileWriting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for i := range 10 {
				w.upload(w.alice, "docs/"+key, fmt.Sprint(i), "x-upsert", "true")
			}
		})
		done.Go(func() {
			for range 10 {
				w.do(w.alice, http.MethodDelete, "/object/docs/"+key, nil)
				if a := w.get(w.alice, "/object/docs/"+key); a.status != http.StatusOK {
					require.Equal(t, "Object not found", a.problem(t).Message, "never a row without bytes")
				}
			}
		})
	}
	done.Wait()
	require.Len(t, w.files(), w.rows(), "as many files as rows")
}

// The connection breaks when everything was sent: the upload is finished all the same.
func TestClientThatGoesAfterTheLastByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hold, err := w.db.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = hold.Rollback(context.WithoutCancel(t.Context())) }()
	key := aliceID + "/a.txt"
	_, err = hold.Exec(t.Context(), `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "docs/"+key)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/object/docs/"+key, strings.NewReader("hello"))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+w.alice.token)
	failed := make(chan error, 1)
	go func() {
		res, err := w.client.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		failed <- err
	}()
	require.Eventually(t, func() bool { // it waits for our lock, so it has all bytes
		var waiting bool
		err := w.db.QueryRow(t.Context(), `select exists (select 1 from pg_locks where locktype = 'advisory' and not granted
			and database = (select oid from pg_database where datname = current_database()))`).Scan(&waiting)
		return err == nil && waiting
	}, 30*time.Second, 10*time.Millisecond)
	drain(w.served)
	cancel()
	require.Error(t, <-failed)
	require.NoError(t, hold.Commit(t.Context()))
	<-w.served
	require.Equal(t, "hello", w.get(w.alice, "/object/docs/"+key).body)
}

func TestInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/"+aliceID+"/a.txt", "hello", "Cache-Control", "max-age=9")
	info := decode[map[string]json.RawMessage](t, w.get(w.alice, "/object/info/docs/"+aliceID+"/a.txt"))
	for name, want := range map[string]string{
		"name": `"` + aliceID + `/a.txt"`, "bucket_id": `"docs"`, "size": "5", "content_type": `"text/plain"`, "cache_control": `"max-age=9"`,
		"etag": `"\"5d41402abc4b2a76b9719d911017c592\""`, "metadata": "{}",
	} {
		require.JSONEq(t, want, string(info[name]), name)
	}
	for _, name := range []string{"id", "version", "last_modified", "created_at"} {
		require.NotEmpty(t, info[name], name)
	}
}
