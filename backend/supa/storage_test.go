package supa_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func TestStorageErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   string
		code   core.Code
	}{
		"missing":             {400, `{"statusCode":"404","error":"not_found","message":"Object not found"}`, core.CodeNotFound},
		"no such bucket":      {400, `{"statusCode":"404","error":"Bucket not found","message":"Bucket not found"}`, core.CodeNotFound},
		"refused by RLS":      {400, `{"statusCode":"403","error":"Unauthorized","code":"AccessDenied","message":"new row violates row-level security policy"}`, core.CodeForbidden},
		"token expired":       {400, `{"statusCode":"403","error":"Unauthorized","message":"\"exp\" claim timestamp check failed"}`, core.CodeUnauthenticated},
		"token forged":        {400, `{"statusCode":"403","error":"Unauthorized","message":"signature verification failed"}`, core.CodeUnauthenticated},
		"token refused, new":  {400, `{"statusCode":"400","error":"InvalidJWT","message":"x"}`, core.CodeUnauthenticated},
		"token refused, Kong": {401, `{"message":"Unauthorized"}`, core.CodeUnauthenticated},
		"exists":              {400, `{"statusCode":"409","error":"Duplicate","message":"The resource already exists"}`, core.CodeConflict},
		"too large":           {413, `{"statusCode":"413","error":"Payload too large","message":"The object exceeded the maximum allowed size"}`, core.CodeTooLarge},
		"MIME type":           {400, `{"statusCode":"415","error":"invalid_mime_type","message":"mime type image/png is not supported"}`, core.CodeUnsupported},
		"bad name":            {400, `{"statusCode":"400","error":"InvalidKey","message":"Invalid key: x"}`, core.CodeValidation},
		"framework's shape":   {404, `{"statusCode":404,"error":"Not Found","message":"Route not found"}`, core.CodeNotFound},
		"database timeout":    {544, `{"statusCode":"544","error":"DatabaseTimeout","message":"x"}`, core.CodeUnavailable},
		"a proxy's page":      {502, `<html>`, core.CodeUnavailable},
		"something else":      {400, `{"statusCode":"400","error":"InvalidRequest","message":"x"}`, core.CodeInternal},
		"a redirect":          {302, ``, core.CodeInternal},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, answer(tc.status, tc.body))
			_, _, err := c.OpenObject(t.Context(), "at", "packs", "u/hello.js")
			require.Error(t, err)
			assert.Equal(t, tc.code, core.CodeOf(err), err)
			err = c.Upload(t.Context(), "at", "packs", "u/hello.js", strings.NewReader("x"), 1, "text/javascript", nil)
			require.Error(t, err)
			assert.Equal(t, tc.code, core.CodeOf(err), err)
		})
	}
	t.Run("no token", func(t *testing.T) {
		t.Parallel()
		c := client(t, answer(200, ""))
		_, _, err := c.OpenObject(t.Context(), "", "packs", "x")
		require.ErrorIs(t, err, core.ErrUnauthenticated)
		require.ErrorIs(t, c.Upload(t.Context(), "", "packs", "x", strings.NewReader("x"), 1, "a/b", nil), core.ErrUnauthenticated)
	})
}

func TestOpenObject(t *testing.T) {
	t.Parallel()
	content := make([]byte, 3<<20)
	_, err := rand.Read(content)
	require.NoError(t, err)
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/storage/v1/object/authenticated/packs/u/a%20b%3Fc%23d%25.js", r.URL.EscapedPath())
		assert.Equal(t, "Bearer at", r.Header.Get("Authorization"))
		assert.Equal(t, anonKey, r.Header.Get("apikey"))
		_, _ = w.Write(content)
	})
	body, size, err := c.OpenObject(t.Context(), "at", "packs", "u/a b?c#d%.js")
	require.NoError(t, err)
	defer body.Close()
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got))
	assert.Contains(t, []int64{int64(len(content)), -1}, size)
}

// The body is not read ahead: it can end with the context in the middle, and it can break off.
func TestObjectsStream(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		_, _ = io.WriteString(w, "begin")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	body, size, err := c.OpenObject(ctx, "at", "packs", "x")
	require.NoError(t, err)
	defer body.Close()
	assert.EqualValues(t, 1000000, size)
	begin := make([]byte, 5)
	_, err = io.ReadFull(body, begin)
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, core.ErrUnavailable)
}

func TestABrokenObjectIsAnError(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	})
	body, _, err := c.OpenObject(t.Context(), "at", "packs", "x")
	require.NoError(t, err)
	defer body.Close()
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, core.ErrUnavailable)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/storage/v1/object/packs/u/hello%20world.js", r.URL.EscapedPath())
		assert.EqualValues(t, len(content), r.ContentLength)
		assert.Empty(t, r.TransferEncoding)
		assert.Equal(t, "text/javascript", r.Header.Get("Content-Type"))
		assert.Equal(t, "false", r.Header.Get("X-Upsert"))
		assert.Equal(t, "max-age=31536000", r.Header.Get("Cache-Control"))
		assert.Equal(t, anonKey, r.Header.Get("apikey"))
		assert.Equal(t, "Bearer at", r.Header.Get("Authorization"))
		got, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.True(t, bytes.Equal(content, got))
		_, _ = io.WriteString(w, `{"Id":"x","Key":"packs/u/hello world.js"}`)
	})
	var last int64
	err := c.Upload(t.Context(), "at", "packs", "u/hello world.js", bytes.NewReader(content), int64(len(content)), "text/javascript", func(sent int64) {
		assert.Greater(t, sent, last)
		last = sent
	})
	require.NoError(t, err)
	assert.EqualValues(t, len(content), last)

	// The headers of these may arrive before the client notices.
	c = client(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	require.ErrorIs(t, c.Upload(t.Context(), "at", "packs", "x", strings.NewReader(""), 0, "text/javascript", nil), core.ErrInvalid)
	err = c.Upload(t.Context(), "at", "packs", "x", strings.NewReader("short"), 10, "text/javascript", nil)
	require.Error(t, err, "a reader that ends too early is no upload")
}

func TestRemove(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodDelete, r.Method)
		assert.Equal(t, "/storage/v1/object/packs/u/hello%20world.js", r.URL.EscapedPath())
		assert.Equal(t, "Bearer at", r.Header.Get("Authorization"))
		assert.Equal(t, anonKey, r.Header.Get("apikey"))
		_, _ = io.WriteString(w, `{"message":"Successfully deleted"}`)
	})
	require.NoError(t, c.Remove(t.Context(), "at", "packs", "u/hello world.js"))
	require.ErrorIs(t, c.Remove(t.Context(), "", "packs", "x"), core.ErrUnauthenticated)
	c = client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"statusCode":"404","error":"not_found","message":"Object not found"}`)
	})
	require.ErrorIs(t, c.Remove(t.Context(), "at", "packs", "x"), core.ErrNotFound)
}

func TestUploadEndsWithTheContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	c := client(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		_, _ = io.Copy(io.Discard, r.Body)
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	result := make(chan error, 1)
	go func() { result <- c.Upload(ctx, "at", "packs", "x", r, 1<<20, "text/javascript", nil) }()
	_, err := w.Write([]byte("begin"))
	require.NoError(t, err)
	<-arrived
	cancel()
	r.CloseWithError(io.ErrClosedPipe)
	require.ErrorIs(t, <-result, core.ErrUnavailable)
}

// Whoever ended it can tell: it is what the caller did, and not that Storage is away.
func TestUploadThatIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := client(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a client that leaves once the body is read
		cancel()
		<-r.Context().Done()
	})
	require.ErrorIs(t, c.Upload(ctx, "at", "packs", "x", strings.NewReader("x"), 1, "a/b", nil), context.Canceled)
}
