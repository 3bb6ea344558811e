package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stark-o/stark/backend/wire"
)

const (
	// The server gives a sign of life every 15 s; what is silent for three times as long is dead.
	streamSilence = 45 * time.Second
	maxFrameLine  = 16 << 20 // bytes of one object
)

// WatchFrame is a frame of GET /api/watch. Change is set for wire.WatchChanged, Reason for wire.WatchResync and wire.WatchBye.
type WatchFrame struct {
	Event  wire.WatchEvent
	Cursor string
	Change Change
	Reason string
}

// Change is a wire.WatchChange whose object is still to be read.
type Change struct {
	Kind   wire.WatchKind  `json:"kind"`
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
	ID     string          `json:"id"`
}

// Watch opens one stream of what changes and gives each frame to next, until the stream ends (io.EOF), it breaks (UnreachableError) or next
// fails. Signs of life are frames too: their cursor counts.
func (c *Client) Watch(ctx context.Context, q wire.WatchQuery, next func(WatchFrame) error) error {
	kinds := make([]string, len(q.Kinds))
	for i, k := range q.Kinds {
		kinds[i] = string(k)
	}
	query := url.Values{"kinds": {strings.Join(kinds, ",")}}
	put(query, "namespace", q.Namespace)
	put(query, "cursor", q.Cursor)
	r := call{method: http.MethodGet, path: []string{"api", "watch"}, query: query}
	token, err := c.tokens.Access(ctx)
	if err != nil {
		return err
	}
	err = c.stream(ctx, r, token, next)
	if !errors.Is(err, ErrUnauthorized) {
		return err
	}
	fresh, renewErr := c.tokens.Renew(ctx, token)
	if renewErr != nil {
		return fmt.Errorf("%w: %w", renewErr, err)
	}
	return c.stream(ctx, r, fresh, next)
}

var errSilent = errors.New("the stream has fallen silent")

func (c *Client) stream(ctx context.Context, r call, token string, next func(WatchFrame) error) (err error) {
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(streamSilence, func() { cancel(errSilent) })
	defer silence.Stop()
	req, err := c.request(alive, r, token)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	op := r.method + " " + req.URL.Path
	resp, err := c.http.Do(req)
	if err != nil {
		return c.broken(ctx, alive, op, err)
	}
	defer func() { _ = resp.Body.Close() }() // it is given up, or at its end
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return c.broken(ctx, alive, op, err)
		}
		_, err = c.open(op, resp, body, &struct{}{})
		return err
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return &ForeignError{Server: c.Server(), Op: op, Status: resp.StatusCode}
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxFrameLine)
	var frame sse
	for lines.Scan() {
		silence.Reset(streamSilence)
		if !frame.line(lines.Text()) {
			continue
		}
		whole, err := frame.frame()
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		frame = sse{}
		if err := next(whole); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return c.broken(ctx, alive, op, err)
	}
	return io.EOF
}

// broken is what a stream that ended by itself says.
func (c *Client) broken(ctx, alive context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	if alive.Err() != nil {
		err = context.Cause(alive)
	}
	var transport *url.Error
	if errors.As(err, &transport) {
		err = transport.Err
	}
	return &UnreachableError{Server: c.Server(), Cause: err}
}

// sse is a server-sent event on its way in. Source: WHATWG HTML, 9.2.6; one data line an event is what the server sends.
type sse struct{ event, id, data string }

// line takes one line and says whether it ended an event that has anything to say.
func (e *sse) line(line string) (whole bool) {
	if line == "" {
		return e.id != ""
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		e.event = value
	case "id":
		e.id = value
	case "data":
		e.data = value
	}
	return false
}

func (e *sse) frame() (WatchFrame, error) {
	f := WatchFrame{Event: wire.WatchEvent(e.event), Cursor: e.id}
	var err error
	switch f.Event {
	case "": // a comment with an id
		f.Event = wire.WatchKeepAlive
	case wire.WatchChanged:
		err = json.Unmarshal([]byte(e.data), &f.Change)
	case wire.WatchResync, wire.WatchBye:
		var why wire.WatchReason
		err = json.Unmarshal([]byte(e.data), &why)
		f.Reason = why.Reason
	}
	if err != nil {
		return f, fmt.Errorf("read a frame %q: %w", e.event, err)
	}
	return f, nil
}
