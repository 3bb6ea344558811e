// Command stark runs JavaScript packs on a team's Node.js servers and browser tabs: it is the control plane, the agent and the CLI.
//
// One file a verb. Each command gets its surroundings from a *cli, so that tests bring their own; what several of them need
// lives under internal/.
package main

import (
	"context"
	"os"
)

func main() {
	ctx, stop := untilSignal(context.Background(), os.Exit)
	c := newCLI(os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	code := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	root := newRoot(c)
	root.SetArgs(args)
	return c.report(ctx, root.ExecuteContext(ctx))
}
