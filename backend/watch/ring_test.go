package watch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

func podRef(n byte) wire.WatchRef {
	return wire.WatchRef{Kind: wire.WatchPods, ID: uuid.UUID{15: n}}
}

// fill makes a ring with one entry for each position.
func fill(size int, positions ...uint64) *ring {
	r := newRing(size)
	r.restart(1)
	for i, p := range positions {
		r.add(entry{ref: podRef(byte(i)), position: p})
	}
	return r
}

func TestFind(t *testing.T) {
	t.Parallel()
	r := fill(4, 10, 20, 20, 30, 40) // the first is forgotten
	for position, want := range map[uint64]uint64{10: r.next - 4, 15: r.next - 4, 20: r.next - 2, 30: r.next - 1, 40: r.next, 99: r.next} {
		place, ok := r.find(position)
		require.True(t, ok, position)
		require.Equal(t, want, place, position)
	}
	_, ok := r.find(9)
	require.False(t, ok, "something after it is forgotten")
}

func TestTakeGivesWholeTransactions(t *testing.T) {
	t.Parallel()
	r := fill(8, 10, 20, 20, 20, 30)
	start := r.oldest
	c, ok := r.take(start, r.next, 2)
	require.True(t, ok)
	require.Len(t, c.entries, 4, "the transaction that was begun is whole")
	require.EqualValues(t, 20, c.position)
	c, ok = r.take(c.to, r.next, 2)
	require.True(t, ok)
	require.Len(t, c.entries, 1)
	require.EqualValues(t, 30, c.position)
	c, ok = r.take(start, start+1, 2)
	require.True(t, ok)
	require.Len(t, c.entries, 1, "not beyond the limit")
}

func TestAPlaceIsOvertaken(t *testing.T) {
	t.Parallel()
	r := fill(2, 10)
	place := r.oldest
	r.add(entry{position: 20})
	_, ok := r.take(place, r.next, 9)
	require.True(t, ok)
	r.add(entry{position: 30})
	_, ok = r.take(place, r.next, 9)
	require.False(t, ok)

	end := r.next
	r.restart(50)
	_, ok = r.take(end, r.next, 9)
	require.False(t, ok, "also who had everything does not know what happened meanwhile")
	_, ok = r.find(49)
	require.False(t, ok)
	place, ok = r.find(50)
	require.True(t, ok)
	require.Equal(t, r.next, place)
}

// More than the ring holds, in one transaction.
func TestATransactionLargerThanTheRing(t *testing.T) {
	t.Parallel()
	r := fill(2, 10, 20, 20, 20, 20)
	_, ok := r.find(10)
	require.False(t, ok)
	place, ok := r.find(20)
	require.True(t, ok)
	require.Equal(t, r.next, place)
}

func TestRowsAreCoalescedAndFiltered(t *testing.T) {
	t.Parallel()
	me, all := uuid.UUID{0: 1}, audience{all: true}
	node := wire.WatchRef{Kind: wire.WatchNodes, ID: uuid.UUID{15: 9}}
	pack := wire.WatchRef{Kind: wire.WatchPacks, ID: uuid.UUID{15: 8}}
	c := chunk{entries: []entry{
		{ref: podRef(1), namespace: "a", audience: all}, {ref: podRef(2), namespace: "b", audience: all}, {ref: node, audience: all},
		{ref: podRef(1), namespace: "a", audience: all}, {ref: podRef(3), audience: all}, {ref: pack, audience: audience{owner: me}},
	}}
	only := func(kinds ...wire.WatchKind) wire.WatchQuery { return wire.WatchQuery{Kinds: kinds} }
	require.Equal(t, []row{{podRef(1), true}, {podRef(2), true}, {podRef(3), true}}, c.rows(only(wire.WatchPods), me))
	somewhere := only(wire.WatchPods, wire.WatchNodes)
	somewhere.Namespace = "a"
	require.Equal(t, []row{{podRef(1), true}, {node, true}, {podRef(3), true}}, c.rows(somewhere, me), "where a deleted pod was is not known")

	event := wire.WatchRef{Kind: wire.WatchEvents, Number: 7}
	for namespace, seen := range map[string]bool{"a": true, "b": false, "": false} {
		of := only(wire.WatchEvents)
		of.Namespace = "a"
		one := chunk{entries: []entry{{ref: event, namespace: namespace}}}
		require.Equal(t, seen, len(one.rows(of, me)) == 1, "an event of namespace %q", namespace)
		of.Namespace = ""
		require.Len(t, one.rows(of, me), 1)
	}

	require.Equal(t, []row{{pack, true}}, c.rows(only(wire.WatchPacks), me))
	require.Equal(t, []row{{pack, false}}, c.rows(only(wire.WatchPacks), uuid.UUID{0: 2}))
	c.entries = append(c.entries, entry{ref: pack, audience: all})
	require.Equal(t, []row{{pack, true}}, c.rows(only(wire.WatchPacks), uuid.UUID{0: 2}), "it was everybody's for a moment")
}

func TestWhoHearsThatSomethingIsGone(t *testing.T) {
	t.Parallel()
	pack, event := wire.WatchRef{Kind: wire.WatchPacks}, wire.WatchRef{Kind: wire.WatchEvents, Number: 7}
	require.True(t, mayHear(row{pack, true}, "viewer"))
	require.False(t, mayHear(row{pack, false}, "operator"))
	require.True(t, mayHear(row{pack, false}, "admin"))
	require.False(t, mayHear(row{event, false}, "admin"), "retention is no news")
}

func TestCursor(t *testing.T) {
	t.Parallel()
	c := cursor{history: shortHistory("7123.1"), position: 0xabc}
	parsed, err := parseCursor(c.String())
	require.NoError(t, err)
	require.Equal(t, c, parsed)
	require.NotEqual(t, shortHistory("7123.1"), shortHistory("7123.2"))
	for _, bad := range []string{"x", "-1", c.history, c.history + "-", c.history + "-xyz", c.history + "-11111111111111111", "0" + c.String()} {
		_, err := parseCursor(bad)
		require.ErrorIs(t, err, errCursor, bad)
	}
}
