package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPackVersions(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "versions NAME",
		Short: "List the versions of a pack, highest first",
		Example: `  stark pack versions hello
  stark pack versions hello -o json`,
		Args: between(1, 1, "NAME"),
	}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		name := trimKind(args[0], "pack")
		packs, _, err := conn.Packs(cmd.Context(), name, 0)
		if err != nil {
			return err
		}
		if len(packs) == 0 {
			return hinted("`stark pack list` shows those that you may see", "there is no pack %q", name)
		}
		slices.SortStableFunc(packs, byVersion)
		return output.List(c.printer(f), packs, packColumns(c.now()), "pack", packName)
	}
	return cmd
}
