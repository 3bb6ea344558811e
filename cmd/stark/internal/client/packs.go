package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/wire"
)

// The server reads the whole bundle again before it answers.
const createPackTimeout = 5 * time.Minute

// CreatePack registers a bundle that lies in Storage.
func (c *Client) CreatePack(ctx context.Context, in wire.PackCreate) (wire.Pack, error) {
	var pack wire.Pack
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"api", "packs"}, in: in, out: &pack, timeout: createPackTimeout})
	return pack, err
}

// Packs lists pack versions, newest first. An empty name is all; limit and more are as in Pods.
func (c *Client) Packs(ctx context.Context, name string, limit int) (packs []wire.Pack, more bool, err error) {
	query := url.Values{}
	put(query, "name", name)
	return collect[wire.Pack](ctx, c, []string{"api", "packs"}, query, limit)
}

// Pack is one version. It is ErrNotFound when there is none that the caller may see.
func (c *Client) Pack(ctx context.Context, id uuid.UUID) (wire.Pack, error) {
	var pack wire.Pack
	_, err := c.do(ctx, call{method: http.MethodGet, path: []string{"api", "packs", id.String()}, out: &pack})
	return pack, err
}

// DeletePack removes one version; ErrConflict while pods refer to it.
func (c *Client) DeletePack(ctx context.Context, id uuid.UUID) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: []string{"api", "packs", id.String()}})
	return err
}

// UpdatePack changes what the patch gives.
func (c *Client) UpdatePack(ctx context.Context, id uuid.UUID, patch wire.PackPatch) (wire.Pack, error) {
	var pack wire.Pack
	_, err := c.do(ctx, call{method: http.MethodPatch, path: []string{"api", "packs", id.String()}, in: patch, out: &pack})
	return pack, err
}
