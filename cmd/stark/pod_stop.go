package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

func newPodStop(c *cli) *cobra.Command {
	var namespace string
	var wait bool
	cmd := &cobra.Command{
		Use:   "stop NAME | ID …",
		Short: "Ask pods to end; they stay visible",
		Example: `  stark pod stop hello-5f0c9a3e8a35
  stark pod stop hello world -n staging --wait`,
		Args: between(1, -1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.eachPod(cmd.Context(), namespace, args, func(ctx context.Context, conn *connection, pod wire.Pod) error {
				if pod.Status.Final() {
					return c.say("pod/%s has ended already", pod.Name)
				}
				stopped, err := conn.StopPod(ctx, pod.ID)
				if err != nil {
					return err
				}
				if wait {
					if stopped, err = follow.Pod(ctx, conn, pod.ID, follow.Watch{}, c.pace); err != nil {
						return err
					}
				}
				if stopped.Status.Final() {
					return c.say("pod/%s %s%s", pod.Name, stopped.Status, because(stopped))
				}
				return c.say("pod/%s is told to stop", pod.Name)
			})
		},
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, podKind(client.PodFilter{}), true)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until they have ended")
	return cmd
}

// eachPod does something with each of the pods that refs name, goes on after a failure and returns all of them.
func (c *cli) eachPod(ctx context.Context, namespace string, refs []string, do func(context.Context, *connection, wire.Pod) error) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	return each(ctx, refs, func(ref string) error {
		pod, err := findPod(ctx, conn, namespace, ref)
		if err != nil {
			return err
		}
		return do(ctx, conn, pod)
	})
}
