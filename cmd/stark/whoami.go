package main

import (
	"context"

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
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		user, err := conn.Whoami(ctx)
		if err != nil {
			return err
		}
		return output.One(out, user, func(u wire.User) []output.Field {
			return []output.Field{
				{Label: "Email", Value: u.Email}, {Label: "Name", Value: u.DisplayName}, {Label: "Role", Value: u.Role},
				{Label: "ID", Value: u.ID.String()}, {Label: "Server", Value: conn.Server()},
			}
		}, "user", func(u wire.User) string { return u.Email })
	})
	return cmd
}
