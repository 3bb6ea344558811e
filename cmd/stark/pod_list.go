package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

func newPodList(c *cli) *cobra.Command {
	var o listOptions
	var filter client.PodFilter
	var pack string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List pods, newest first",
		Example: `  stark pod list
  stark pod list -A --status failed
  stark pod list --field-selector status.phase!=stopped,spec.nodeName=laptop
  stark pod list -l app=web -w
  stark pod list --pack hello@1.0.0 -o wide
  stark pod list -o jsonpath='{range [*]}{.name}{"\t"}{.nodeName}{"\n"}{end}'`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().StringVar(&filter.Status, "status", "", "only those with this status")
	cmd.Flags().StringVar(&filter.FieldSelector, "field-selector", "", "only those with these fields: status.phase!=failed,spec.nodeName=laptop")
	cmd.Flags().StringVar(&pack, "pack", "", "only those that run this pack version: PACK@VERSION or ID")
	mustComplete(cmd, "status", podStatuses())
	return newList(c, cmd, &o, podKind(filter), func(ctx context.Context, conn *connection, k *kind[wire.Pod], _ []string) error {
		if filter.Status != "" && !core.PodStatus(filter.Status).Valid() {
			return usage(cmd, "--status %q: want one of %v", filter.Status, podStatuses())
		}
		if _, err := fields.ParseSelector(filter.FieldSelector); err != nil {
			return usage(cmd, "--field-selector: %w", err)
		}
		if pack != "" {
			p, err := findPack(ctx, conn, pack)
			if err != nil {
				return err
			}
			filter.PackID = p.ID.String()
		}
		*k = podKind(filter)
		return nil
	})
}

func podStatuses() []string {
	names := make([]string, len(core.PodStatuses))
	for i, s := range core.PodStatuses {
		names[i] = string(s)
	}
	return names
}
