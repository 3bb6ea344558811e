package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

func newNodeList(c *cli) *cobra.Command {
	var o listOptions
	var filter client.NodeFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List nodes",
		Example: `  stark node list
  stark node list --status healthy --runtime browser -o wide
  stark node list -l zone=eu -w`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().StringVar(&filter.Status, "status", "", "only those that are healthy, unhealthy or unknown")
	cmd.Flags().StringVar(&filter.RuntimeType, "runtime", "", "only those with this runtime: node, browser")
	mustComplete(cmd, "status", []string{"healthy", "unhealthy", "unknown"})
	mustComplete(cmd, "runtime", []string{"node", "browser"})
	return newList(c, cmd, &o, nodeKind(filter), func(_ context.Context, _ *connection, k *kind[wire.Node], _ []string) error {
		*k = nodeKind(filter)
		return nil
	})
}
