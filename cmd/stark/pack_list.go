package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPackList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list [NAME]",
		Aliases: []string{"ls"},
		Short:   "List the pack versions that you may see, newest first",
		Example: `  stark pack list
  stark pack list hello -o wide`,
		Args: between(0, 1, "NAME"),
	}
	limitFlag(cmd, &limit)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		name := ""
		if len(args) == 1 {
			name = trimKind(args[0], "pack")
		}
		packs, more, err := conn.Packs(ctx, name, limit)
		if err != nil {
			return err
		}
		c.noteList(len(packs), more, "no packs: push one with `stark pack push`")
		return output.List(out, packs, packColumns(c.now()), "pack", packName)
	})
	return cmd
}

// noteList says in words what a list does not show.
func (c *cli) noteList(n int, more bool, empty string) {
	if n == 0 {
		c.note("%s", empty)
	}
	if more {
		c.note("there are more: see --limit")
	}
}
