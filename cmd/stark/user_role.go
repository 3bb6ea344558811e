package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
)

var roles = []string{"admin", "operator", "developer", "viewer", "node"}

func newUserRole(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "role EMAIL | ID ROLE",
		Short: "Give a user a role; it counts from their next request on",
		Long: `Give a user a role; it counts from their next request on. Only admins may.

admin: everything · operator: reads all, manages nodes and pods · developer: own packs and pods · viewer: reads all · node: an agent's account.`,
		Example: `  stark user role ada@example.com developer
  stark user role agent-1@example.com node`,
		Args: between(2, 2, "EMAIL or ROLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			role := args[1]
			if !slices.Contains(roles, role) {
				return usage(cmd, "role %q: want one of %s", role, strings.Join(roles, ", "))
			}
			conn, err := c.connect()
			if err != nil {
				return err
			}
			user, err := findUser(cmd.Context(), conn, trimKind(args[0], "user"))
			if err != nil {
				return err
			}
			if user, err = conn.UpdateUser(cmd.Context(), user.ID, wire.AccountPatch{Role: &role, Revision: &user.Revision}); err != nil {
				return err
			}
			return c.say("user/%s is %s now", user.Email, user.Role)
		},
	}
}
