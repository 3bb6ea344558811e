package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newUserList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the users that you may see: all of them for admins and operators",
		Example: `  stark user list
  stark user list -o json`,
		Args: between(0, 0, ""),
	}
	limitFlag(cmd, &limit)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		users, more, err := conn.Users(ctx, limit)
		if err != nil {
			return err
		}
		c.noteList(len(users), more, "no users")
		return output.List(out, users, userColumns(c.now()), "user", userEmail)
	})
	return cmd
}
