package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNamespace(c *cli) *cobra.Command {
	cmd := group("namespace", "List, create, bound and delete namespaces",
		newNamespaceList(c),
		newNamespaceCreate(c),
		newNamespaceGet(c),
		newNamespaceQuota(c),
		newNamespaceDelete(c),
	)
	cmd.Aliases = []string{"namespaces", "ns"}
	return cmd
}

func namespaceKind() kind[wire.Namespace] {
	return kind[wire.Namespace]{
		name: "namespace", aliases: []string{"namespaces", "ns"}, watched: wire.WatchNamespaces,
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Namespace, bool, error) {
			return conn.Namespaces(ctx, s.limit)
		},
		find: finder("namespace", "stark namespace list", func(ctx context.Context, conn *connection, ref string) (wire.Namespace, error) {
			return conn.Namespace(ctx, ref)
		}),
		remove: func(ctx context.Context, conn *connection, n wire.Namespace) (string, error) {
			return "deleted", conn.DeleteNamespace(ctx, n.Name)
		},
		columns: func(now func() time.Time, _ bool) []output.Column[wire.Namespace] { return namespaceColumns(now) },
		fields:  namespaceFields, title: namespaceName,
		labelsOf: func(n wire.Namespace) map[string]string { return n.Labels },
		identity: func(n wire.Namespace) (string, int64) { return n.ID.String(), n.Revision },
	}
}

func namespaceFields(now time.Time, n wire.Namespace) []output.Field {
	return []output.Field{
		{Label: "Name", Value: n.Name},
		{Label: "ID", Value: n.ID.String()},
		{Label: "Labels", Value: output.Labels(n.Labels)},
		{Label: "Pods", Value: podsUsed(n)},
		{Label: "CPU", Value: cpuUsed(n)},
		{Label: "Memory", Value: memoryUsed(n)},
		{Label: "Default CPU", Value: n.Defaults.CPU},
		{Label: "Default memory", Value: n.Defaults.Memory},
		{Label: "Created", Value: moment(now, &n.CreatedAt)},
	}
}

func namespaceName(n wire.Namespace) string { return n.Name }

func namespaceColumns(now func() time.Time) []output.Column[wire.Namespace] {
	return []output.Column[wire.Namespace]{
		{Title: "NAME", Cell: namespaceName},
		{Title: "MAX PODS", Cell: func(n wire.Namespace) string { return number(n.ResourceQuota.MaxPods) }},
		{Title: "MAX CPU", Cell: func(n wire.Namespace) string { return text(n.ResourceQuota.MaxCPU) }},
		{Title: "MAX MEMORY", Cell: func(n wire.Namespace) string { return text(n.ResourceQuota.MaxMemory) }},
		{Title: "USED PODS", Wide: true, Cell: podsUsed},
		{Title: "USED CPU", Wide: true, Cell: cpuUsed},
		{Title: "USED MEMORY", Wide: true, Cell: memoryUsed},
		{Title: "AGE", Cell: func(n wire.Namespace) string { return output.Age(now(), n.CreatedAt) }},
		{Title: "LABELS", Wide: true, Cell: func(n wire.Namespace) string { return output.Labels(n.Labels) }},
	}
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
