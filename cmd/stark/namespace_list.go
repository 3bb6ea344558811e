package main

import (
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
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		namespaces, more, err := conn.Namespaces(cmd.Context(), limit)
		if err != nil {
			return err
		}
		c.noteList(len(namespaces), more, "no namespaces")
		return output.List(c.printer(f), namespaces, namespaceColumns(c.now()), "namespace", namespaceName)
	}
	return cmd
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
