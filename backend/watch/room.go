package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Store is what is read of the database.
type Store interface {
	// Visible says whether these transactions are visible to every statement that begins from now on.
	Visible(ctx context.Context, transactions []uint32) (bool, error)
	// Watched reads rows as the actor sees them; FORBIDDEN when the actor's role does not watch.
	Watched(ctx context.Context, actor core.Actor, refs []wire.WatchRef) (wire.Watched, error)
}

// Config is what a room works with. Store and Log are needed.
type Config struct {
	Store Store
	Log   *slog.Logger
	// Remember is how many changes are kept for those who are behind; default 65536.
	Remember int
	// Spacing is the least time between two looks at what has changed, in which changes of a row become one; default 50 ms.
	Spacing time.Duration
	// KeepAlive is how long a stream stays silent; default 15 s.
	KeepAlive time.Duration
	// PerUser and Total bound the streams that are open at a time; defaults 16 and 1000.
	PerUser, Total int

	chunk int // entries that a watcher takes at a time, and what is left of their last transaction; default 512
}

// readers is how many watchers read at a time: requests use the same connections.
const readers = 4

// rowsPerRead bounds one statement.
const rowsPerRead = 512

// Room is where watchers hear what changes. Make it with New, feed it with Observe, Run it.
type Room struct {
	cfg   Config
	slots chan struct{} // of readers

	mu      sync.Mutex // guards what follows
	ring    *ring
	packs   map[uuid.UUID]audience // whose they are
	history string                 // "" before the first snapshot
	visible uint64                 // everything before this place of the ring is visible to whoever reads now
	moved   chan struct{}          // closed when visible moves
	pending []uint32               // transactions that the ring has and that may not be visible yet
	groups  map[string]*group
	streams map[uuid.UUID]int // of each user
	open    int

	news chan struct{} // of capacity 1: there is something pending
}

// New makes a room. Nothing can be watched before its first snapshot.
func New(cfg Config) (*Room, error) {
	if cfg.Store == nil || cfg.Log == nil {
		return nil, errors.New("watch: Store and Log are needed")
	}
	if cfg.Remember <= 0 {
		cfg.Remember = 1 << 16
	}
	if cfg.Spacing <= 0 {
		cfg.Spacing = 50 * time.Millisecond
	}
	if cfg.KeepAlive <= 0 {
		cfg.KeepAlive = 15 * time.Second
	}
	if cfg.PerUser <= 0 {
		cfg.PerUser = 16
	}
	if cfg.Total <= 0 {
		cfg.Total = 1000
	}
	if cfg.chunk <= 0 {
		cfg.chunk = 512
	}
	return &Room{
		cfg: cfg, slots: make(chan struct{}, readers), ring: newRing(cfg.Remember), moved: make(chan struct{}), news: make(chan struct{}, 1),
		packs: map[uuid.UUID]audience{}, groups: map[string]*group{}, streams: map[uuid.UUID]int{},
	}, nil
}

// Observe takes what the feed shows. It waits for nobody.
func (r *Room) Observe(changes core.Changes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if changes.Snapshot {
		r.history, r.pending = shortHistory(changes.History), nil
		r.ring.restart(changes.Position)
		r.packs = map[uuid.UUID]audience{}
		for _, event := range changes.Events {
			if pack, ok := event.(core.PackUpserted); ok {
				r.packs[pack.Pack.ID] = audienceOf(pack.Pack)
			}
		}
		r.publish(r.ring.next)
		return
	}
	before := r.ring.next
	for _, event := range changes.Events {
		if e, watched := r.entryOf(event); watched {
			e.position = changes.Position
			r.ring.add(e)
		}
	}
	if r.ring.next == before {
		return
	}
	r.pending = append(r.pending, changes.Transaction)
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// entryOf says which row an event is about, and whose business that row was or is.
func (r *Room) entryOf(event core.Event) (e entry, watched bool) {
	everybody := audience{all: true}
	switch event := event.(type) {
	case core.PodUpserted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchPods, ID: event.Pod.ID}, namespace: event.Pod.Namespace, audience: everybody}, true
	case core.PodDeleted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchPods, ID: event.ID}, audience: everybody}, true
	case core.NodeUpserted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchNodes, ID: event.Node.ID}, audience: everybody}, true
	case core.NodeDeleted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchNodes, ID: event.ID}, audience: everybody}, true
	case core.PackUpserted:
		before, now := r.packs[event.Pack.ID], audienceOf(event.Pack)
		r.packs[event.Pack.ID] = now
		return entry{ref: wire.WatchRef{Kind: wire.WatchPacks, ID: event.Pack.ID}, audience: audience{before.all || now.all, now.owner}}, true
	case core.PackDeleted:
		before := r.packs[event.ID]
		delete(r.packs, event.ID)
		return entry{ref: wire.WatchRef{Kind: wire.WatchPacks, ID: event.ID}, audience: before}, true
	case core.DeploymentUpserted:
		ref := wire.WatchRef{Kind: wire.WatchDeployments, ID: event.Deployment.ID}
		return entry{ref: ref, namespace: event.Deployment.Namespace, audience: everybody}, true
	case core.DeploymentDeleted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchDeployments, ID: event.ID}, audience: everybody}, true
	case core.NamespaceUpserted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchNamespaces, ID: event.Namespace.ID}, audience: everybody}, true
	case core.NamespaceDeleted:
		return entry{ref: wire.WatchRef{Kind: wire.WatchNamespaces, ID: event.ID}, audience: everybody}, true
	case core.EventRecorded: // it is never gone
		return entry{ref: wire.WatchRef{Kind: wire.WatchEvents, Number: event.ID}, namespace: event.Namespace}, true
	}
	return entry{}, false
}

// audienceOf is who sees a pack, as its policy has it.
func audienceOf(pack *core.Pack) audience { return audience{all: pack.Public, owner: pack.OwnerID} }

// publish moves what may be read; r.mu is held.
func (r *Room) publish(place uint64) {
	r.visible = place
	close(r.moved)
	r.moved = make(chan struct{})
}

// Run lets watchers see what has become visible, until ctx ends; it returns its cause. Streams end by their own contexts, before.
func (r *Room) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.news:
		}
		r.settle(ctx)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(r.cfg.Spacing):
		}
	}
}

// How long settle waits between two looks: a commit becomes visible within microseconds of its record in the WAL, or, where commits wait for a
// standby, when that has answered.
const (
	shortestLook = time.Millisecond
	longestLook  = 250 * time.Millisecond
)

// settle publishes what is pending once all of it is visible.
func (r *Room) settle(ctx context.Context) {
	p := r.takePending()
	for wait := shortestLook; ; wait = min(2*wait, longestLook) {
		done, err := r.look(ctx, p)
		if done {
			return
		}
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("watchers wait: cannot tell what is visible", "error", err)
			wait = longestLook
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// pending is what came in since the last time.
type pending struct {
	place        uint64 // after it
	began        uint64
	transactions []uint32
}

func (r *Room) takePending() pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := pending{place: r.ring.next, began: r.ring.began, transactions: r.pending}
	r.pending = nil
	return p
}

// look publishes what is pending if all of it is visible. It is done, too, when that does not matter any more because the feed has listed again.
func (r *Room) look(ctx context.Context, p pending) (done bool, err error) {
	all, err := r.cfg.Store.Visible(ctx, p.transactions)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ring.began != p.began {
		return true, nil
	}
	if err == nil && all {
		r.publish(p.place)
		return true, nil
	}
	return false, err
}

// state is how far watchers may read, and what is closed when that changes.
func (r *Room) state() (visible uint64, moved <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.visible, r.moved
}

// now waits until everything that the room has heard of is visible, and gives that place and its cursor.
func (r *Room) now(ctx context.Context) (place uint64, at cursor, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for heard := r.ring.next; r.visible < max(heard, r.ring.oldest); {
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-moved:
		}
		r.mu.Lock()
		if err != nil {
			return 0, cursor{}, err
		}
	}
	return r.visible, cursor{r.history, r.ring.position(r.visible)}, nil
}
