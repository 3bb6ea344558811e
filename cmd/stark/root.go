package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const rootLong = `Stark runs JavaScript packs on whatever JavaScript runtimes a team has: Node.js servers and browser tabs.

Start everything on this machine with "stark up", or log in to a running server with "stark login".

Environment:
  STARK_SERVER   server to log in to and to use (default that of the context in use, then ` + defaultServer + `)
  STARK_TOKEN    access token to use instead of the stored login, e.g. in CI
  STARK_HOME     where "stark up" and agents keep their state
  STARK_CONFIG   file that holds the logins (default stark/config.json in the user's configuration directory)
  NO_COLOR       no colors, whatever its value

Exit codes:
  0     done
  1     it failed; the reason is on standard error
  2     the command line is wrong; of "stark diff": something would change
  130   interrupted (SIGINT); 143: terminated (SIGTERM)`

// newRoot is the whole command tree.
func newRoot(c *cli) *cobra.Command {
	root := group("stark", "JavaScript packs on Node.js servers and browser tabs",
		newUp(c),
		newServe(c),
		newAgent(c),
		newLogin(c),
		newLogout(c),
		newWhoami(c),
		newContext(c),
		newGet(c),
		newDescribe(c),
		newDelete(c),
		newApply(c),
		newDiff(c),
		newPlan(c),
		newDev(c),
		newPack(c),
		newDeploy(c),
		newPod(c),
		newNode(c),
		newNamespace(c),
		newPriorityClass(c),
		newConfig(c),
		newTop(c),
		newEvents(c),
		newUser(c),
		newSetup(c),
		newDoctor(c),
		newVersion(c),
	)
	root.Long = rootLong
	root.Version = buildVersion()
	root.SetVersionTemplate("stark {{.Version}}\n")
	root.SilenceErrors = true // report writes them
	root.SilenceUsage = true
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.PersistentFlags().StringVar(&c.contextName, "context", "", "`NAME` of the login to use, of those that stark context list shows (default the one in use)")
	if err := root.RegisterFlagCompletionFunc("context", c.completeContexts); err != nil {
		panic(err) // a slip in this program
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%w", err) })
	return root
}

// group is a command that only holds others: alone it prints its help, and a word that it does not know is a usage error.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := fmt.Errorf("unknown command %q", args[0])
			if cmd.SuggestionsMinimumDistance == 0 {
				cmd.SuggestionsMinimumDistance = 2
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				err = fmt.Errorf("%w; did you mean %q?", err, near[0])
			}
			return usage(cmd, "%w", err)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}
