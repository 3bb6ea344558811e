package control

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// holdFirst keeps the first batches back until it is told to let them go, or their context ends.
func holdFirst(f *fakeStore, batches int) (release func()) {
	gate := make(chan struct{})
	f.hold = func(ctx context.Context, _ []core.Placement) {
		f.mu.Lock()
		held := batches > 0
		batches--
		f.mu.Unlock()
		if !held {
			return
		}
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	return func() { close(gate) }
}

func TestALonePodDoesNotWaitForALargeBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		release := holdFirst(f, 1)
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 250), aPod(1, 100)))
		synctest.Wait()
		f.show(c, core.Changes{Events: []core.Event{aPod(2, 100), aPod(3, 100)}})
		eventually(t, "one of the two is placed", func() bool { return f.placed(2)() || f.placed(3)() })
		require.False(t, f.placed(1)())
		require.False(t, f.placed(2, 3)(), "the room of a batch that is on its way is taken")
		eventually(t, "and the other explained", f.is(func() bool { return len(f.explained) == 1 }))
		release()
		eventually(t, "placed", f.placed(1))
	})
}

func TestOnlySoManyBatchesAreOnTheirWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		release := holdFirst(f, maxFlying)
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 10_000)))
		for n := range byte(maxFlying + 5) {
			f.show(c, core.Changes{Events: []core.Event{aPod(n, 1)}})
			synctest.Wait()
		}
		f.with(func() { require.Empty(t, f.batches) })
		release()
		eventually(t, "all are placed", func() bool {
			for n := range byte(maxFlying + 5) {
				if !f.placed(n)() {
					return false
				}
			}
			return true
		})
		f.with(func() { require.LessOrEqual(t, len(f.batches), maxFlying+1, "what gathers meanwhile goes together") })
	})
}

// A term that ends takes back what is on its way: the next one decides anew, when it knows what became of it.
func TestATermThatEndsWaitsForItsBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		holdFirst(f, 1)
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 100), aPod(1, 100)))
		eventually(t, "leads", leading(c))
		synctest.Wait()
		f.with(func() { f.lost = true }) // the next renewal finds out, and the term ends
		eventually(t, "placed by the next term", f.placed(1))
		f.with(func() { require.Greater(t, f.epoch, int64(1)) })
	})
}
