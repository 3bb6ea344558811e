// Package client speaks a Stark server's REST API (backend/wire/rest.go): one typed method an endpoint.
//
// It opens the envelope, turns a bad answer into *Error and no answer into *UnreachableError, and gets a fresh token once
// when the server refuses the one it has.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	defaultTimeout = 60 * time.Second
	maxAnswer      = 64 << 20 // bytes; a page of 500 pods is far below
)

// Tokens hands out access tokens.
type Tokens interface {
	// Access is a token that is good for a while yet.
	Access(ctx context.Context) (string, error)
	// Renew is a token other than refused, which the server did not take.
	Renew(ctx context.Context, refused string) (string, error)
}

// Config says which server, and as whom.
type Config struct {
	// Server is the base URL, e.g. http://127.0.0.1:7827.
	Server string
	// Tokens may be nil: then only Info and Login work.
	Tokens Tokens
	// UserAgent is sent with every request.
	UserAgent string
	// HTTP defaults to a client that follows no redirects.
	HTTP *http.Client
}

// Client is one server, seen by one user. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	tokens    Tokens
	userAgent string
	http      *http.Client
}

// New checks the server's URL. It connects to nothing.
func New(cfg Config) (*Client, error) {
	base, err := ParseServer(cfg.Server)
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, tokens: cfg.Tokens, userAgent: cfg.UserAgent, http: cfg.HTTP}
	if c.http == nil {
		c.http = &http.Client{
			// The API never redirects; following one could carry a password to somewhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return c, nil
}

// ParseServer checks a server's base URL: http or https, with a host, without credentials, query or fragment.
func ParseServer(server string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(server, "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("server URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("server URL %q: want http://host:port or https://host", server)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("server URL %q: want no credentials, query or fragment", u.Redacted())
	}
	return u, nil
}

// Server is the base URL.
func (c *Client) Server() string { return c.base.String() }

// call is one request. in and out may be nil.
type call struct {
	method  string
	path    []string // segments, escaped by send
	query   url.Values
	in, out any
	public  bool          // send no token
	timeout time.Duration // defaultTimeout when 0
}

func (c *Client) do(ctx context.Context, r call) (*wire.Page, error) {
	if r.public {
		return c.send(ctx, r, "")
	}
	if c.tokens == nil {
		return nil, errors.New("client has no login")
	}
	token, err := c.tokens.Access(ctx)
	if err != nil {
		return nil, err
	}
	page, err := c.send(ctx, r, token)
	if !errors.Is(err, ErrUnauthorized) {
		return page, err
	}
	// A 401 means that nothing was done, so any method may be tried again: once.
	fresh, renewErr := c.tokens.Renew(ctx, token)
	if renewErr != nil {
		return nil, fmt.Errorf("%w: %w", renewErr, err)
	}
	return c.send(ctx, r, fresh)
}

func (c *Client) send(ctx context.Context, r call, token string) (*wire.Page, error) {
	timeout := r.timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := c.request(bounded, r, token)
	if err != nil {
		return nil, err
	}
	op := r.method + " " + req.URL.Path
	resp, err := c.http.Do(req)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		closeErr := resp.Body.Close()
		if err == nil && closeErr == nil {
			return c.open(op, resp, body, r.out)
		}
		err = errors.Join(err, closeErr)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	var transport *url.Error
	if errors.As(err, &transport) {
		err = transport.Err // without the method and URL once more
	}
	return nil, &UnreachableError{Server: c.Server(), Cause: err}
}

func (c *Client) request(ctx context.Context, r call, token string) (*http.Request, error) {
	var body io.Reader
	if r.in != nil {
		raw, err := json.Marshal(r.in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	segments := make([]string, len(r.path))
	for i, s := range r.path {
		segments[i] = url.PathEscape(s)
	}
	target := c.base.String() + "/" + strings.Join(segments, "/")
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	if r.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// open reads the envelope.
func (c *Client) open(op string, resp *http.Response, body []byte, out any) (*wire.Page, error) {
	good := resp.StatusCode >= 200 && resp.StatusCode < 300
	if good && len(body) == 0 && out == nil {
		return nil, nil
	}
	var envelope struct {
		Success *bool           `json:"success"`
		Data    json.RawMessage `json:"data"`
		Page    *wire.Page      `json:"page"`
		Error   wire.Problem    `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Success == nil {
		return nil, &ForeignError{Server: c.Server(), Op: op, Status: resp.StatusCode}
	}
	if !good || !*envelope.Success {
		p := envelope.Error
		if p.CorrelationID == "" {
			p.CorrelationID = resp.Header.Get("X-Correlation-ID")
		}
		if p.Code == "" {
			p.Code = core.CodeInternal
		}
		return nil, &Error{Status: resp.StatusCode, Op: op, Problem: p}
	}
	if out != nil {
		if err := json.Unmarshal(envelope.Data, out); err != nil {
			return nil, fmt.Errorf("%s: read the answer: %w", op, err)
		}
	}
	return envelope.Page, nil
}
