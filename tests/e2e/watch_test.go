package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

// watcher keeps a picture of pods as docs/api.md says, from GET /api/watch and the list.
type watcher struct {
	w      *world
	who    person
	body   io.ReadCloser
	lines  *bufio.Reader
	cursor string
	pods   map[uuid.UUID]int64 // revisions
	lists  int
}

// connect opens a stream at a server, from the cursor that the watcher has.
func (c *watcher) connect(listen string) {
	c.w.t.Helper()
	req, err := http.NewRequestWithContext(c.w.t.Context(), http.MethodGet, "http://"+listen+"/api/watch?kinds=pods", nil)
	require.NoError(c.w.t, err)
	req.Header.Set("Authorization", "Bearer "+c.who.token)
	if c.cursor != "" {
		req.Header.Set("Last-Event-ID", c.cursor)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(c.w.t, err)
	require.Equal(c.w.t, http.StatusOK, res.StatusCode)
	c.body, c.lines = res.Body, bufio.NewReader(res.Body)
	c.w.t.Cleanup(func() { _ = res.Body.Close() })
}

// next applies one frame and says which; "" when the stream has ended.
func (c *watcher) next() wire.WatchEvent {
	c.w.t.Helper()
	var event wire.WatchEvent
	var id, data string
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return "" // cut off: what was begun does not count
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "event":
			event = wire.WatchEvent(value)
		case "id":
			id = value
		case "data":
			data = value
		}
		if line == "\n" && event != "" { // a sign of life is no event
			break
		}
	}
	first := c.cursor == ""
	c.cursor = id
	switch {
	case event == wire.WatchResync || event == wire.WatchReady && first:
		c.list()
	case event == wire.WatchChanged:
		var change struct {
			Type   string
			Object wire.Pod
			ID     uuid.UUID
		}
		require.NoError(c.w.t, json.Unmarshal([]byte(data), &change))
		if change.Type == wire.WatchDelete {
			delete(c.pods, change.ID)
		} else if c.pods[change.Object.ID] < change.Object.Revision {
			c.pods[change.Object.ID] = change.Object.Revision
		}
	}
	return event
}

func (c *watcher) list() {
	c.w.t.Helper()
	c.lists++
	c.pods = map[uuid.UUID]int64{}
	var pods []wire.Pod
	c.w.call(c.who.token, http.MethodGet, "/api/pods?limit=500", nil, http.StatusOK, &pods)
	for _, p := range pods {
		c.pods[p.ID] = p.Revision
	}
}

// until reads on until the watcher's picture is what the table holds now.
func (c *watcher) until(what string) {
	c.w.t.Helper()
	for !c.agrees() {
		require.NotEmpty(c.w.t, c.next(), "the stream ended before: %s", what)
	}
}

func (c *watcher) agrees() bool {
	rows, err := c.w.db.Query(c.w.t.Context(), "select id, revision from pods")
	require.NoError(c.w.t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id uuid.UUID
		var revision int64
		require.NoError(c.w.t, rows.Scan(&id, &revision))
		if c.pods[id] != revision {
			return false
		}
		n++
	}
	require.NoError(c.w.t, rows.Err())
	return n == len(c.pods)
}

// A watcher whose server is killed goes on at another one, with the cursor that it has, and misses nothing of what happened meanwhile.
func TestAWatcherOutlivesItsServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pack := w.push(w.dev, "idle", "export default () => {}")
	doomed, second := w.server, freePort(t)
	other := w.serve(second)
	make50 := func(prefix string) {
		_, err := w.db.Exec(t.Context(), "insert into pods (pack_id, name) select $1, $2 || n from generate_series(1, 50) n", pack.ID, prefix)
		require.NoError(t, err)
	}
	make50("early-")
	viewer := w.account("viewer@example.com", "viewer")
	c := &watcher{w: w, who: viewer}
	c.connect(w.listen)
	require.Equal(t, wire.WatchReady, c.next())
	make50("watched-")
	c.until("pods are inserted")
	make50("cut-off-")
	require.Equal(t, wire.WatchChanged, c.next()) // in the middle of it
	doomed.kill()
	for event := c.next(); event != ""; event = c.next() {
		require.Equal(t, wire.WatchChanged, event) // what had arrived is applied; then the stream is over
	}
	make50("unseen-")
	_, err := w.db.Exec(t.Context(), "delete from pods where name like 'early-%' or name like 'unseen-1%'")
	require.NoError(t, err)

	w.listen = second
	c.connect(second)
	require.Equal(t, wire.WatchReady, c.next())
	c.until("what happened while nobody looked")
	require.Equal(t, 1, c.lists, "it never had to list again")

	other.stop()
	event := c.next()
	for event == wire.WatchChanged {
		event = c.next()
	}
	require.Equal(t, wire.WatchBye, event, "an orderly stop says goodbye")
	require.Empty(t, c.next())
	require.NoError(t, other.err)
}
