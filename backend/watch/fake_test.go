package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// thing is a row. It is a pod, or a pack, which only its owner and an admin see unless it is public.
type thing struct {
	wire.WatchRef
	Revision int64
	Public   bool
	Owner    uuid.UUID
	gone     bool
}

// database is what the rooms' feeds follow and what their readers read: what has committed is in the WAL at once, and visible later.
type database struct {
	mu      sync.Mutex
	wal     []core.Changes
	effects [][]thing    // of each transaction
	visible map[int]bool // index in wal
	roles   map[uuid.UUID]string
	err     error
	reads   int // of rows
}

func newDatabase() *database {
	return &database{visible: map[int]bool{}, roles: map[uuid.UUID]string{}}
}

const history = "7001.1"

// commit writes a transaction to the WAL. It is not visible yet.
func (d *database) commit(things ...thing) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.wal)
	changes := core.Changes{Position: uint64(100 + 10*n), Transaction: uint32(n)}
	for _, x := range things {
		changes.Events = append(changes.Events, eventOf(x))
	}
	d.wal = append(d.wal, changes)
	d.effects = append(d.effects, things)
	return n
}

// show makes a transaction visible.
func (d *database) show(n int) { d.mu.Lock(); defer d.mu.Unlock(); d.visible[n] = true }

// do commits, and it is visible at once.
func (d *database) do(things ...thing) core.Changes {
	n := d.commit(things...)
	d.show(n)
	return d.wal[n]
}

func (d *database) snapshot() core.Changes {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := map[wire.WatchRef]thing{}
	for _, effects := range d.effects {
		for _, x := range effects {
			last[x.WatchRef] = x
		}
	}
	changes := core.Changes{Snapshot: true, Position: uint64(100 + 10*len(d.wal) - 5), History: history}
	for _, x := range last {
		if !x.gone {
			changes.Events = append(changes.Events, eventOf(x))
		}
	}
	return changes
}

func eventOf(x thing) core.Event {
	pods := x.Kind == wire.WatchPods
	switch {
	case pods && x.gone:
		return core.PodDeleted{ID: x.ID}
	case pods:
		return core.PodUpserted{Pod: &core.Pod{ID: x.ID, Namespace: "default"}}
	case x.gone:
		return core.PackDeleted{ID: x.ID}
	}
	return core.PackUpserted{Pack: &core.Pack{ID: x.ID, Public: x.Public, OwnerID: x.Owner}}
}

// list is what a user sees now.
func (d *database) list(actor core.Actor, kinds ...wire.WatchKind) map[string]thing {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := map[wire.WatchRef]thing{}
	for n, effects := range d.effects {
		for _, x := range effects {
			if d.visible[n] {
				rows[x.WatchRef] = x
			}
		}
	}
	seen := map[string]thing{}
	for ref, x := range rows {
		mine := x.Owner == actor.UserID || d.role(actor) == "admin"
		for _, kind := range kinds {
			if ref.Kind == kind && !x.gone && (kind == wire.WatchPods || x.Public || mine) {
				seen[ref.Key()] = x
			}
		}
	}
	return seen
}

func (d *database) role(actor core.Actor) string {
	if role := d.roles[actor.UserID]; role != "" {
		return role
	}
	return "developer"
}

func (d *database) setRole(actor core.Actor, role string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roles[actor.UserID] = role
}

func (d *database) Visible(_ context.Context, transactions []uint32) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range transactions {
		if !d.visible[int(n)] {
			return false, d.err
		}
	}
	return true, d.err
}

func (d *database) Watched(_ context.Context, actor core.Actor, refs []wire.WatchRef) (wire.Watched, error) {
	all := d.list(actor, wire.WatchPods, wire.WatchPacks)
	d.mu.Lock()
	defer d.mu.Unlock()
	out := wire.Watched{Role: d.role(actor), Objects: map[wire.WatchRef]any{}}
	if out.Role == "node" {
		return out, core.Errorf(core.CodeForbidden, "agents do not watch")
	}
	if len(refs) > 0 {
		d.reads++
	}
	for _, ref := range refs {
		if x, ok := all[ref.Key()]; ok {
			out.Objects[ref] = x
		}
	}
	return out, d.err
}

func actor(n byte) core.Actor {
	id := uuid.UUID{0: n}
	return core.Actor{UserID: id, Claims: fmt.Sprintf(`{"sub":%q}`, id)}
}

func newRoom(d *database, change func(*Config)) *Room {
	cfg := Config{Store: d, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		panic(err)
	}
	return r
}

// client applies frames as docs/api.md says.
type client struct {
	actor   core.Actor
	kinds   []wire.WatchKind
	picture map[string]thing
	cursor  string
}

// apply takes one frame. list is asked whenever the client has to.
func (c *client) apply(frame wire.WatchFrame, list func() map[string]thing) {
	switch frame.Event {
	case wire.WatchReady:
		if c.cursor == "" {
			c.picture = list()
		}
	case wire.WatchResync:
		c.picture = list()
	case wire.WatchChanged:
		var ch struct {
			Type   string
			Object thing
			ID     string
		}
		if err := json.Unmarshal(frame.Data, &ch); err != nil {
			panic(err)
		}
		if ch.Type == wire.WatchDelete {
			delete(c.picture, ch.ID)
		} else if old, ok := c.picture[ch.Object.Key()]; !ok || old.Revision <= ch.Object.Revision {
			c.picture[ch.Object.Key()] = ch.Object
		}
	}
	if frame.Cursor != "" {
		c.cursor = frame.Cursor
	}
}

func contains(frame wire.WatchFrame, text string) bool {
	return strings.Contains(string(frame.Data), text)
}

func (d *database) fail(err error) { d.mu.Lock(); defer d.mu.Unlock(); d.err = err }
