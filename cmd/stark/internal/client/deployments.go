package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/wire"
)

// DeploymentFilter narrows a list of deployments; an empty field is any.
type DeploymentFilter struct{ Namespace, Name string }

// Deployments lists deployments; limit and more are as in Pods.
func (c *Client) Deployments(ctx context.Context, f DeploymentFilter, limit int) (all []wire.Deployment, more bool, err error) {
	query := url.Values{}
	put(query, "namespace", f.Namespace)
	put(query, "name", f.Name)
	return collect[wire.Deployment](ctx, c, []string{"api", "deployments"}, query, limit)
}

func (c *Client) deployment(ctx context.Context, method string, path []string, in any) (wire.Deployment, error) {
	var d wire.Deployment
	_, err := c.do(ctx, call{method: method, path: path, in: in, out: &d})
	return d, err
}

func deploymentPath(id uuid.UUID, more ...string) []string {
	return append([]string{"api", "deployments", id.String()}, more...)
}

// CreateDeployment makes a deployment.
func (c *Client) CreateDeployment(ctx context.Context, in wire.DeploymentCreate) (wire.Deployment, error) {
	return c.deployment(ctx, http.MethodPost, []string{"api", "deployments"}, in)
}

// Deployment is one deployment. It is ErrNotFound when there is none that the caller may see.
func (c *Client) Deployment(ctx context.Context, id uuid.UUID) (wire.Deployment, error) {
	return c.deployment(ctx, http.MethodGet, deploymentPath(id), nil)
}

// UpdateDeployment changes what the patch gives.
func (c *Client) UpdateDeployment(ctx context.Context, id uuid.UUID, patch wire.DeploymentPatch) (wire.Deployment, error) {
	return c.deployment(ctx, http.MethodPatch, deploymentPath(id), patch)
}

// RollBackDeployment makes what a generation was the next one; 0 is the one before the present.
func (c *Client) RollBackDeployment(ctx context.Context, id uuid.UUID, generation int64) (wire.Deployment, error) {
	return c.deployment(ctx, http.MethodPost, deploymentPath(id, "rollback"), wire.DeploymentRollback{Generation: generation})
}

// DeploymentRevisions are what the generations were, newest first.
func (c *Client) DeploymentRevisions(ctx context.Context, id uuid.UUID) ([]wire.DeploymentRevision, error) {
	all := []wire.DeploymentRevision{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: deploymentPath(id, "revisions"), out: &all})
	return all, err
}

// DeleteDeployment removes a deployment and asks its pods to stop.
func (c *Client) DeleteDeployment(ctx context.Context, id uuid.UUID) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: deploymentPath(id)})
	return err
}
