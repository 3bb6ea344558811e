package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newSetup(c *cli) *cobra.Command {
	var fromIn bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Become the first admin, with the token that the server printed",
		Long: `Become the first admin. Nobody is admin by being first: the server prints a setup token at its first start, and whoever is logged in
and shows it becomes admin. That works once. "stark serve --setup-token" prints a new one while there is no admin.`,
		Example: `  stark login && stark setup
  stark setup --token-stdin < token.txt`,
		Args: between(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := c.connect()
			if err != nil {
				return err
			}
			var token string
			switch {
			case fromIn:
				token, err = readSecret(c.in)
			case c.ask.Possible():
				token, err = c.ask.Secret(cmd.Context(), "Setup token")
			default:
				err = usage(cmd, "standard input is not a terminal: pass --token-stdin")
			}
			if err != nil {
				return err
			}
			if token == "" {
				return errors.New("no token was given")
			}
			user, err := conn.Setup(cmd.Context(), token)
			if err != nil {
				return err
			}
			return c.say("%s is %s now", user.Email, user.Role)
		},
	}
	cmd.Flags().BoolVar(&fromIn, "token-stdin", false, "read the token from standard input")
	return cmd
}
