package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNode(c *cli) *cobra.Command {
	cmd := group("node", "Look at nodes; cordon, drain, label and taint them",
		newNodeList(c),
		newNodeGet(c),
		newNodeDescribe(c),
		newNodeCordon(c, true),
		newNodeCordon(c, false),
		newNodeDrain(c),
		newNodeLabel(c),
		newNodeTaint(c),
		newNodeDelete(c),
	)
	cmd.Aliases = []string{"nodes"}
	return cmd
}

// nodeKind are nodes; the filter narrows lists of them.
func nodeKind(filter client.NodeFilter) kind[wire.Node] {
	return kind[wire.Node]{
		name: "node", aliases: []string{"nodes", "no"}, watched: wire.WatchNodes,
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Node, bool, error) {
			return conn.Nodes(ctx, filter, s.limit)
		},
		find: finder("node", "stark node list", func(ctx context.Context, conn *connection, ref string) (wire.Node, error) {
			return conn.Node(ctx, ref)
		}),
		remove: func(ctx context.Context, conn *connection, n wire.Node) (string, error) {
			return "deleted", conn.DeleteNode(ctx, n.ID.String())
		},
		columns: func(now func() time.Time, _ bool) []output.Column[wire.Node] { return nodeColumns(now) },
		fields:  nodeFields, details: nodeDetails, title: nodeName,
		labelsOf: func(n wire.Node) map[string]string { return n.Labels },
		identity: func(n wire.Node) (string, int64) { return n.ID.String(), n.Revision },
		admits: func(n wire.Node) bool {
			return (filter.Status == "" || string(n.Status) == filter.Status) && (filter.RuntimeType == "" || string(n.RuntimeType) == filter.RuntimeType)
		},
		none: "no nodes: start one with `stark agent`",
	}
}

func nodeName(n wire.Node) string { return n.Name }

// nodeStatus is as in kubectl: a cordoned node is healthy,cordoned.
func nodeStatus(n wire.Node) string {
	if n.Unschedulable {
		return string(n.Status) + ",cordoned"
	}
	return string(n.Status)
}

func nodeColumns(now func() time.Time) []output.Column[wire.Node] {
	return []output.Column[wire.Node]{
		{Title: "NAME", Cell: nodeName},
		{Title: "STATUS", Tint: true, Cell: nodeStatus},
		{Title: "RUNTIME", Cell: func(n wire.Node) string { return string(n.RuntimeType) }},
		{Title: "VERSION", Cell: func(n wire.Node) string { return n.RuntimeVersion }},
		{Title: "PODS", Cell: podsOf},
		{Title: "CPU", Cell: func(n wire.Node) string { return n.Resources.CPU }},
		{Title: "MEMORY", Cell: func(n wire.Node) string { return n.Resources.Memory }},
		{Title: "AGE", Cell: func(n wire.Node) string { return output.Age(now(), n.CreatedAt) }},
		{Title: "ID", Wide: true, Cell: func(n wire.Node) string { return n.ID.String() }},
		{Title: "ACCESS", Wide: true, Cell: func(n wire.Node) string { return string(n.Access) }},
		{Title: "AGENT", Wide: true, Cell: func(n wire.Node) string { return n.AgentVersion }},
		{Title: "LABELS", Wide: true, Cell: func(n wire.Node) string { return output.Labels(n.Labels) }},
		{Title: "TAINTS", Wide: true, Cell: func(n wire.Node) string { return taintsText(n.Taints) }},
	}
}

// podsOf is how many it has of how many it takes.
func podsOf(n wire.Node) string {
	if n.Resources.Pods == 0 {
		return fmt.Sprint(n.Pods)
	}
	return fmt.Sprintf("%d/%d", n.Pods, n.Resources.Pods)
}

func taintsText(list []core.Taint) string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = t.Key
		if t.Value != "" {
			texts[i] += "=" + t.Value
		}
		texts[i] += ":" + string(t.Effect)
	}
	return strings.Join(texts, ",")
}
