package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// explanation is why a pod is pending, as the scheduler writes it into the pod.
type explanation struct {
	Nodes   int            `json:"nodes"`
	Filters map[string]int `json:"filters"` // how many nodes each refused
	Text    string         `json:"text"`
	Closest []nearNode     `json:"closest,omitempty"`
}

// nearNode almost suited.
type nearNode struct {
	Node   string `json:"node"`
	NodeID string `json:"nodeId"`
	Filter string `json:"filter"` // the one that refused it
	Detail string `json:"detail,omitempty"`
}

// whyPending is nil for a pod that is not pending, or that the scheduler has not looked at yet.
func whyPending(p wire.Pod) (*explanation, error) {
	if p.Status != core.PodPending || len(p.Unschedulable) == 0 {
		return nil, nil
	}
	var why *explanation // null stays nil
	if err := json.Unmarshal(p.Unschedulable, &why); err != nil {
		return nil, fmt.Errorf("read why pod/%s is pending: %w", p.Name, err)
	}
	return why, nil
}

func newPodExplain(c *cli) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "explain NAME | ID",
		Short: "Show why a pod is pending: which filter refused how many nodes, and which nodes came closest",
		Example: `  stark pod explain hello
  stark pod explain hello -n staging -o json`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, podKind(client.PodFilter{}), false)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		pod, err := findPod(ctx, conn, namespace, args[0])
		if err != nil {
			return err
		}
		why, err := whyPending(pod)
		switch {
		case err != nil:
			return err
		case pod.Status != core.PodPending:
			return hinted("`stark pod history "+pod.Name+inNamespace(pod.Namespace)+"` shows how it came to that",
				"pod/%s is %s%s, and only a pending pod is explained", pod.Name, pod.Status, because(pod))
		case why == nil:
			return hinted("try again in a moment; if it stays so, `stark doctor` says whether a server is at work", "the scheduler has not looked at pod/%s yet", pod.Name)
		case !out.Format.People():
			return output.One(out, *why, nil, "pod", func(explanation) string { return pod.Name })
		}
		return c.tellWhy(pod, *why)
	})
	return cmd
}

func (c *cli) tellWhy(pod wire.Pod, why explanation) error {
	if err := c.say("pod/%s is pending: %s", pod.Name, output.Clean(why.Text)); err != nil {
		return err
	}
	type refused struct {
		filter string
		nodes  int
	}
	var filters []refused
	for _, name := range slices.Sorted(maps.Keys(why.Filters)) {
		filters = append(filters, refused{name, why.Filters[name]})
	}
	slices.SortStableFunc(filters, func(a, b refused) int { return cmp.Compare(b.nodes, a.nodes) })
	out := c.printer(output.Table)
	if why.Nodes > 0 && len(filters) > 0 {
		if err := c.section("Refused by"); err != nil {
			return err
		}
		if err := output.List(out, filters, []output.Column[refused]{
			{Title: "FILTER", Cell: func(r refused) string { return r.filter }},
			{Title: "NODES", Cell: func(r refused) string { return fmt.Sprintf("%d/%d", r.nodes, why.Nodes) }},
		}, "", nil); err != nil {
			return err
		}
	}
	if len(why.Closest) == 0 {
		return nil
	}
	if err := c.section("Closest nodes"); err != nil {
		return err
	}
	return output.List(out, why.Closest, []output.Column[nearNode]{
		{Title: "NODE", Cell: func(n nearNode) string { return n.Node }},
		{Title: "REFUSED BY", Cell: func(n nearNode) string { return n.Filter }},
		{Title: "BECAUSE", Cell: func(n nearNode) string { return n.Detail }},
	}, "", nil)
}
