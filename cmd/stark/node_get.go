package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newNodeGet(c *cli) *cobra.Command {
	cmd := newShow(c, nodeKind(client.NodeFilter{}), "get NAME | ID", "Show one node", `  stark node get laptop
  stark node status laptop -o yaml`)
	cmd.Aliases = []string{"status"}
	return cmd
}

func newNodeDescribe(c *cli) *cobra.Command {
	return newDescribeOf(c, nodeKind(client.NodeFilter{}), `  stark node describe laptop
  stark node describe laptop -o yaml`)
}

func newNodeDelete(c *cli) *cobra.Command {
	return newDeleteOf(c, nodeKind(client.NodeFilter{}), "Delete nodes; their pods are placed elsewhere, and an agent that is still there registers again", `  stark node delete laptop
  stark node list --status unhealthy -o name | xargs stark node delete`)
}

// nodeDetails are the pods that are on it.
func nodeDetails(ctx context.Context, c *cli, conn *connection, n wire.Node) error {
	pods, _, err := conn.Pods(ctx, client.PodFilter{NodeID: n.ID.String()}, 0)
	if err != nil {
		return err
	}
	pods = slices.DeleteFunc(pods, func(p wire.Pod) bool { return p.Status.Final() })
	if len(pods) == 0 {
		return nil
	}
	if err := c.section("Pods"); err != nil {
		return err
	}
	return output.List(c.printer(output.Table), pods, podColumns(c.now, true), "pod", podName)
}

func nodeFields(now time.Time, n wire.Node) []output.Field {
	return []output.Field{
		{Label: "Name", Value: n.Name},
		{Label: "ID", Value: n.ID.String()},
		{Label: "Status", Value: nodeStatus(n), Tint: true},
		{Label: "Reason", Value: n.StatusReason},
		{Label: "Since", Value: moment(now, &n.StatusSince)},
		{Label: "Last heartbeat", Value: moment(now, n.LastHeartbeat)},
		{Label: "Runtime", Value: string(n.RuntimeType) + " " + n.RuntimeVersion},
		{Label: "Agent", Value: n.AgentVersion},
		{Label: "Access", Value: string(n.Access)},
		{Label: "Pods", Value: podsOf(n)},
		{Label: "Offers", Value: fmt.Sprintf("cpu %s, memory %s", n.Resources.CPU, n.Resources.Memory)},
		{Label: "Drain", Value: drainText(now, n)},
		{Label: "Labels", Value: output.Labels(n.Labels)},
		{Label: "Taints", Value: taintsText(n.Taints)},
		{Label: "Created", Value: moment(now, &n.CreatedAt)},
	}
}

// drainText says since when a node is being drained, and until when it may take.
func drainText(now time.Time, n wire.Node) string {
	if n.DrainRequestedAt == nil {
		return ""
	}
	text := "since " + moment(now, n.DrainRequestedAt)
	if n.DrainDeadline != nil {
		text += ", what is left is stopped at " + n.DrainDeadline.UTC().Format(timestamp)
	}
	return text
}
