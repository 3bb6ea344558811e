package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// openWatch asks for a stream and leaves it open.
func (w *world) openWatch(query string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/api/watch"+query, nil)
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+goodToken)
	res, err := w.http.Do(req)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(w.t, http.StatusOK, res.StatusCode)
	return res
}

func TestWatchIsAStreamOfEvents(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.RequestTimeout = time.Millisecond })
	step := make(chan struct{})
	w.stream = func(_ context.Context, send func([]wire.WatchFrame) error) error {
		ready := wire.WatchFrame{Event: wire.WatchReady, Cursor: "c1", Data: []byte(`{"cursor":"c1"}`)}
		if err := send([]wire.WatchFrame{ready}); err != nil {
			return err
		}
		<-step // the client has read the first: nothing is kept back
		return send([]wire.WatchFrame{{Event: wire.WatchChanged, Cursor: "c2", Data: []byte(`{"kind":"pods"}`)}, {Event: wire.WatchKeepAlive, Cursor: "c3"}})
	}
	res := w.openWatch("")
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	body := bufio.NewReader(res.Body)
	var first strings.Builder
	for range 4 {
		line, err := body.ReadString('\n')
		require.NoError(t, err)
		first.WriteString(line)
	}
	require.Equal(t, "event: ready\nid: c1\ndata: {\"cursor\":\"c1\"}\n\n", first.String())
	close(step)
	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "event: change\nid: c2\ndata: {\"kind\":\"pods\"}\n\n: keep-alive\nid: c3\n\n", string(rest))
}

func TestWhatAWatcherAsksFor(t *testing.T) {
	t.Parallel()
	w := start(t)
	for query, want := range map[string]wire.WatchQuery{
		"": {Kinds: []wire.WatchKind{wire.WatchNodes, wire.WatchPods}},
		"?kinds=pods,packs,pods&namespace=team-a&cursor=x": {Kinds: []wire.WatchKind{wire.WatchPacks, wire.WatchPods}, Namespace: "team-a", Cursor: "x"},
	} {
		a := w.do("GET", "/api/watch"+query, nil)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, want, w.got("watch"), query)
	}
	w.do("GET", "/api/watch?cursor=old", nil, with("Last-Event-ID", "new"))
	require.Equal(t, "new", w.got("watch").(wire.WatchQuery).Cursor)

	for _, kinds := range []string{"secrets", "pods,", ",", "Pods"} {
		a := w.do("GET", "/api/watch?kinds="+kinds, nil)
		a.refused(t, http.StatusBadRequest, core.CodeValidation)
		require.Equal(t, "kinds", a.Error.Field)
	}
	w.err = core.Errorf(core.CodeRateLimited, "enough")
	w.do("GET", "/api/watch", nil).refused(t, http.StatusTooManyRequests, core.CodeRateLimited)

	before := len(w.actors)
	a := w.do("HEAD", "/api/watch", nil)
	require.Equal(t, http.StatusOK, a.status)
	require.Len(t, w.actors, before, "HEAD opens nothing")
}

// Shutdown lets streams say goodbye, and waits for that and no longer.
func TestShutdownEndsWatches(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.stream = func(ctx context.Context, send func([]wire.WatchFrame) error) error {
		if err := send([]wire.WatchFrame{{Event: wire.WatchReady, Data: []byte("{}")}}); err != nil {
			return err
		}
		<-ctx.Done()
		return send([]wire.WatchFrame{{Event: wire.WatchBye, Cursor: "c", Data: []byte("{}")}})
	}
	res := w.openWatch("")
	require.NoError(t, w.srv.Shutdown(t.Context()))
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(rest), "event: bye")
}

// One that does not read cannot take the goodbye; nobody waits for it as long as for a slow one.
func TestShutdownDoesNotWaitForAWatcherThatDoesNotRead(t *testing.T) {
	t.Parallel()
	w := start(t)
	full := wire.WatchFrame{Event: wire.WatchChanged, Data: bytes.Repeat([]byte("x"), 1<<20)}
	sent := make(chan struct{}, 1024)
	w.stream = func(_ context.Context, send func([]wire.WatchFrame) error) error {
		for {
			if err := send([]wire.WatchFrame{full}); err != nil {
				return err
			}
			sent <- struct{}{}
		}
	}
	w.openWatch("")
	<-sent // it is under way, and soon stuck: the kernel takes a few of these
	ctx, cancel := context.WithTimeout(t.Context(), streamPatience/2)
	defer cancel()
	require.NoError(t, w.srv.Shutdown(ctx))
}

func TestAWatcherThatGoesAwayIsNoticed(t *testing.T) {
	t.Parallel()
	w := start(t)
	ended := make(chan error, 1)
	w.stream = func(ctx context.Context, send func([]wire.WatchFrame) error) (err error) {
		defer func() { ended <- err }()
		for {
			if err := send([]wire.WatchFrame{{Event: wire.WatchKeepAlive}}); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	res := w.openWatch("")
	require.NoError(t, res.Body.Close())
	select {
	case err := <-ended:
		require.Error(t, err)
		require.NotErrorIs(t, err, context.Canceled)
	case <-time.After(30 * time.Second):
		require.Fail(t, "nobody noticed")
	}
}

// A stream's goroutine is its own: what panics in it must not end the server.
func TestAPanicInAStreamStaysInIt(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.stream = func(context.Context, func([]wire.WatchFrame) error) error { panic(errors.New("fell over")) }
	_, err := io.ReadAll(w.openWatch("").Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, w.do("GET", "/health", nil).status)
	require.Eventually(t, func() bool { return strings.Contains(w.logs.String(), "fell over") }, 30*time.Second, time.Millisecond)
	assert.NotContains(t, w.logs.String(), goodToken)
}
