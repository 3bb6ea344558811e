package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPodList(c *cli) *cobra.Command {
	var filter client.PodFilter
	var all bool
	var pack string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List pods, newest first",
		Example: `  stark pod list
  stark pod list -A --status failed
  stark pod list --pack hello@1.0.0 -o wide
  stark pod list -o json`,
		Args: between(0, 0, ""),
	}
	namespaceFlag(cmd, &filter.Namespace)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of all namespaces")
	cmd.Flags().StringVar(&filter.Status, "status", "", "only those with this status")
	cmd.Flags().StringVar(&pack, "pack", "", "only those that run this pack version: PACK@VERSION or ID")
	mustComplete(cmd, "status", podStatuses())
	limitFlag(cmd, &limit)
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		if filter.Status != "" && !core.PodStatus(filter.Status).Valid() {
			return usage(cmd, "--status %q: want one of %v", filter.Status, podStatuses())
		}
		empty := fmt.Sprintf("no pods in namespace %q", filter.Namespace)
		if all {
			filter.Namespace, empty = "", "no pods"
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		if pack != "" {
			p, err := findPack(cmd.Context(), conn, pack)
			if err != nil {
				return err
			}
			filter.PackID = p.ID.String()
		}
		pods, more, err := conn.Pods(cmd.Context(), filter, limit)
		if err != nil {
			return err
		}
		c.noteList(len(pods), more, empty)
		return output.List(c.printer(f), pods, podColumns(c.now(), all), "pod", podName)
	}
	return cmd
}

func podStatuses() []string {
	names := make([]string, len(core.PodStatuses))
	for i, s := range core.PodStatuses {
		names[i] = string(s)
	}
	return names
}
