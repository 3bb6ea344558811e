package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNodeList(c *cli) *cobra.Command {
	var filter client.NodeFilter
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List nodes",
		Example: `  stark node list
  stark node list --status healthy --runtime browser -o wide`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().StringVar(&filter.Status, "status", "", "only those that are healthy, unhealthy or unknown")
	cmd.Flags().StringVar(&filter.RuntimeType, "runtime", "", "only those with this runtime: node, browser")
	mustComplete(cmd, "status", []string{"healthy", "unhealthy", "unknown"})
	mustComplete(cmd, "runtime", []string{"node", "browser"})
	limitFlag(cmd, &limit)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		nodes, more, err := conn.Nodes(ctx, filter, limit)
		if err != nil {
			return err
		}
		c.noteList(len(nodes), more, "no nodes: start one with `stark agent`")
		return output.List(out, nodes, nodeColumns(c.now()), "node", nodeName)
	})
	return cmd
}
