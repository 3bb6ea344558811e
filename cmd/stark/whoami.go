package main

import (
	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newWhoami(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show who you are logged in as, with which role and where",
		Example: `  stark whoami
  stark whoami -o json`,
		Args: between(0, 0, ""),
	}
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
		user, err := conn.Whoami(cmd.Context())
		if err != nil {
			return err
		}
		return output.One(c.printer(f), user, func(u wire.User) []output.Field {
			return []output.Field{
				{Label: "Email", Value: u.Email}, {Label: "Name", Value: u.DisplayName}, {Label: "Role", Value: u.Role},
				{Label: "ID", Value: u.ID.String()}, {Label: "Server", Value: conn.Server()},
			}
		}, "user", func(u wire.User) string { return u.Email })
	}
	return cmd
}
