package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/session"
)

var logoutScopes = []string{"local", "global", "others"}

func newLogout(c *cli) *cobra.Command {
	var scope string
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the login and forget it",
		Long: `End the login at the server and forget it here. It is forgotten here even if the server cannot be told.

Scopes: local ends this login, global all of yours everywhere, others all but this one (which is kept).`,
		Example: `  stark logout
  stark logout --scope global`,
		Args: between(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(logoutScopes, scope) {
				return usage(cmd, "--scope %q: want local, global or others", scope)
			}
			return c.logout(cmd, scope)
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "local", "which logins to end: local, global, others")
	mustComplete(cmd, "scope", logoutScopes)
	return cmd
}

func (c *cli) logout(cmd *cobra.Command, scope string) error {
	conn, err := c.connect()
	if errors.Is(err, config.ErrNoContext) && scope == "local" {
		return c.say("not logged in")
	}
	if err != nil {
		return err
	}
	ended := conn.Logout(cmd.Context(), scope)
	if errors.Is(ended, session.ErrExpired) || errors.Is(ended, client.ErrUnauthorized) {
		ended = nil // it had ended before
	}
	if scope == "others" {
		if ended != nil {
			return ended
		}
		return c.say("your other logins at %s have ended", conn.Server())
	}
	if c.env("STARK_TOKEN") == "" {
		store, err := c.store()
		if err != nil {
			return err
		}
		if err := store.Update(func(f *config.File) error { f.Remove(conn.name); return nil }); err != nil {
			return err
		}
	}
	if ended != nil {
		return hinted("it is forgotten here; what the server keeps of it runs out by itself", "the server could not be told: %w", ended)
	}
	return c.say("logged out of %s", conn.Server())
}
