package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNamespaceList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List namespaces with their quotas",
		Example: `  stark namespace list
  stark ns ls -o json`,
		Args: between(0, 0, ""),
	}
	limitFlag(cmd, &limit)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		namespaces, more, err := conn.Namespaces(ctx, limit)
		if err != nil {
			return err
		}
		c.noteList(len(namespaces), more, "no namespaces")
		return output.List(out, namespaces, namespaceColumns(c.now()), "namespace", namespaceName)
	})
	return cmd
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
