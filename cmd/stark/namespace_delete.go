package main

import "github.com/spf13/cobra"

func newNamespaceDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"rm"},
		Short:   "Delete a namespace that has no pods",
		Example: `  stark namespace delete staging`,
		Args:    between(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := c.connect()
			if err != nil {
				return err
			}
			name := trimKind(args[0], "namespace")
			if err := conn.DeleteNamespace(cmd.Context(), name); err != nil {
				return err
			}
			return c.say("namespace/%s deleted", name)
		},
	}
}
