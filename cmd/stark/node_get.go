package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNodeGet(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get NAME | ID",
		Aliases: []string{"status", "describe"},
		Short:   "Show one node",
		Example: `  stark node get laptop
  stark node status laptop -o yaml`,
		Args: between(1, 1, "NAME"),
	}
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		name := trimKind(args[0], "node")
		node, err := conn.Node(ctx, name)
		if errors.Is(err, client.ErrNotFound) {
			return hinted("`stark node list` shows them", "there is no node %q", name)
		}
		if err != nil {
			return err
		}
		now := c.now()
		return output.One(out, node, func(n wire.Node) []output.Field { return nodeFields(now, n) }, "node", nodeName)
	})
	return cmd
}

func nodeFields(now time.Time, n wire.Node) []output.Field {
	return []output.Field{
		{Label: "Name", Value: n.Name},
		{Label: "ID", Value: n.ID.String()},
		{Label: "Status", Value: nodeStatus(n), Tint: true},
		{Label: "Reason", Value: n.StatusReason},
		{Label: "Since", Value: moment(now, &n.StatusSince)},
		{Label: "Last heartbeat", Value: moment(now, n.LastHeartbeat)},
		{Label: "Runtime", Value: string(n.RuntimeType) + " " + n.RuntimeVersion},
		{Label: "Agent", Value: n.AgentVersion},
		{Label: "Access", Value: string(n.Access)},
		{Label: "Pods", Value: podsOf(n)},
		{Label: "Offers", Value: fmt.Sprintf("cpu %s, memory %s", n.Resources.CPU, n.Resources.Memory)},
		{Label: "Labels", Value: output.Labels(n.Labels)},
		{Label: "Taints", Value: taintsText(n.Taints)},
		{Label: "Created", Value: moment(now, &n.CreatedAt)},
	}
}
