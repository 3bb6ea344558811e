package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	ws "github.com/fasthttp/websocket"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// fleet is agents that hold a connection each, beat, and note which pods they are given. They run none and claim none.
type fleet struct {
	agents  []*agent
	tracker atomic.Pointer[tracker]
	stop    context.CancelFunc
	wg      sync.WaitGroup
	lost    atomic.Int64 // connections that ended by themselves
}

type agent struct {
	conn *ws.Conn
	beat time.Duration
}

// connect registers n agents with one access token and keeps them alive.
func connect(ctx context.Context, url, token string, n int) (*fleet, error) {
	f := &fleet{agents: make([]*agent, n)}
	dialer := ws.Dialer{HandshakeTimeout: 30 * time.Second, ReadBufferSize: 2 << 10, WriteBufferSize: 512}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range f.agents {
		group.Go(func() (err error) {
			f.agents[i], err = join(groupCtx, &dialer, "ws"+strings.TrimPrefix(url, "http")+"/ws", token, fmt.Sprintf("bench-%05d", i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	living, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	for _, a := range f.agents {
		f.wg.Go(func() {
			if err := f.listen(a); err != nil && living.Err() == nil {
				f.lost.Add(1)
			}
		})
	}
	f.wg.Go(func() { f.beat(living) })
	return f, nil
}

// join is an agent's first words, docs/protocol.md.
func join(ctx context.Context, dialer *ws.Dialer, url, token, name string) (*agent, error) {
	conn, res, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect agent %s: %w", name, err)
	}
	_ = res.Body.Close() // an upgrade has none
	a := &agent{conn: conn}
	if err := a.register(token, name); err != nil {
		return nil, errors.Join(fmt.Errorf("register agent %s: %w", name, err), conn.Close())
	}
	return a, nil
}

func (a *agent) register(token, name string) error {
	if err := a.say(wire.TypeAuthenticate, wire.Authenticate{Token: token, Protocol: wire.Protocol}); err != nil {
		return err
	}
	if _, err := hear[wire.Authenticated](a, wire.TypeAuthenticated); err != nil {
		return err
	}
	err := a.say(wire.TypeNodeRegister, wire.NodeRegister{
		Name: name, RuntimeType: core.RuntimeNode, RuntimeVersion: "24.0.0", AgentVersion: "bench", BootID: uuid.New(), Pods: []wire.HeldPod{},
		Resources: wire.NodeResources{CPU: "10000", Memory: "100Ti", Pods: 100_000},
	})
	if err != nil {
		return err
	}
	registered, err := hear[wire.NodeRegistered](a, wire.TypeNodeRegistered)
	a.beat = time.Duration(registered.HeartbeatIntervalMS) * time.Millisecond
	return err
}

func (a *agent) say(t wire.Type, payload any) error {
	frame, err := wire.Encode(t, payload, time.Now(), "")
	if err != nil {
		return err
	}
	return a.conn.WriteMessage(ws.TextMessage, frame)
}

func hear[T any](a *agent, want wire.Type) (payload T, err error) {
	_, data, err := a.conn.ReadMessage()
	if err != nil {
		return payload, err
	}
	env, err := wire.ParseEnvelope(data)
	if err != nil {
		return payload, err
	}
	if env.Type != want {
		return payload, fmt.Errorf("the server said %s: %s", env.Type, env.Payload)
	}
	err = json.Unmarshal(env.Payload, &payload)
	return payload, err
}

// listen reads until the connection ends. It looks at no more of a frame than it needs: it is the server that is measured.
func (f *fleet) listen(a *agent) error {
	frame := make([]byte, 0, 1024)
	for {
		_, r, err := a.conn.NextReader()
		if err != nil {
			return err
		}
		if frame, err = readInto(frame[:0], r); err != nil {
			return err
		}
		if !bytes.HasPrefix(frame, assignPrefix) {
			continue
		}
		if t := f.tracker.Load(); t != nil {
			t.arrive(podID(frame))
		}
	}
}

var assignPrefix = []byte(`{"type":"pod:assign"`)

func podID(frame []byte) uuid.UUID {
	_, rest, _ := bytes.Cut(frame, []byte(`"podId":"`))
	id, err := uuid.ParseBytes(rest[:min(36, len(rest))])
	if err != nil {
		return uuid.Nil // counted as a stray
	}
	return id
}

func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// beat sends every agent's heartbeats, spread evenly over the interval.
func (f *fleet) beat(ctx context.Context) {
	gap := f.agents[0].beat / time.Duration(len(f.agents))
	next := time.Now()
	for {
		for _, a := range f.agents {
			next = next.Add(gap)
			if wait := time.Until(next); wait > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
			if ctx.Err() != nil {
				return
			}
			_ = a.say(wire.TypeNodeHeartbeat, wire.NodeHeartbeat{}) // its reader notices a connection that is gone
		}
	}
}

func (f *fleet) close() error {
	if f.stop != nil {
		f.stop()
	}
	for _, a := range f.agents {
		if a != nil {
			_ = a.conn.Close() // unannounced, as a machine that is switched off
		}
	}
	f.wg.Wait()
	runtime.GC()
	if n := f.lost.Load(); n > 0 {
		return fmt.Errorf("%d of %d agents lost their connection", n, len(f.agents))
	}
	return nil
}
