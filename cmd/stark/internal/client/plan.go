package client

import (
	"context"
	"net/http"

	"github.com/stark-o/stark/backend/wire"
)

// Plan says what would come of doing all of it, and does nothing.
func (c *Client) Plan(ctx context.Context, in wire.PlanRequest) (wire.Plan, error) {
	var plan wire.Plan
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"api", "plan"}, in: in, out: &plan})
	return plan, err
}
