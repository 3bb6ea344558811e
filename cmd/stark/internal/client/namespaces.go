package client

import (
	"context"
	"net/http"

	"github.com/stark-o/stark/backend/wire"
)

// Namespaces lists namespaces; limit and more are as in Pods.
func (c *Client) Namespaces(ctx context.Context, limit int) (namespaces []wire.Namespace, more bool, err error) {
	return collect[wire.Namespace](ctx, c, []string{"api", "namespaces"}, nil, limit)
}

// CreateNamespace makes one.
func (c *Client) CreateNamespace(ctx context.Context, in wire.NamespaceCreate) (wire.Namespace, error) {
	var ns wire.Namespace
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"api", "namespaces"}, in: in, out: &ns})
	return ns, err
}

// DeleteNamespace removes one; ErrConflict while it has pods.
func (c *Client) DeleteNamespace(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: []string{"api", "namespaces", name}})
	return err
}

// Namespace is one namespace, by name.
func (c *Client) Namespace(ctx context.Context, name string) (wire.Namespace, error) {
	var ns wire.Namespace
	_, err := c.do(ctx, call{method: http.MethodGet, path: []string{"api", "namespaces", name}, out: &ns})
	return ns, err
}

// UpdateNamespace changes what the patch gives; ErrConflict when the revision has moved on.
func (c *Client) UpdateNamespace(ctx context.Context, name string, patch wire.NamespacePatch) (ns wire.Namespace, err error) {
	_, err = c.do(ctx, call{method: http.MethodPatch, path: []string{"api", "namespaces", name}, in: patch, out: &ns})
	return ns, err
}
