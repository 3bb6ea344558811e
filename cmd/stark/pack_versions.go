package main

import (
	"context"
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
	headersFlag(cmd)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		name := trimKind(args[0], "pack")
		packs, _, err := conn.Packs(ctx, name, 0)
		if err != nil {
			return err
		}
		if len(packs) == 0 {
			return hinted("`stark pack list` shows those that you may see", "there is no pack %q", name)
		}
		slices.SortStableFunc(packs, byVersion)
		return output.List(out, packs, packColumns(c.now), "pack", packName)
	})
	return cmd
}
