package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
)

func newPodDelete(c *cli) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:     "delete NAME | ID …",
		Aliases: []string{"rm"},
		Short:   "Delete pods, running or not, with their logs",
		Example: `  stark pod delete hello-5f0c9a3e8a35
  stark pod list --status stopped -o name | xargs stark pod delete`,
		Args: between(1, -1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.eachPod(cmd.Context(), namespace, args, func(ctx context.Context, conn *connection, pod wire.Pod) error {
				if err := conn.DeletePod(ctx, pod.ID); err != nil {
					return err
				}
				return c.say("pod/%s deleted", pod.Name)
			})
		},
	}
	namespaceFlag(cmd, &namespace)
	return cmd
}
