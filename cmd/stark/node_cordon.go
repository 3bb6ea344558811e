package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

// newNodeCordon is cordon, or uncordon.
func newNodeCordon(c *cli, cordon bool) *cobra.Command {
	verb, short, done := "uncordon", "Let nodes take new pods again", "uncordoned"
	if cordon {
		verb, short, done = "cordon", "Let nodes take no new pods; those that they have stay", "cordoned"
	}
	cmd := &cobra.Command{
		Use:   verb + " NAME | ID …",
		Short: short,
		Example: `  stark node ` + verb + ` laptop
  stark node ` + verb + ` build-1 build-2`,
		Args: between(1, -1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.eachNode(cmd.Context(), args, func(ctx context.Context, conn *connection, name string) error {
				node, err := conn.UpdateNode(ctx, name, wire.NodePatch{Unschedulable: &cordon})
				if err != nil {
					return noNode(name, err)
				}
				return c.say("node/%s %s", node.Name, done)
			})
		},
	}
	completes(c, cmd, nodeKind(client.NodeFilter{}), true)
	return cmd
}

// eachNode does something with each of the nodes that refs name, goes on after a failure and returns all of them.
func (c *cli) eachNode(ctx context.Context, refs []string, do func(context.Context, *connection, string) error) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	return each(ctx, refs, func(ref string) error { return do(ctx, conn, trimKind(ref, "node")) })
}

// noNode says which node is not there.
func noNode(name string, err error) error {
	if errors.Is(err, client.ErrNotFound) {
		return hinted("`stark node list` shows them", "there is no node %q", name)
	}
	return err
}
