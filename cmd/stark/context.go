package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/config"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newContext(c *cli) *cobra.Command {
	cmd := group("context", "Change between servers and logins",
		newContextList(c),
		newContextCurrent(c),
		newContextUse(c),
		newContextRename(c),
		newContextDelete(c),
	)
	cmd.Aliases = []string{"contexts", "ctx"}
	return cmd
}

// contextEntry is a context as it is shown: without its secrets.
type contextEntry struct {
	Name      string    `json:"name"`
	Current   bool      `json:"current"`
	Server    string    `json:"server"`
	Email     string    `json:"email"`
	ExpiresAt time.Time `json:"expiresAt"`
	Renewed   bool      `json:"renewed"` // it goes on after that by itself
}

func contextName(e contextEntry) string { return e.Name }

func contextColumns(now func() time.Time) []output.Column[contextEntry] {
	return []output.Column[contextEntry]{
		{Title: "CURRENT", Cell: func(e contextEntry) string {
			if e.Current {
				return "*"
			}
			return " "
		}},
		{Title: "NAME", Cell: contextName},
		{Title: "SERVER", Cell: func(e contextEntry) string { return e.Server }},
		{Title: "USER", Cell: func(e contextEntry) string { return e.Email }},
		{Title: "LOGIN", Cell: func(e contextEntry) string {
			switch {
			case e.Renewed:
				return "renewed by itself"
			case now().After(e.ExpiresAt):
				return "expired"
			}
			return "until " + e.ExpiresAt.UTC().Format(time.RFC3339)
		}},
	}
}

// localPrinter is for what is shown without asking a server.
func (c *cli) localPrinter(cmd *cobra.Command, format func() (output.Format, error)) (output.Printer, error) {
	f, err := format()
	return c.listPrinter(cmd, f), err
}

func (c *cli) contexts() (*config.File, error) {
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	return store.Load()
}

func newContextList(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the servers that you are logged in to",
		Example: `  stark context list
  stark context list -o name`,
		Args: between(0, 0, ""),
	}
	headersFlag(cmd)
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out, err := c.localPrinter(cmd, format)
		if err != nil {
			return err
		}
		file, err := c.contexts()
		if err != nil {
			return err
		}
		entries := []contextEntry{}
		for _, name := range file.Names() {
			entries = append(entries, entryOf(file, name))
		}
		c.noteList(len(entries), false, "no contexts: make one with `stark login`")
		return output.List(out, entries, contextColumns(c.now), "context", contextName)
	}
	return cmd
}

func entryOf(file *config.File, name string) contextEntry {
	at := file.Contexts[name]
	return contextEntry{
		Name: name, Current: name == file.CurrentContext, Server: at.Server, Email: at.Email, ExpiresAt: at.ExpiresAt, Renewed: at.RefreshToken != "",
	}
}

func newContextCurrent(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "current",
		Short: "Print the name of the context in use",
		Example: `  stark context current
  stark context current -o json`,
		Args: between(0, 0, ""),
	}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out, err := c.localPrinter(cmd, format)
		if err != nil {
			return err
		}
		file, err := c.contexts()
		if err != nil {
			return err
		}
		name, err := c.choose(file, c.env("STARK_SERVER"))
		if err != nil {
			return err
		}
		if out.Format.People() {
			return c.say("%s", name)
		}
		return output.One(out, entryOf(file, name), nil, "context", contextName)
	}
	return cmd
}

func newContextUse(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME",
		Short:             "Use another context from now on",
		Example:           `  stark context use staging`,
		Args:              between(1, 1, "NAME"),
		ValidArgsFunction: c.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			name := trimKind(args[0], "context")
			var at config.Context
			err := c.changeContexts(func(f *config.File) (err error) {
				if at, err = f.Get(name); err != nil {
					return noContext(f, name)
				}
				f.CurrentContext = name
				return nil
			})
			if err != nil {
				return err
			}
			if server := c.env("STARK_SERVER"); server != "" && server != at.Server {
				c.note("note: STARK_SERVER is set, and %s goes before the context in use", server)
			}
			return c.say("context %s is in use: %s as %s", name, at.Server, at.Email)
		},
	}
}

func newContextRename(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "rename OLD NEW",
		Short:             "Give a context another name",
		Example:           `  stark context rename default laptop`,
		Args:              between(2, 2, "OLD or NEW"),
		ValidArgsFunction: c.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			from, to := trimKind(args[0], "context"), args[1]
			err := c.changeContexts(func(f *config.File) error {
				at, err := f.Get(from)
				if err != nil {
					return noContext(f, from)
				}
				if _, err := f.Get(to); err == nil {
					return fmt.Errorf("there is a context %q already", to)
				}
				f.Set(to, at)
				if f.CurrentContext == from {
					f.CurrentContext = to
				}
				f.Remove(from)
				return nil
			})
			if err != nil {
				return err
			}
			return c.say("context %s is %s now", from, to)
		},
	}
}

func newContextDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"rm"},
		Short:   "Forget a login; the server is not told",
		Long: `Forget a login here. The server is not told, so that it also works when the server is gone for good: "stark logout --context NAME" ends the
login at both ends.`,
		Example:           `  stark context delete staging`,
		Args:              between(1, 1, "NAME"),
		ValidArgsFunction: c.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			name := trimKind(args[0], "context")
			err := c.changeContexts(func(f *config.File) error {
				if _, err := f.Get(name); err != nil {
					return noContext(f, name)
				}
				f.Remove(name)
				return nil
			})
			if err != nil {
				return err
			}
			return c.say("context %s is forgotten", name)
		},
	}
}

func (c *cli) changeContexts(change func(*config.File) error) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	return store.Update(change)
}

// completeContexts offers the contexts' names to the shell; without a readable configuration there is nothing to offer.
func (c *cli) completeContexts(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	file, err := c.contexts()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return file.Names(), cobra.ShellCompDirectiveNoFileComp
}
