package main

import (
	"github.com/spf13/cobra"
)

func newPackDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete PACK[@VERSION] | ID",
		Aliases: []string{"rm"},
		Short:   "Delete a version of a pack that no pod refers to",
		Example: `  stark pack delete hello@1.0.0
  stark pack delete 5f0c9a3e-8a35-4f0e-9d43-7f3a1d3a6c11`,
		Args: between(1, 1, "PACK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := c.connect()
			if err != nil {
				return err
			}
			pack, err := findPack(cmd.Context(), conn, args[0])
			if err != nil {
				return err
			}
			if err := conn.DeletePack(cmd.Context(), pack.ID); err != nil {
				return err
			}
			return c.say("pack/%s deleted", packName(pack))
		},
	}
}
