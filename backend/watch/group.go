package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// group is the watchers who show the same token: what one of them has read the others need not read again. It is the token that counts and not
// the user, since policies may look at any claim.
type group struct {
	members int // guarded by Room.mu

	turn chan struct{} // of capacity 1: whoever is in it has what follows
	last batch
}

// batch is what was read of one chunk.
type batch struct {
	from, to uint64
	kinds    []wire.WatchKind
	space    string // the namespace
	role     string
	changes  []json.RawMessage // each a wire.WatchChange
}

func (b *batch) serves(c chunk, query wire.WatchQuery) bool {
	return b.to > b.from && b.from == c.from && b.to == c.to && b.space == query.Namespace && slices.Equal(b.kinds, query.Kinds)
}

// read gives what changed in a chunk, as the actor sees it.
func (r *Room) read(ctx context.Context, g *group, actor core.Actor, c chunk, query wire.WatchQuery) (batch, error) {
	if !acquire(ctx, g.turn) {
		return batch{}, context.Cause(ctx)
	}
	defer release(g.turn)
	if g.last.serves(c, query) {
		return g.last, nil
	}
	b := batch{from: c.from, to: c.to, kinds: query.Kinds, space: query.Namespace}
	for rows := range slices.Chunk(c.rows(query, actor.UserID), rowsPerRead) {
		if err := r.readInto(ctx, &b, actor, rows); err != nil {
			return batch{}, err
		}
	}
	g.last = b
	return b, nil
}

func (r *Room) readInto(ctx context.Context, b *batch, actor core.Actor, rows []row) error {
	if !acquire(ctx, r.slots) {
		return context.Cause(ctx)
	}
	defer release(r.slots)
	refs := make([]wire.WatchRef, len(rows))
	for i, row := range rows {
		refs[i] = row.ref
	}
	seen, err := r.cfg.Store.Watched(ctx, actor, refs)
	if err != nil {
		return err
	}
	b.role = seen.Role
	for _, row := range rows {
		change := wire.WatchChange{Kind: row.ref.Kind, Type: wire.WatchUpsert, Object: seen.Objects[row.ref]}
		if change.Object == nil {
			if !mayHear(row, seen.Role) {
				continue
			}
			change.Type, change.ID = wire.WatchDelete, row.ref.Key()
		}
		raw, err := json.Marshal(change)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", row.ref.Kind, row.ref.Key(), err)
		}
		b.changes = append(b.changes, raw)
	}
	return nil
}

// mayHear says whether a user hears that a row is gone, or not theirs to see any more. Events do not go: retention is no news.
func mayHear(row row, role string) bool {
	return row.hear || role == "admin" && row.ref.Kind != wire.WatchEvents
}

func acquire(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func release(slots chan struct{}) { <-slots }
