package main

import (
	"github.com/spf13/cobra"
)

func newGet(c *cli) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "get KIND [NAME …] | KIND/NAME …",
		Short: "List things of a kind, or show some of them",
		Long: `List things of a kind, or show some of them: pods (po), nodes (no), packs, namespaces (ns),
priorityclasses (pc), users, events (ev).

With -w it goes on: each change is another row (or document), until it is interrupted. What is gone is told on standard error.`,
		Example: `  stark get pods
  stark get po -A -l app=web -w
  stark get node laptop -o yaml
  stark get pod/hello -o jsonpath='{.status}'`,
		Args:              between(1, -1, "KIND"),
		ValidArgsFunction: c.completeThings,
	}
	listFlags(cmd, &o, true, true, true)
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		k, refs, err := kindAndRefs(cmd, args)
		if err != nil {
			return err
		}
		s, err := o.selection(cmd)
		switch {
		case err != nil:
			return err
		case len(refs) > 0 && (o.selector != "" || o.all):
			return usage(cmd, "names, and --selector or --all-namespaces, exclude each other")
		case o.selector != "" && !k.can("select"):
			return usage(cmd, "%s have no labels to select by", k.words()[1])
		case !k.can("find") && len(refs) > 0:
			return usage(cmd, "%s have no names: leave them out", k.words()[1])
		case o.watch && !k.can("watch"):
			return usage(cmd, "%s cannot be watched", k.words()[1])
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		return k.get(cmd.Context(), c, conn, c.listPrinter(cmd, f), s, o.watch, refs)
	}
	return cmd
}

func newDescribe(c *cli) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "describe KIND NAME … | KIND/NAME …",
		Short: "Show things and what belongs to them, in full",
		Example: `  stark describe pod hello
  stark describe node/laptop`,
		Args:              between(1, -1, "KIND"),
		ValidArgsFunction: c.completeThings,
	}
	namespaceFlag(cmd, &namespace)
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		k, refs, err := namedThings(cmd, args)
		if err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		return k.describe(cmd.Context(), c, conn, c.printer(f), namespace, refs)
	}
	return cmd
}

func newDelete(c *cli) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "delete KIND NAME … | KIND/NAME …",
		Short: "Delete things",
		Example: `  stark delete pod hello
  stark get pods -l app=web -o name | xargs stark delete`,
		Args:              between(1, -1, "KIND"),
		ValidArgsFunction: c.completeThings,
	}
	namespaceFlag(cmd, &namespace)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		k, refs, err := namedThings(cmd, args)
		if err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		return k.delete(cmd.Context(), c, conn, namespace, refs)
	}
	return cmd
}

// namedThings is kindAndRefs with one name at least.
func namedThings(cmd *cobra.Command, args []string) (anyKind, []string, error) {
	k, refs, err := kindAndRefs(cmd, args)
	if err == nil && len(refs) == 0 {
		err = usage(cmd, "NAME is missing")
	}
	return k, refs, err
}
