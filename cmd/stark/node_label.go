package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNodeLabel(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "label NAME | ID KEY=VALUE | KEY- …",
		Short: "Set labels of a node, or take them off with KEY-",
		Example: `  stark node label laptop zone=eu gpu=true
  stark node label laptop gpu-`,
		Args: between(2, -1, "NAME or a label"),
		RunE: func(cmd *cobra.Command, args []string) error {
			labels, err := changes(cmd, args[1:])
			if err != nil {
				return err
			}
			return c.eachNode(cmd.Context(), args[:1], func(ctx context.Context, conn *connection, name string) error {
				node, err := conn.UpdateNode(ctx, name, wire.NodePatch{Labels: labels})
				if err != nil {
					return noNode(name, err)
				}
				return c.say("node/%s labels: %s", node.Name, output.Labels(node.Labels))
			})
		},
	}
	completes(c, cmd, nodeKind(client.NodeFilter{}), false)
	return cmd
}

// changes reads KEY=VALUE and KEY- items; nil takes the key away.
func changes(cmd *cobra.Command, items []string) (map[string]*string, error) {
	labels := make(map[string]*string, len(items))
	for _, item := range items {
		key, value, given := strings.Cut(item, "=")
		switch gone, takes := strings.CutSuffix(item, "-"); {
		case given && key != "":
			labels[key] = &value
		case !given && takes && gone != "":
			labels[gone] = nil
		default:
			return nil, usage(cmd, "%q: want KEY=VALUE, or KEY- to take it off", item)
		}
	}
	return labels, nil
}

func newNodeTaint(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "taint NAME | ID KEY[=VALUE]:EFFECT | KEY[:EFFECT]- …",
		Short: "Taint a node, or take taints off with a - at the end",
		Long: `Taint a node: pods that do not tolerate the taint are kept off (NoSchedule), placed elsewhere if they can be (PreferNoSchedule), or kept
off for good (NoExecute).`,
		Example: `  stark node taint gpu-1 dedicated=gpu:NoSchedule
  stark node taint gpu-1 dedicated:NoSchedule-`,
		Args: between(2, -1, "NAME or a taint"),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, gone, err := taintChanges(cmd, args[1:])
			if err != nil {
				return err
			}
			return c.changeNode(cmd.Context(), args[0], func(n wire.Node) (wire.NodePatch, string) {
				taints := []core.Taint{}
				for _, t := range n.Taints {
					if !matchesAny(t, gone) && !matchesAny(t, set) {
						taints = append(taints, t)
					}
				}
				taints = append(taints, set...)
				return wire.NodePatch{Taints: &taints}, "taints: " + taintsText(taints)
			})
		},
	}
	completes(c, cmd, nodeKind(client.NodeFilter{}), false)
	return cmd
}

// matchesAny says whether one of the taints has the key, and the effect unless that is left out.
func matchesAny(t core.Taint, taints []core.Taint) bool {
	for _, other := range taints {
		if t.Key == other.Key && (other.Effect == "" || t.Effect == other.Effect) {
			return true
		}
	}
	return false
}

func taintChanges(cmd *cobra.Command, items []string) (set, gone []core.Taint, err error) {
	for _, item := range items {
		spec, off := strings.CutSuffix(item, "-")
		keyValue, effect, _ := strings.Cut(spec, ":")
		key, value, _ := strings.Cut(keyValue, "=")
		t := core.Taint{Key: key, Value: value, Effect: core.Effect(effect)}
		known := t.Effect == core.EffectNoSchedule || t.Effect == core.EffectPreferNoSchedule || t.Effect == core.EffectNoExecute
		switch {
		case key == "", !known && (!off || effect != ""):
			return nil, nil, usage(cmd, "%q: want KEY[=VALUE]:NoSchedule|PreferNoSchedule|NoExecute, or KEY[:EFFECT]-", item)
		case off:
			gone = append(gone, t)
		default:
			set = append(set, t)
		}
	}
	return set, gone, nil
}

// changeNode reads a node, makes a patch of what it is now, and applies it unless somebody else was faster.
func (c *cli) changeNode(ctx context.Context, ref string, change func(wire.Node) (wire.NodePatch, string)) error {
	return c.eachNode(ctx, []string{ref}, func(ctx context.Context, conn *connection, name string) error {
		node, err := conn.Node(ctx, name)
		if err != nil {
			return noNode(name, err)
		}
		patch, says := change(node)
		patch.Revision = &node.Revision
		if _, err := conn.UpdateNode(ctx, node.ID.String(), patch); err != nil {
			return err
		}
		return c.say("node/%s %s", node.Name, says)
	})
}
