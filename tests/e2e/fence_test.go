package e2e

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// cable is a network between an agent and the server that can be cut: what is sent then is lost, and nobody is told.
type cable struct {
	listener net.Listener
	to       string

	mu    sync.Mutex // guards what follows
	isCut bool
	conns []net.Conn
}

func layCable(t *testing.T, to string) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cable{listener: ln, to: to}
	t.Cleanup(func() { _ = ln.Close(); c.set(false) })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return // the test is over
			}
			far, err := net.Dial("tcp", c.to)
			if err != nil {
				_ = near.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, near, far)
			c.mu.Unlock()
			go c.carry(near, far)
			go c.carry(far, near)
		}
	}()
	return c
}

func (c *cable) url() string { return "http://" + c.listener.Addr().String() }

func (c *cable) carry(from, to net.Conn) {
	defer func() { _ = from.Close(); _ = to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		c.mu.Lock()
		lost := c.isCut
		c.mu.Unlock()
		if lost {
			n = 0
		}
		if _, werr := to.Write(buffer[:n]); err != nil || werr != nil {
			return
		}
	}
}

// set cuts or mends the cable. What was connected is broken when it is mended, since bytes are missing.
func (c *cable) set(isCut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = isCut
	if isCut {
		return
	}
	for _, conn := range c.conns {
		_ = conn.Close() // may be closed already
	}
	c.conns = nil
}

// runOf is the id of a pod's nth run.
func (w *witness) runOf(pod uuid.UUID, nth int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, run := range w.runs {
		if fields := strings.Fields(run); fields[0] == pod.String() {
			if nth--; nth == 0 {
				return fields[2]
			}
		}
	}
	return ""
}

// between is when a pod's first run was last heard and when its second one was first heard.
func (w *witness) between(pod uuid.UUID) (ended, began time.Time) {
	first, second := w.runOf(pod, 1), w.runOf(pod, 2)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beats[first], w.first[second]
}

// A node is cut off and given up. Its fenced pod has ended there before it runs elsewhere; a pod that is not fenced goes on until the node is
// told.
func TestFencedPodNeverRunsTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), `update cluster_config set value = case key when 'heartbeat.intervalMs' then '1000'::jsonb else '6000'::jsonb end
		where key in ('heartbeat.intervalMs', 'heartbeat.timeoutMs')`)
	require.NoError(t, err)
	line := layCable(t, w.listen)
	w.startAgent("cut-off", "STARK_SERVER="+line.url())
	plain := w.beacon()
	fenced := w.pod(w.dev, map[string]any{"pack": "beacon", "env": map[string]string{"WITNESS": w.witness.url},
		"metadata": map[string]any{"stark/fenced": true}}).ID
	w.runsOnce(fenced)
	w.startAgent("elsewhere")

	line.set(true)
	w.eventually("both pods run elsewhere", func() bool { return w.witness.runOf(fenced, 2) != "" && w.witness.runOf(plain, 2) != "" })
	ended, began := w.witness.between(fenced)
	require.True(t, ended.Before(began), "the first run was still heard %s after the second one began", ended.Sub(began))

	w.eventually("the other one runs twice meanwhile", func() bool { ended, began := w.witness.between(plain); return ended.After(began) })

	line.set(false)
	w.eventually("the old run of the other one has ended", func() bool {
		return w.witness.alive(plain, time.Now().Add(-500*time.Millisecond)) == 1
	})
	w.runsOnce(fenced)
	w.runsOnce(plain)
	require.Equal(t, []string{"1", "2"}, w.witness.incarnations(fenced))
	require.Equal(t, []string{"1", "2"}, w.witness.incarnations(plain))
}
