package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// load is how much of a node is given away.
type load struct {
	Node          string  `json:"node"`
	Pods          int     `json:"pods"`
	CPU           string  `json:"cpu"` // requested by its pods
	CPUPercent    float64 `json:"cpuPercent"`
	Memory        string  `json:"memory"`
	MemoryPercent float64 `json:"memoryPercent"`
}

func newTop(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show how much of each node its pods have requested, the fullest first",
		Long: `Show how much of each node its pods have requested, the fullest first. It is what the scheduler counts with; what pods really use may be less.
Pods that you may not see are not counted.`,
		Example: `  stark top
  stark top -o json`,
		Args: between(0, 0, ""),
	}
	headersFlag(cmd)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		nodes, _, err := conn.Nodes(ctx, client.NodeFilter{}, 0)
		if err != nil {
			return err
		}
		pods, _, err := conn.Pods(ctx, client.PodFilter{}, 0)
		if err != nil {
			return err
		}
		loads, err := loadsOf(nodes, pods)
		if err != nil {
			return err
		}
		c.noteList(len(loads), false, nodeKind(client.NodeFilter{}).none)
		return output.List(out, loads, []output.Column[load]{
			{Title: "NODE", Cell: func(l load) string { return l.Node }},
			{Title: "PODS", Cell: func(l load) string { return fmt.Sprint(l.Pods) }},
			{Title: "CPU", Cell: func(l load) string { return l.CPU }},
			{Title: "CPU%", Cell: func(l load) string { return fmt.Sprintf("%.0f%%", l.CPUPercent) }},
			{Title: "MEMORY", Cell: func(l load) string { return l.Memory }},
			{Title: "MEMORY%", Cell: func(l load) string { return fmt.Sprintf("%.0f%%", l.MemoryPercent) }},
		}, "node", func(l load) string { return l.Node })
	})
	return cmd
}

// loadsOf sums up what live pods have requested, the fullest node first.
func loadsOf(nodes []wire.Node, pods []wire.Pod) ([]load, error) {
	on := map[uuid.UUID][]wire.Pod{}
	for _, p := range pods {
		if p.NodeID != nil && !p.Status.Final() {
			on[*p.NodeID] = append(on[*p.NodeID], p)
		}
	}
	loads := make([]load, 0, len(nodes))
	for _, n := range nodes {
		l := load{Node: n.Name, Pods: len(on[n.ID])}
		var err error
		if l.CPU, l.CPUPercent, err = share(on[n.ID], n.Resources.CPU, func(p wire.Pod) string { return p.Resources.CPU }); err != nil {
			return nil, fmt.Errorf("cpu of node/%s: %w", n.Name, err)
		}
		if l.Memory, l.MemoryPercent, err = share(on[n.ID], n.Resources.Memory, func(p wire.Pod) string { return p.Resources.Memory }); err != nil {
			return nil, fmt.Errorf("memory of node/%s: %w", n.Name, err)
		}
		loads = append(loads, l)
	}
	slices.SortStableFunc(loads, func(a, b load) int {
		return cmp.Or(cmp.Compare(max(b.CPUPercent, b.MemoryPercent), max(a.CPUPercent, a.MemoryPercent)), cmp.Compare(a.Node, b.Node))
	})
	return loads, nil
}

// share is the sum of the pods' requests, and how much that is of what is offered.
func share(pods []wire.Pod, offered string, of func(wire.Pod) string) (sum string, percent float64, err error) {
	var total resource.Quantity
	for _, p := range pods {
		if of(p) == "" {
			continue
		}
		q, err := resource.ParseQuantity(of(p))
		if err != nil {
			return "", 0, fmt.Errorf("pod/%s requests %q: %w", p.Name, of(p), err)
		}
		total.Add(q)
	}
	all, err := resource.ParseQuantity(cmp.Or(offered, "0"))
	if err != nil {
		return "", 0, fmt.Errorf("it offers %q: %w", offered, err)
	}
	if all.Sign() > 0 {
		percent = 100 * total.AsApproximateFloat64() / all.AsApproximateFloat64()
	}
	return total.String(), percent, nil
}
