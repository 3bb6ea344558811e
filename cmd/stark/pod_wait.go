package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

var waitGoals = []string{"running", "ended"}

func newPodWait(c *cli) *cobra.Command {
	var namespace, goal string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait NAME | ID …",
		Short: "Wait until pods run, or have ended",
		Long:  `Wait until pods run, or have ended. A pod that ends while it is awaited is done too; one that fails makes the exit code 1.`,
		Example: `  stark pod wait hello
  stark pod wait hello world --for ended --timeout 1m`,
		Args: between(1, -1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(waitGoals, goal) {
				return usage(cmd, "--for %q: want running or ended", goal)
			}
			if timeout < 0 {
				return usage(cmd, "--timeout %s: want 0 or more", timeout)
			}
			ctx, cancel := limit(cmd.Context(), timeout)
			defer cancel()
			watch := follow.Watch{}
			if goal == "running" {
				watch.Until = follow.Running
			}
			return c.eachPod(ctx, namespace, args, func(ctx context.Context, conn *connection, pod wire.Pod) error {
				return c.podWait(ctx, conn, pod, watch)
			})
		},
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, podKind(client.PodFilter{}), true)
	cmd.Flags().StringVar(&goal, "for", "running", "what to wait for: running, ended")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this long; 0 is never")
	mustComplete(cmd, "for", waitGoals)
	return cmd
}

func (c *cli) podWait(ctx context.Context, conn *connection, pod wire.Pod, watch follow.Watch) error {
	last, err := follow.Pod(ctx, conn, pod.ID, watch, c.pace)
	switch {
	case errors.Is(err, errTimeout):
		return hinted("`stark pod get "+pod.Name+" -n "+pod.Namespace+"` shows what it waits for", "gave up waiting for pod/%s, which is %s", pod.Name, last.Status)
	case err != nil:
		return err
	}
	if err := outcome(last); err != nil {
		return err
	}
	return c.say("pod/%s is %s%s", last.Name, last.Status, because(last))
}
