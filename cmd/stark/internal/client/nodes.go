package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stark-o/stark/backend/wire"
)

// NodeFilter narrows a list of nodes; an empty field is any.
type NodeFilter struct {
	Status, RuntimeType string
}

// Nodes lists nodes; limit and more are as in Pods.
func (c *Client) Nodes(ctx context.Context, f NodeFilter, limit int) (nodes []wire.Node, more bool, err error) {
	query := url.Values{}
	put(query, "status", f.Status)
	put(query, "runtimeType", f.RuntimeType)
	return collect[wire.Node](ctx, c, []string{"api", "nodes"}, query, limit)
}

// Node is one node, by id or name.
func (c *Client) Node(ctx context.Context, idOrName string) (wire.Node, error) {
	var node wire.Node
	_, err := c.do(ctx, call{method: http.MethodGet, path: []string{"api", "nodes", idOrName}, out: &node})
	return node, err
}

// UpdateNode changes what the patch gives.
func (c *Client) UpdateNode(ctx context.Context, idOrName string, patch wire.NodePatch) (wire.Node, error) {
	var node wire.Node
	_, err := c.do(ctx, call{method: http.MethodPatch, path: []string{"api", "nodes", idOrName}, in: patch, out: &node})
	return node, err
}

// DrainNode cordons a node and asks for its pods to be moved away; what is left after the time is stopped.
func (c *Client) DrainNode(ctx context.Context, idOrName string, drain wire.NodeDrain) (wire.Node, error) {
	var node wire.Node
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"api", "nodes", idOrName, "drain"}, in: drain, out: &node})
	return node, err
}

// DeleteNode removes a node; ErrConflict while its agent is connected.
func (c *Client) DeleteNode(ctx context.Context, idOrName string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: []string{"api", "nodes", idOrName}})
	return err
}
