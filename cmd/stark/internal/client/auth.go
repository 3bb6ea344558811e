package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stark-o/stark/backend/wire"
)

// Info is what the server tells everyone.
func (c *Client) Info(ctx context.Context) (wire.ServerInfo, error) {
	var info wire.ServerInfo
	_, err := c.do(ctx, call{method: http.MethodGet, path: []string{"api", "info"}, out: &info, public: true})
	return info, err
}

// Login trades a password for a session.
func (c *Client) Login(ctx context.Context, login wire.Login) (wire.Session, error) {
	var session wire.Session
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"auth", "login"}, in: login, out: &session, public: true})
	return session, err
}

// Logout ends sessions: this one ("local", the default), all ("global") or all but this one ("others").
func (c *Client) Logout(ctx context.Context, scope string) error {
	query := url.Values{}
	put(query, "scope", scope)
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"auth", "logout"}, query: query})
	return err
}

// Whoami is the logged-in user.
func (c *Client) Whoami(ctx context.Context) (wire.User, error) {
	var user wire.User
	_, err := c.do(ctx, call{method: http.MethodGet, path: []string{"auth", "whoami"}, out: &user})
	return user, err
}
