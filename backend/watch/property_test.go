package watch

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/wire"
)

// server is a room, how far its feed has come, and what it waits to see.
type server struct {
	room    *Room
	fed     int
	pending *pending
}

// model is a database, two servers and three clients: two with one token and one of another user. It runs without a goroutine and without a clock.
type model struct {
	db      *database
	servers [2]*server
	clients []*modelClient
	rows    map[wire.WatchRef]thing
}

type modelClient struct {
	client
	at      *server
	watcher *watcher
	arrived []wire.WatchFrame // sent, and not applied yet
}

func newModel(t *rapid.T) *model {
	m := &model{db: newDatabase(), rows: map[wire.WatchRef]thing{}}
	size, chunk := rapid.IntRange(2, 16).Draw(t, "ring"), rapid.IntRange(1, 3).Draw(t, "chunk")
	for i := range m.servers {
		m.servers[i] = &server{room: newRoom(m.db, func(c *Config) { c.Remember = size; c.chunk = chunk })}
		m.servers[i].relist(m.db)
	}
	both := []wire.WatchKind{wire.WatchPacks, wire.WatchPods}
	for _, n := range []byte{1, 1, 2} {
		m.clients = append(m.clients, &modelClient{client: client{actor: actor(n), kinds: both}})
	}
	return m
}

func (s *server) relist(db *database) {
	for n := range db.wal {
		db.show(n) // what the snapshot of a new slot has is visible
	}
	s.fed, s.pending = len(db.wal), nil
	s.room.Observe(db.snapshot())
}

func (s *server) settled() bool {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.visible >= s.room.ring.next
}

// look is one round of Room.Run without its waiting.
func (s *server) look(ctx context.Context) {
	if s.pending == nil {
		p := s.room.takePending()
		s.pending = &p
	}
	if done, err := s.room.look(ctx, *s.pending); done && err == nil {
		s.pending = nil
	}
}

func (m *model) actions(ctx context.Context) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"commit": func(t *rapid.T) { m.commit(t) },
		"show": func(t *rapid.T) {
			if len(m.db.wal) > 0 {
				m.db.show(rapid.IntRange(0, len(m.db.wal)-1).Draw(t, "transaction"))
			}
		},
		"feed": func(t *rapid.T) {
			if s := m.server(t); s.fed < len(m.db.wal) {
				s.room.Observe(m.db.wal[s.fed])
				s.fed++
			}
		},
		"catch up": func(t *rapid.T) { m.catchUp(ctx, m.server(t)) },
		"look":     func(t *rapid.T) { m.server(t).look(ctx) },
		"relist":   func(t *rapid.T) { m.server(t).relist(m.db) },
		"connect": func(t *rapid.T) {
			if c, s := m.client(t), m.server(t); c.watcher == nil && s.settled() {
				c.connect(ctx, t, s)
			}
		},
		"advance": func(t *rapid.T) { m.client(t).advance(ctx, t) },
		"apply":   func(t *rapid.T) { c := m.client(t); c.applyOne(m) },
		"disconnect": func(t *rapid.T) { // what is on the way is lost
			if c := m.client(t); c.watcher != nil {
				c.disconnect()
			}
		},
		"": func(t *rapid.T) { m.neverTold(t) },
	}
}

// catchUp lets a server hear and see everything that was committed.
func (m *model) catchUp(ctx context.Context, s *server) {
	for n := range m.db.wal {
		m.db.show(n)
	}
	for ; s.fed < len(m.db.wal); s.fed++ {
		s.room.Observe(m.db.wal[s.fed])
	}
	s.look(ctx) // what it waited for
	s.look(ctx) // and what came meanwhile
}

func (m *model) server(t *rapid.T) *server { return rapid.SampledFrom(m.servers[:]).Draw(t, "server") }
func (m *model) client(t *rapid.T) *modelClient {
	return rapid.SampledFrom(m.clients).Draw(t, "client")
}

func (m *model) commit(t *rapid.T) {
	var things []thing
	for range rapid.IntRange(1, 4).Draw(t, "rows") {
		n := rapid.ByteRange(1, 6).Draw(t, "row")
		kind := rapid.SampledFrom([]wire.WatchKind{wire.WatchPods, wire.WatchPacks}).Draw(t, "kind")
		x := m.rows[wire.WatchRef{Kind: kind, ID: uuid.UUID{0: kind[1], 15: n}}]
		x.WatchRef = wire.WatchRef{Kind: kind, ID: uuid.UUID{0: kind[1], 15: n}}
		x.Revision++
		x.Owner = uuid.UUID{0: n%3 + 1} // of one client, or of nobody here
		x.Public = rapid.Bool().Draw(t, "public")
		x.gone = rapid.IntRange(0, 3).Draw(t, "gone") == 0
		m.rows[x.WatchRef] = x
		things = append(things, x)
	}
	m.db.commit(things...)
}

func (c *modelClient) connect(ctx context.Context, t require.TestingT, s *server) {
	c.watcher = &watcher{room: s.room, actor: c.actor, query: wire.WatchQuery{Kinds: c.kinds, Cursor: c.cursor}}
	require.NoError(t, s.room.enter(c.watcher))
	require.NoError(t, c.watcher.arm(ctx))
	c.at = s
	c.arrived = []wire.WatchFrame{c.watcher.frame(wire.WatchReady, wire.WatchPosition{Cursor: c.watcher.cursor.String()})}
}

func (c *modelClient) disconnect() {
	c.at.room.leave(c.watcher)
	c.watcher, c.arrived = nil, nil
}

func (c *modelClient) advance(ctx context.Context, t require.TestingT) {
	if c.watcher == nil {
		return
	}
	c.at.room.mu.Lock()
	overtaken := c.watcher.next < c.at.room.ring.oldest
	c.at.room.mu.Unlock()
	if (overtaken || c.watcher.stale != "") && !c.at.settled() {
		return // it would wait until it is
	}
	visible, _ := c.at.room.state()
	frames, err := c.watcher.advance(ctx, visible)
	require.NoError(t, err)
	c.arrived = append(c.arrived, frames...)
}

func (c *modelClient) applyOne(m *model) {
	if len(c.arrived) > 0 {
		c.apply(c.arrived[0], func() map[string]thing { return m.db.list(c.actor, c.kinds...) })
		c.arrived = c.arrived[1:]
	}
}

// neverTold checks what no interleaving may do: tell somebody of a pack that was never theirs to see.
func (m *model) neverTold(t *rapid.T) {
	for _, c := range m.clients {
		for _, frame := range c.arrived {
			for ref := range m.rows {
				if ref.Kind == wire.WatchPacks && frame.Event == wire.WatchChanged && contains(frame, ref.Key()) && !m.ever(c, ref) {
					t.Fatalf("%s was told of %s, which was never theirs to see: %s", c.actor.UserID, ref.Key(), frame.Data)
				}
			}
		}
	}
}

func (m *model) ever(c *modelClient, ref wire.WatchRef) bool {
	for _, effects := range m.db.effects {
		for _, x := range effects {
			if x.WatchRef == ref && (x.Public || x.Owner == c.actor.UserID) {
				return true
			}
		}
	}
	return false
}

// Whatever the interleaving of commits, feeds, lost connections, other servers and slow clients: in the end each client has what it would list.
func TestClientsEndWithWhatTheyWouldList(t *testing.T) {
	t.Parallel()
	for range 10 { // the interleavings that matter are rare
		rapid.Check(t, func(t *rapid.T) { everyoneAgrees(t) })
	}
}

func everyoneAgrees(t *rapid.T) {
	ctx, m := context.Background(), newModel(t)
	t.Repeat(m.actions(ctx))
	for _, s := range m.servers {
		m.catchUp(ctx, s)
		require.True(t, s.settled())
	}
	for _, c := range m.clients {
		if c.watcher == nil {
			c.connect(ctx, t, m.servers[0])
		}
		for again := true; again; {
			before, stale := c.watcher.next, c.watcher.stale
			c.advance(ctx, t)
			again = c.watcher.next != before || c.watcher.stale != stale || len(c.arrived) > 0
			for len(c.arrived) > 0 {
				c.applyOne(m)
			}
		}
		require.Equal(t, m.db.list(c.actor, c.kinds...), c.picture)
		c.disconnect()
	}
	for _, s := range m.servers {
		require.Empty(t, s.room.groups)
		require.Empty(t, s.room.streams)
		require.Zero(t, s.room.open)
	}
}
