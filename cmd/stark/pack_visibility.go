package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
)

func newPackVisibility(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "visibility PACK[@VERSION] | ID private|public",
		Short: "Say who may run a version of a pack: only you, or the whole team",
		Example: `  stark pack visibility hello@1.0.0 public
  stark pack visibility hello private`,
		Args: between(2, 2, "PACK or private|public"),
		RunE: func(cmd *cobra.Command, args []string) error {
			visibility := args[1]
			if !slices.Contains(visibilities, visibility) {
				return usage(cmd, "visibility %q: want private or public", visibility)
			}
			conn, err := c.connect()
			if err != nil {
				return err
			}
			pack, err := findPack(cmd.Context(), conn, args[0])
			if err != nil {
				return err
			}
			if pack, err = conn.UpdatePack(cmd.Context(), pack.ID, wire.PackPatch{Visibility: &visibility, Revision: &pack.Revision}); err != nil {
				return err
			}
			return c.say("pack/%s is %s now", packName(pack), pack.Visibility)
		},
	}
}
