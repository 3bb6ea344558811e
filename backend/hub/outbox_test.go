package hub

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	o := newOutbox(3, 10)
	assert.Nil(t, o.take())
	for _, frame := range []string{"a", "b", "c"} {
		assert.True(t, o.put([]byte(frame)))
	}
	assert.False(t, o.put([]byte("d")), "in number")
	assert.False(t, o.halfEmpty())
	for _, frame := range []string{"a", "b", "c"} {
		assert.Equal(t, frame, string(o.take()))
	}
	assert.True(t, o.put(make([]byte, 10)))
	assert.False(t, o.put([]byte("x")), "in bytes")
	given := make(chan struct{})
	close(given)
	o.wait(given) // gives up
	waited := make(chan struct{})
	go func() { defer close(waited); o.wait(nil) }()
	assert.Len(t, o.take(), 10)
	<-waited
	assert.Zero(t, o.bytes)
	assert.True(t, o.put(make([]byte, 10)))
}

// An agent that comes back to more pods than its queue holds is waited for: it would be cut off again and again.
func TestResumingWithMorePodsThanTheQueueHolds(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) { c.QueueLength = 8 })
	const pods = 500
	out := core.Registered{NodeID: nodeA, Stop: []core.HeldPod{{PodID: bob, Incarnation: 1}}}
	for range pods {
		out.Pods = append(out.Pods, aPod(uuid.NewString(), nodeA, 1, core.PodScheduled))
		w.upsert(aPod(uuid.NewString(), nodeA, 1, core.PodScheduled))
	}
	w.store.register = func(context.Context, core.Registration) (core.Registered, error) { return out, nil }
	a := w.join("a")
	a.next(wire.TypePodStop)
	for range 2 * pods {
		a.next(wire.TypePodAssign)
	}
	a.settled()
}
