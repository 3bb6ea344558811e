package sched

// changeLog lets every class catch up on its own with what happened since it last looked. Old entries are dropped; who is further behind
// starts anew.
type changeLog[T any] struct {
	entries []T
	base    uint64 // position of entries[0]
}

func (l *changeLog[T]) end() uint64 { return l.base + uint64(len(l.entries)) }

// since returns what came after a position; ok is false when that is not known any more.
func (l *changeLog[T]) since(position uint64) (entries []T, ok bool) {
	if position < l.base || position > l.end() {
		return nil, false
	}
	return l.entries[position-l.base:], true
}

// add appends. Catching up on more entries than there are nodes costs more than starting anew, so few more are kept.
func (l *changeLog[T]) add(entry T, keep int) {
	if len(l.entries) >= 2*keep {
		drop := len(l.entries) - keep
		copy(l.entries, l.entries[drop:])
		l.entries = l.entries[:keep]
		l.base += uint64(drop)
	}
	l.entries = append(l.entries, entry)
}

// change is one pod that came to or left a slot; with noGroup only the slot's room changed.
type change struct {
	slot  int32
	group int32
	delta int32
}

const noGroup = int32(-1)

func (c *Cluster) touch(slot, group, delta int32) {
	c.log.add(change{slot: slot, group: group, delta: delta}, max(c.limits.log, len(c.nodes)))
}
