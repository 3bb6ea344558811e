package main

import "github.com/spf13/cobra"

func newNamespaceDelete(c *cli) *cobra.Command {
	return newDeleteOf(c, namespaceKind(), "Delete namespaces that have no pods", `  stark namespace delete staging
  stark ns rm staging batch`)
}
