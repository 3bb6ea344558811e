package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/wire"
)

// Setup makes the logged-in user the first admin.
func (c *Client) Setup(ctx context.Context, token string) (wire.User, error) {
	var user wire.User
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"auth", "setup"}, in: wire.Setup{Token: token}, out: &user})
	return user, err
}

// Users lists users; limit and more are as in Pods.
func (c *Client) Users(ctx context.Context, limit int) (users []wire.Account, more bool, err error) {
	return collect[wire.Account](ctx, c, []string{"api", "users"}, url.Values{}, limit)
}

// UpdateUser changes what the patch gives.
func (c *Client) UpdateUser(ctx context.Context, id uuid.UUID, patch wire.AccountPatch) (wire.Account, error) {
	var user wire.Account
	_, err := c.do(ctx, call{method: http.MethodPatch, path: []string{"api", "users", id.String()}, in: patch, out: &user})
	return user, err
}
