package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// newShow is the verb that shows the fields of one thing.
func newShow[T any](c *cli, k kind[T], use, short, example string) *cobra.Command {
	k.details = nil
	return newDescription(c, k, &cobra.Command{Use: use, Short: short, Example: example})
}

// newDescribeOf is the verb that shows the fields of one thing and what belongs to it.
func newDescribeOf[T any](c *cli, k kind[T], example string) *cobra.Command {
	return newDescription(c, k, &cobra.Command{Use: "describe NAME | ID", Short: "Show one " + k.name + " and what belongs to it", Example: example})
}

func newDescription[T any](c *cli, k kind[T], cmd *cobra.Command) *cobra.Command {
	var namespace string
	cmd.Args = between(1, 1, strings.ToUpper(nameIn(cmd.Use)))
	if k.namespaced {
		namespaceFlag(cmd, &namespace)
	}
	completes(c, cmd, k, false)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		return k.describe(ctx, c, conn, out, namespace, args)
	})
	return cmd
}

// nameIn is what the usage line calls the first argument: PACK in "inspect PACK[@VERSION] | ID".
func nameIn(use string) string {
	_, rest, _ := strings.Cut(use, " ")
	return strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '[' })[0]
}

// newDeleteOf is the delete verb of a kind.
func newDeleteOf[T any](c *cli, k kind[T], short, example string) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:     "delete NAME | ID …",
		Aliases: []string{"rm"},
		Short:   short,
		Example: example,
		Args:    between(1, -1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := c.connect()
			if err != nil {
				return err
			}
			return k.delete(cmd.Context(), c, conn, namespace, args)
		},
	}
	if k.namespaced {
		namespaceFlag(cmd, &namespace)
	}
	completes(c, cmd, k, true)
	return cmd
}
