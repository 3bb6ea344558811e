package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNamespace(c *cli) *cobra.Command {
	cmd := group("namespace", "List, create and delete namespaces",
		newNamespaceList(c),
		newNamespaceCreate(c),
		newNamespaceDelete(c),
	)
	cmd.Aliases = []string{"namespaces", "ns"}
	return cmd
}

func namespaceName(n wire.Namespace) string { return n.Name }

func namespaceColumns(now time.Time) []output.Column[wire.Namespace] {
	return []output.Column[wire.Namespace]{
		{Title: "NAME", Cell: namespaceName},
		{Title: "MAX PODS", Cell: func(n wire.Namespace) string { return number(n.ResourceQuota.MaxPods) }},
		{Title: "MAX CPU", Cell: func(n wire.Namespace) string { return text(n.ResourceQuota.MaxCPU) }},
		{Title: "MAX MEMORY", Cell: func(n wire.Namespace) string { return text(n.ResourceQuota.MaxMemory) }},
		{Title: "AGE", Cell: func(n wire.Namespace) string { return output.Age(now, n.CreatedAt) }},
		{Title: "LABELS", Wide: true, Cell: func(n wire.Namespace) string { return output.Labels(n.Labels) }},
	}
}
