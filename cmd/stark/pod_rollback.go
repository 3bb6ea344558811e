package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

func newPodRollback(c *cli) *cobra.Command {
	var namespace, version string
	cmd := &cobra.Command{
		Use:   "rollback NAME | ID",
		Short: "Stop a pod and run the same one of another version of its pack",
		Long: `Stop a pod and run the same one of another version of its pack: the one before, or that of --to. The new pod has a name of its own.
A pod that a deployment keeps is rolled back with its deployment: "stark deploy rollback".`,
		Example: `  stark pod rollback web-5f0c9a3e8a35
  stark pod rollback web-5f0c9a3e8a35 --to 1.2.0`,
		Args: between(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.eachPod(cmd.Context(), namespace, args, func(ctx context.Context, conn *connection, pod wire.Pod) error {
				made, err := conn.RollBackPod(ctx, pod.ID, version)
				if err != nil {
					return err
				}
				return c.say("pod/%s runs %s in place of pod/%s", made.Name, packOf(made), pod.Name)
			})
		},
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, podKind(client.PodFilter{}), false)
	cmd.Flags().StringVar(&version, "to", "", "the version to run (default the one before)")
	return cmd
}
