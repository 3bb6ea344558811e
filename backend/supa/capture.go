package supa

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// reply is the answer to a request that failed.
type reply struct {
	status int
	header http.Header
	body   []byte // at most maxErrorBytes
}

// RoundTrip sends the request under the caller's context.
func (t *ctxTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req.WithContext(t.ctx))
	if err != nil {
		return nil, err
	}
	if isSuccess(resp.StatusCode) {
		resp.Body = capped(resp.Body, maxReplyBytes)
		return resp, nil
	}
	t.reply, err = readReply(resp)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(t.reply.body))
	return resp, nil
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }

// readReply reads a failed request's answer and closes it.
func readReply(resp *http.Response) (*reply, error) {
	defer resp.Body.Close() //nolint:errcheck // it was read: there is nothing left to fail
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	if err != nil {
		return nil, err
	}
	return &reply{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// maxReplyBytes bounds what a JSON answer may be: a session with a user's metadata is a few KiB.
const maxReplyBytes = 1 << 20

var errReplyTooLarge = errors.New("the answer is too large")

type cappedBody struct {
	io.Closer
	r    io.Reader
	left int64
}

// capped is a body that fails instead of growing past limit.
func capped(body io.ReadCloser, limit int64) io.ReadCloser {
	return &cappedBody{Closer: body, r: body, left: limit}
}

func (c *cappedBody) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errReplyTooLarge
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	return n, err
}
