package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	completionTime  = 2 * time.Second // a shell that hangs is worse than one that offers nothing
	completionLimit = 200
)

// completes offers the names of a kind to the shell, for each argument that takes one: all of them, or only the first.
func completes[T any](c *cli, cmd *cobra.Command, k kind[T], all bool) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && !all {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.names(cmd, k), cobra.ShellCompDirectiveNoFileComp
	}
}

// names are those of a kind, in the namespace of the command. Without a login or a server there is nothing to offer.
func (c *cli) names(cmd *cobra.Command, k anyKind) []cobra.Completion {
	conn, err := c.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	s := selection{labels: labels.Everything(), limit: completionLimit}
	if flag := cmd.Flags().Lookup("namespace"); flag != nil {
		s.namespace = flag.Value.String()
	}
	names, err := k.titles(ctx, conn, s)
	if err != nil {
		return nil
	}
	return names
}

func (k kind[T]) titles(ctx context.Context, conn *connection, s selection) ([]string, error) {
	if !k.namespaced {
		s.namespace = ""
	}
	if k.list == nil {
		return nil, nil
	}
	items, _, err := k.list(ctx, conn, s)
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = k.title(item)
	}
	return names, err
}

// completeThings offers the kinds for the first argument and their names for those after it.
func (c *cli) completeThings(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	for _, k := range allKinds() {
		switch {
		case !k.can(cmd.Name()):
		case len(args) == 0:
			words = append(words, k.words()[1])
		case isWord(k, args[0]):
			words = append(words, c.names(cmd, k)...)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
