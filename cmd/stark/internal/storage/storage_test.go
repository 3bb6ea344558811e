package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/storage"
)

var code = bytes.Repeat([]byte("x"), 300_000)

func upload(t *testing.T, ctx context.Context, h http.HandlerFunc, progress func(int64)) error {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := &storage.Client{URL: srv.URL + "/", AnonKey: "anon", HTTP: srv.Client()}
	return c.Upload(ctx, "token", "packs", "me/hello/1.0.0+b 1/x.js", bytes.NewReader(code), int64(len(code)), "text/javascript", progress)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{
		`{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy"}`: 403,
		`{"statusCode":"413","error":"Payload too large","message":"The object exceeded the maximum size"}`:  413,
		`<html>`: 400, `{}`: 400,
	} {
		err := upload(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(400)
			fmt.Fprint(w, body)
		}, nil)
		var e *storage.Error
		require.ErrorAs(t, err, &e, body)
		require.Equal(t, status, e.Status)
		require.NotEmpty(t, e.Message)
	}
}

func TestExistingObjectIsTold(t *testing.T) {
	t.Parallel()
	err := upload(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		fmt.Fprint(w, `{"statusCode":"409","error":"Duplicate","message":"The resource already exists"}`)
	}, nil)
	require.ErrorIs(t, err, storage.ErrExists)
}

func TestCancelledUpload(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := upload(t, ctx, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a client that leaves once the body is read
		cancel()
		<-r.Context().Done()
	}, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	var seen []int64
	err := upload(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, code) {
			t.Errorf("got %d bytes, %v", len(body), err)
		}
		if r.URL.EscapedPath() != "/storage/v1/object/packs/me/hello/1.0.0+b%201/x.js" {
			t.Errorf("got %s", r.URL.EscapedPath())
		}
		for key, want := range map[string]string{"apikey": "anon", "Authorization": "Bearer token", "Content-Type": "text/javascript", "x-upsert": "false"} {
			if got := r.Header.Get(key); got != want {
				t.Errorf("%s is %q", key, got)
			}
		}
		if r.ContentLength != int64(len(code)) {
			t.Errorf("length is %d", r.ContentLength)
		}
	}, func(n int64) { seen = append(seen, n) })
	require.NoError(t, err)
	require.IsNonDecreasing(t, seen)
	require.Equal(t, int64(len(code)), seen[len(seen)-1])
}
