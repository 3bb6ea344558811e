package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

const stream = "event: ready\nid: h-1\ndata: {\"cursor\":\"h-1\"}\n\n" +
	": keep-alive\nid: h-2\n\n" +
	"event: change\nid: h-3\ndata: {\"kind\":\"pods\",\"type\":\"upsert\",\"object\":{\"name\":\"a: b\"}}\n\n" +
	"event: change\nid: h-3\ndata: {\"kind\":\"pods\",\"type\":\"delete\",\"id\":\"x\"}\n\n" +
	": no id\n\n" +
	"event: bye\nid: h-3\ndata: {\"reason\":\"server_stopping\"}\n\n" +
	"event: change\nid: h-9\ndata: {\"kind\"" // cut off

var query = wire.WatchQuery{Kinds: []wire.WatchKind{wire.WatchPods, wire.WatchNodes}, Namespace: "a b", Cursor: "h-0"}

func sse(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, text)
	}
}

func TestWatchReadsFrames(t *testing.T) {
	t.Parallel()
	s := &tokens{}
	c := dial(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			refuse(w, 401, wire.Problem{Code: core.CodeUnauthenticated})
			return
		}
		if got := r.URL.RequestURI(); got != "/api/watch?cursor=h-0&kinds=pods%2Cnodes&namespace=a+b" || r.Header.Get("Accept") != "text/event-stream" {
			t.Errorf("asked for %s", got)
		}
		sse(stream)(w, r)
	}), s)
	var frames []client.WatchFrame
	err := c.Watch(t.Context(), query, func(f client.WatchFrame) error { frames = append(frames, f); return nil })
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 1, s.renewed)
	require.Equal(t, []client.WatchFrame{
		{Event: wire.WatchReady, Cursor: "h-1"},
		{Event: wire.WatchKeepAlive, Cursor: "h-2"},
		{Event: wire.WatchChanged, Cursor: "h-3", Change: client.Change{Kind: wire.WatchPods, Type: wire.WatchUpsert, Object: []byte(`{"name":"a: b"}`)}},
		{Event: wire.WatchChanged, Cursor: "h-3", Change: client.Change{Kind: wire.WatchPods, Type: wire.WatchDelete, ID: "x"}},
		{Event: wire.WatchBye, Cursor: "h-3", Reason: "server_stopping"},
	}, frames, "what was cut off is no frame")
}

func TestWatchRefusals(t *testing.T) {
	t.Parallel()
	watch := func(h http.HandlerFunc) error {
		return dial(t, serve(t, h), &tokens{}).Watch(t.Context(), query, func(client.WatchFrame) error { return nil })
	}
	var problem *client.Error
	require.ErrorAs(t, watch(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 403, wire.Problem{Code: core.CodeForbidden, Message: "agents do not watch"})
	}), &problem)
	require.Equal(t, "agents do not watch", problem.Message)
	require.ErrorIs(t, watch(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 401, wire.Problem{Code: core.CodeUnauthenticated})
	}), client.ErrUnauthorized)
	var foreign *client.ForeignError
	require.ErrorAs(t, watch(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), &foreign)
	require.ErrorContains(t, watch(sse("event: change\nid: 1\ndata: {\n\n")), "read a frame")
	var away *client.UnreachableError
	require.ErrorAs(t, watch(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), &away)
	enough := errors.New("enough")
	c := dial(t, serve(t, sse(stream)), &tokens{})
	require.ErrorIs(t, c.Watch(t.Context(), query, func(client.WatchFrame) error { return enough }), enough)
}

// quiet is a server that answers with one frame and then says nothing any more.
type quiet struct{}

func (quiet) RoundTrip(r *http.Request) (*http.Response, error) {
	body, write := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = write.CloseWithError(r.Context().Err()) })
	go func() { _, _ = io.Copy(write, strings.NewReader("event: ready\nid: 1\ndata: {}\n\n")) }()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, Request: r}, nil
}

func TestWatchGivesUpASilentStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := client.New(client.Config{Server: "http://stark", Tokens: &tokens{}, HTTP: &http.Client{Transport: quiet{}}})
		require.NoError(t, err)
		began := time.Now()
		err = c.Watch(t.Context(), query, func(client.WatchFrame) error { return nil })
		var away *client.UnreachableError
		require.ErrorAs(t, err, &away)
		require.ErrorContains(t, err, "fallen silent")
		require.Equal(t, 45*time.Second, time.Since(began), "the clock is the bubble's")

		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("interrupted")
		err = c.Watch(ctx, query, func(client.WatchFrame) error { cancel(why); return nil })
		require.ErrorIs(t, err, why)
	})
}
