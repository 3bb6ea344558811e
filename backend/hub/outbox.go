package hub

import "sync"

// outbox is the queue of one agent's frames, bounded in number and in bytes. It grows only as far as it is used: most agents have little
// waiting, and a few thousands of assignments in one moment are no sign of a slow one.
type outbox struct {
	maxFrames, maxBytes int

	wake chan struct{} // something was put in
	room chan struct{} // something was taken out

	mu     sync.Mutex // guards what follows
	frames [][]byte
	bytes  int
}

func newOutbox(maxFrames, maxBytes int) *outbox {
	return &outbox{maxFrames: maxFrames, maxBytes: maxBytes, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds a frame; false when it does not fit. It never blocks.
func (o *outbox) put(frame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.frames) >= o.maxFrames || o.bytes+len(frame) > o.maxBytes {
		return false
	}
	o.frames = append(o.frames, frame)
	o.bytes += len(frame)
	signal(o.wake)
	return true
}

// wait returns once at most half is used, so that others can still put, or when done is closed.
func (o *outbox) wait(done <-chan struct{}) {
	for !o.halfEmpty() {
		select {
		case <-o.room:
		case <-done:
			return
		}
	}
}

func (o *outbox) halfEmpty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.frames) <= o.maxFrames/2 && o.bytes <= o.maxBytes/2
}

// take removes the oldest frame; nil when there is none.
func (o *outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.frames) == 0 {
		o.frames = nil // lets go of the array
		return nil
	}
	frame := o.frames[0]
	o.frames[0] = nil
	o.frames = o.frames[1:]
	o.bytes -= len(frame)
	signal(o.room)
	return frame
}

// signal wakes who waits on ch, now or later.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
