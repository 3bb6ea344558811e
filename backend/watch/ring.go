package watch

import (
	"slices"
	"sort"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/wire"
)

// entry is one change of one row.
type entry struct {
	ref       wire.WatchRef
	namespace string // "" when there is none, or when it is not known: of a row that is gone
	position  uint64 // the end of its transaction in the WAL
	audience
}

// audience is who may hear that a row is gone. What is there is read under row-level security; of what is not, only this can say whose business it was.
type audience struct {
	all   bool
	owner uuid.UUID // besides admins
}

// ring holds the newest entries. An entry has a place: they count up from the first that ever was, and a place before the oldest entry's has been overtaken.
type ring struct {
	entries []entry
	oldest  uint64 // the oldest entry's place, or next when there is none
	next    uint64 // the place of the next entry
	began   uint64 // the place where this history began; what is before was forgotten
	floor   uint64 // everything after this position is here
}

func newRing(size int) *ring { return &ring{entries: make([]entry, size)} }

// restart forgets all: what happened up to position is not known. Every place that was given out is overtaken by it.
func (r *ring) restart(position uint64) {
	clear(r.entries)
	r.next++
	r.oldest, r.began, r.floor = r.next, r.next, position
}

func (r *ring) at(place uint64) *entry { return &r.entries[place%uint64(len(r.entries))] }

func (r *ring) add(e entry) {
	if r.next-r.oldest == uint64(len(r.entries)) {
		r.floor = r.at(r.oldest).position
		r.oldest++
	}
	*r.at(r.next) = e
	r.next++
}

// find gives the place after all entries up to a position; ok is false when some after it are not here any more.
func (r *ring) find(position uint64) (place uint64, ok bool) {
	if position < r.floor {
		return 0, false
	}
	n := sort.Search(int(r.next-r.oldest), func(i int) bool { return r.at(r.oldest+uint64(i)).position > position })
	return r.oldest + uint64(n), true
}

// position is the one that whoever has everything before a place has reached. The place is the end of a transaction.
func (r *ring) position(place uint64) uint64 {
	if place == r.oldest {
		return r.floor
	}
	return r.at(place - 1).position
}

// chunk is a run of whole transactions.
type chunk struct {
	entries  []entry
	from, to uint64 // places
	position uint64 // the position that is reached with it
}

// take copies the transactions from a place on, up to limit, until there are at least size entries. ok is false when the place has been overtaken.
func (r *ring) take(from, limit uint64, size int) (c chunk, ok bool) {
	if from < r.oldest {
		return c, false
	}
	to := min(limit, from+uint64(size))
	for to > from && to < limit && r.at(to).position == r.at(to-1).position {
		to++
	}
	c = chunk{from: from, to: to, position: r.position(to)}
	for place := from; place < to; place++ {
		c.entries = append(c.entries, *r.at(place))
	}
	return c, true
}

// elsewhere says that an entry is not of a namespace; one of which that is not known may be. "" is all of them.
func (e *entry) elsewhere(namespace string) bool {
	if namespace == "" || e.namespace == namespace {
		return false
	}
	return e.namespace != "" || e.ref.Kind == wire.WatchEvents // whose namespace is always known
}

// row is one that changed.
type row struct {
	ref  wire.WatchRef
	hear bool // the user may hear that it is gone
}

// rows are what changed in a chunk, once each, of what a query asks for.
func (c chunk) rows(query wire.WatchQuery, user uuid.UUID) []row {
	var rows []row
	index := map[wire.WatchRef]int{}
	for _, e := range c.entries {
		if e.elsewhere(query.Namespace) || !slices.Contains(query.Kinds, e.ref.Kind) {
			continue
		}
		i, known := index[e.ref]
		if !known {
			i = len(rows)
			index[e.ref] = i
			rows = append(rows, row{ref: e.ref})
		}
		rows[i].hear = rows[i].hear || e.all || e.owner == user
	}
	return rows
}
