package main

import "github.com/spf13/cobra"

func newNamespaceList(c *cli) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List namespaces with their quotas",
		Example: `  stark namespace list
  stark ns ls -o json`,
		Args: between(0, 0, ""),
	}
	return newList(c, cmd, &o, namespaceKind(), nil)
}

func newNamespaceGet(c *cli) *cobra.Command {
	cmd := newShow(c, namespaceKind(), "get NAME", "Show one namespace", `  stark namespace get default
  stark ns get staging -o yaml`)
	cmd.Aliases = []string{"describe"}
	return cmd
}
