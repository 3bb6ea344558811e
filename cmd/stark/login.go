package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/session"
)

const maxSecret = 64 << 10 // bytes of a password or token on standard input

type loginOptions struct {
	server, email               string
	passwordFromIn, tokenFromIn bool
}

func newLogin(c *cli) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in to a Stark server",
		Long: `Log in to a Stark server and remember the login for the commands that follow.

The password is asked for, or read from standard input; it is never an argument, since arguments can be seen by others.
With --token-stdin an access token of Supabase Auth is used as it is, until it expires.

Each server's login is kept as a context of its own, named with --context or after the server; "stark context use" changes between them.`,
		Example: `  stark login
  stark login --server https://stark.example.com --email dev@example.com
  stark login --context staging --server https://staging.example.com
  stark login --email dev@example.com --password-stdin < password.txt`,
		Args: between(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.login(cmd, o) },
	}
	cmd.Flags().StringVar(&o.server, "server", "", "URL of the server (default $STARK_SERVER, then the context's, then "+defaultServer+")")
	cmd.Flags().StringVar(&o.email, "email", "", "who you are; asked for when not given")
	cmd.Flags().BoolVar(&o.passwordFromIn, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&o.tokenFromIn, "token-stdin", false, "read an access token from standard input instead of logging in with a password")
	return cmd
}

func (c *cli) login(cmd *cobra.Command, o loginOptions) error {
	ctx := cmd.Context()
	if o.passwordFromIn && o.tokenFromIn {
		return usage(cmd, "--password-stdin and --token-stdin exclude each other")
	}
	store, err := c.store()
	if err != nil {
		return err
	}
	server, err := c.loginServer(store, o.server)
	if err != nil {
		return err
	}
	api, err := client.New(client.Config{Server: server, UserAgent: userAgent()})
	if err != nil {
		return usage(cmd, "%w", err)
	}
	info, err := api.Info(ctx) // before any question: is it there at all?
	if err != nil {
		return err
	}
	next := config.Context{Server: api.Server(), SupabaseURL: info.SupabaseURL, AnonKey: info.AnonKey}
	var user wire.User
	if o.tokenFromIn {
		user, err = c.loginWithToken(ctx, &next)
	} else {
		user, err = c.loginWithPassword(cmd, api, o, &next)
	}
	if err != nil {
		return err
	}
	var name string
	err = store.Update(func(f *config.File) error {
		name = cmp.Or(c.contextName, f.NameFor(next.Server))
		f.Set(name, next)
		f.CurrentContext = name
		return nil
	})
	if err != nil {
		return err
	}
	as := ""
	if name != config.DefaultContext {
		as = fmt.Sprintf(", context %s", name)
	}
	return c.say("logged in to %s as %s (%s)%s", next.Server, user.Email, cmp.Or(user.Role, "no role yet"), as)
}

// loginServer is where to log in: what was asked for, else the context's server, else this machine's.
func (c *cli) loginServer(store config.Store, flag string) (string, error) {
	if server := cmp.Or(flag, c.env("STARK_SERVER")); server != "" {
		return server, nil
	}
	file, err := store.Load()
	if err != nil {
		return "", err
	}
	last, err := file.Get(cmp.Or(c.contextName, file.CurrentContext))
	if errors.Is(err, config.ErrNoContext) {
		return defaultServer, nil
	}
	return last.Server, err
}

func (c *cli) loginWithPassword(cmd *cobra.Command, api *client.Client, o loginOptions, next *config.Context) (wire.User, error) {
	got, err := c.askLogin(cmd, api, o.email, o.passwordFromIn)
	if err != nil {
		return wire.User{}, err
	}
	next.Email, next.AccessToken, next.RefreshToken, next.ExpiresAt = got.User.Email, got.AccessToken, got.RefreshToken, got.ExpiresAt
	return got.User, nil
}

// askLogin trades an address and a password, asked for or read from standard input, for a session.
func (c *cli) askLogin(cmd *cobra.Command, api *client.Client, email string, passwordFromIn bool) (wire.Session, error) {
	ctx := cmd.Context()
	c.warnOfPlainText(api.Server())
	var err error
	if email == "" {
		if passwordFromIn || !c.ask.Possible() {
			return wire.Session{}, usage(cmd, "who are you? pass --email")
		}
		if email, err = c.ask.Line(ctx, "Email"); err != nil {
			return wire.Session{}, err
		}
	}
	var password string
	switch {
	case passwordFromIn:
		password, err = readSecret(c.in)
	case c.ask.Possible():
		password, err = c.ask.Secret(ctx, "Password")
	default:
		err = usage(cmd, "standard input is not a terminal: pass --password-stdin")
	}
	if err != nil {
		return wire.Session{}, err
	}
	got, err := api.Login(ctx, wire.Login{Email: email, Password: password})
	if errors.Is(err, client.ErrUnauthorized) {
		return wire.Session{}, hinted("check the email and the password", "login failed: %w", err)
	}
	if err != nil {
		return wire.Session{}, fmt.Errorf("login failed: %w", err)
	}
	return got, nil
}

func (c *cli) loginWithToken(ctx context.Context, next *config.Context) (wire.User, error) {
	token, err := readSecret(c.in)
	if err != nil {
		return wire.User{}, err
	}
	expires, err := session.ExpiryOf(token)
	if err != nil {
		return wire.User{}, hinted("want an access token of Supabase Auth", "read the token: %w", err)
	}
	conn, err := c.dial(*next, session.Fixed(token))
	if err != nil {
		return wire.User{}, err
	}
	user, err := conn.Whoami(ctx)
	if err != nil {
		return wire.User{}, fmt.Errorf("the server refuses the token: %w", err)
	}
	next.Email, next.AccessToken, next.ExpiresAt = user.Email, token, expires
	return user, nil
}

// warnOfPlainText: anyone on the way can read what goes over http.
func (c *cli) warnOfPlainText(server string) {
	u, err := client.ParseServer(server)
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		c.note("warning: %s is not encrypted: others on the network can read the password", server)
	}
}

// readSecret is the first line of standard input, without its end.
func readSecret(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	secret := strings.TrimRight(line, "\r\n")
	if secret == "" {
		return "", errors.New("standard input is empty")
	}
	return secret, nil
}
