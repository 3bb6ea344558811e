package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
)

func newPackList(c *cli) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list [NAME]",
		Short: "List the pack versions that you may see, newest first",
		Example: `  stark pack list
  stark pack list hello -o wide`,
		Args: between(0, 1, "NAME"),
	}
	return newList(c, cmd, &o, packKind(""), func(_ context.Context, _ *connection, k *kind[wire.Pack], args []string) error {
		if len(args) == 1 {
			*k = packKind(trimKind(args[0], "pack"))
		}
		return nil
	})
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
