package main

import (
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
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		users, more, err := conn.Users(cmd.Context(), limit)
		if err != nil {
			return err
		}
		c.noteList(len(users), more, "no users")
		return output.List(c.printer(f), users, userColumns(c.now()), "user", userEmail)
	}
	return cmd
}
