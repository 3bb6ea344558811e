package main

import "github.com/spf13/cobra"

func newUserList(c *cli) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the users that you may see: all of them for admins and operators",
		Example: `  stark user list
  stark user list -o json`,
		Args: between(0, 0, ""),
	}
	return newList(c, cmd, &o, userKind(), nil)
}
