package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
)

func newNodeCordon(c *cli) *cobra.Command {
	return nodeVerb(c, &cobra.Command{
		Use:     "cordon NAME | ID",
		Short:   "Give a node no new pods; those that it has stay",
		Example: "  stark node cordon worker-1",
	}, "cordon", "cordoned")
}

func newNodeUncordon(c *cli) *cobra.Command {
	return nodeVerb(c, &cobra.Command{
		Use:     "uncordon NAME | ID",
		Short:   "Let a node have pods again; this takes a drain back, too",
		Example: "  stark node uncordon worker-1",
	}, "uncordon", "uncordoned")
}

func nodeVerb(c *cli, cmd *cobra.Command, verb, done string) *cobra.Command {
	cmd.Args = between(1, 1, "NAME")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		conn, err := c.connect()
		if err != nil {
			return err
		}
		node, err := conn.NodeVerb(cmd.Context(), trimKind(args[0], "node"), verb)
		if err != nil {
			return err
		}
		return c.say("node/%s %s", node.Name, done)
	}
	return cmd
}

func newNodeLabel(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "label NAME | ID KEY=VALUE | KEY- ...",
		Short: "Set labels of a node; KEY- takes one away",
		Example: `  stark node label worker-1 zone=eu disk=ssd
  stark node label worker-1 disk-`,
		Args: between(2, 100, "NAME or KEY=VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			labels := make(map[string]*string, len(args)-1)
			for _, arg := range args[1:] {
				key, value, sets := strings.Cut(arg, "=")
				switch gone, takes := strings.CutSuffix(arg, "-"); {
				case sets && key != "":
					labels[key] = &value
				case !sets && takes && gone != "":
					labels[gone] = nil
				default:
					return usage(cmd, "label %q: want key=value, or key- to take it away", arg)
				}
			}
			conn, err := c.connect()
			if err != nil {
				return err
			}
			node, err := conn.UpdateNode(cmd.Context(), trimKind(args[0], "node"), wire.NodePatch{Labels: labels})
			if err != nil {
				return err
			}
			return c.say("node/%s labeled", node.Name)
		},
	}
}
