// Package supa is the one place that talks to Supabase over HTTP: Auth through the official gotrue-go, Storage directly.
//
// What the official clients cannot do is done here instead, and each place says what that is. All of it honours the caller's
// context, streams, and answers with core.Error.
package supa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stark-o/stark/backend/core"
)

const (
	authTimeout   = 10 * time.Second
	headerTimeout = 30 * time.Second // until Storage starts to answer
	maxErrorBytes = 64 << 10
)

// Config says which project.
type Config struct {
	// URL is the project's API, e.g. http://127.0.0.1:54321. Needed.
	URL string
	// AnonKey is the public key: an `anon` JWT or `sb_publishable_…`. Needed. It goes into the `apikey` header and nowhere else: the new keys
	// are no JWTs and are refused as bearer tokens.
	AnonKey string
	// Transport makes the requests; default a pool of its own.
	Transport http.RoundTripper
}

// Client talks to one project. It is safe for concurrent use and holds no session: callers pass the user's token.
type Client struct {
	base      *url.URL
	key       string
	transport http.RoundTripper
}

// New checks the configuration. It makes no request.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("supa: URL must be an http or https URL, not %q", cfg.URL)
	}
	if cfg.AnonKey == "" {
		return nil, errors.New("supa: AnonKey is needed")
	}
	if strings.HasPrefix(cfg.AnonKey, "sb_secret_") {
		return nil, errors.New("supa: AnonKey is a secret key: use the publishable one, which every client is told")
	}
	if cfg.Transport == nil {
		pool := http.DefaultTransport.(*http.Transport).Clone()
		pool.ResponseHeaderTimeout = headerTimeout
		cfg.Transport = pool
	}
	return &Client{base: base, key: cfg.AnonKey, transport: cfg.Transport}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() {
	if pool, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		pool.CloseIdleConnections()
	}
}

// do sends a request of our own. Redirects are not followed: they would carry the user's token elsewhere.
func (c *Client) do(req *http.Request, accessToken string) (*http.Response, error) {
	req.Header.Set("apikey", c.key)
	req.Header.Set("Authorization", "Bearer "+accessToken)
	return httpClient(c.transport).Do(req)
}

func httpClient(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// unreachable is a request that got no answer.
func unreachable(service string, err error) error {
	message := fmt.Sprintf("Supabase %s does not answer", service)
	return core.Errorf(core.CodeUnavailable, "%s", message).WithCause(withoutURL(err))
}

// withoutURL drops the method and URL that net/http puts in front: object names are private, and logs are not.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// needToken refuses to send an empty bearer token, which servers understand in different ways.
func needToken(accessToken string) error {
	if accessToken == "" {
		return core.Errorf(core.CodeUnauthenticated, "a token is needed").WithHint("Log in.")
	}
	return nil
}

// ctxTransport gives the requests of a client that knows no context the caller's, and keeps the error body that such a client
// folds into a string. It serves one call.
type ctxTransport struct {
	ctx   context.Context
	next  http.RoundTripper
	reply *reply // what a failed request was answered
}
