package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newUser(c *cli) *cobra.Command {
	cmd := group("user", "List users and give them roles",
		newUserList(c),
		newUserRole(c),
	)
	cmd.Aliases = []string{"users"}
	return cmd
}

func userKind() kind[wire.Account] {
	return kind[wire.Account]{
		name: "user", aliases: []string{"users"},
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Account, bool, error) {
			return conn.Users(ctx, s.limit)
		},
		find: func(ctx context.Context, conn *connection, _, ref string) (wire.Account, error) {
			return findUser(ctx, conn, ref)
		},
		columns: func(now func() time.Time, _ bool) []output.Column[wire.Account] { return userColumns(now) },
		fields: func(now time.Time, u wire.Account) []output.Field {
			return []output.Field{
				{Label: "Email", Value: u.Email}, {Label: "Name", Value: u.DisplayName}, {Label: "Role", Value: u.Role},
				{Label: "ID", Value: u.ID.String()}, {Label: "Created", Value: moment(now, &u.CreatedAt)},
			}
		},
		title: userEmail,
	}
}

func userEmail(u wire.Account) string { return u.Email }

func userColumns(now func() time.Time) []output.Column[wire.Account] {
	return []output.Column[wire.Account]{
		{Title: "EMAIL", Cell: userEmail},
		{Title: "ROLE", Cell: func(u wire.Account) string { return u.Role }},
		{Title: "NAME", Cell: func(u wire.Account) string { return u.DisplayName }},
		{Title: "AGE", Cell: func(u wire.Account) string { return output.Age(now(), u.CreatedAt) }},
		{Title: "ID", Wide: true, Cell: func(u wire.Account) string { return u.ID.String() }},
	}
}

// findUser is the user with that id or address.
func findUser(ctx context.Context, conn *connection, ref string) (wire.Account, error) {
	users, _, err := conn.Users(ctx, 0)
	if err != nil {
		return wire.Account{}, err
	}
	for _, u := range users {
		if u.ID.String() == ref || strings.EqualFold(u.Email, ref) {
			return u, nil
		}
	}
	return wire.Account{}, hinted("`stark user list` shows those that you may see", "there is no user %q", ref)
}
