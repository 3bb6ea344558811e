package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// explanation is why a pod is pending, as the scheduler has written it into the pod.
type explanation struct {
	Nodes   int             `json:"nodes"`
	Filters map[string]int  `json:"filters"` // how many nodes each refused
	Text    string          `json:"text"`
	Closest []wire.NearNode `json:"closest,omitempty"`
}

// whyPending is what stands in a pod that is pending; nil for one that is not, or that the scheduler has not looked at yet.
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
		Short: "Show why a pod is pending, or where it is: which filter refuses how many nodes, and how the others score",
		Long: `Show why a pod is pending, or why it is where it is: which filter refuses how many nodes, which nodes come closest, and how those score that would take
it. This is as of now, its own room counted as free. docs/scheduling.md has the filters and the scores.

When the server cannot say, it shows what the scheduler has recorded with the pod.`,
		Example: `  stark pod explain hello
  stark pod explain hello -n staging -o json
  stark pod explain hello -o jsonpath={.filters}`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, podKind(client.PodFilter{}), false)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		pod, err := findPod(ctx, conn, namespace, args[0])
		if err != nil {
			return err
		}
		if pod.Status.Final() {
			return hinted("`stark pod history "+pod.Name+inNamespace(pod.Namespace)+"` shows how it came to that",
				"pod/%s is %s%s, and goes nowhere any more", pod.Name, pod.Status, because(pod))
		}
		why, err := conn.ExplainPod(ctx, pod.ID)
		switch {
		case isGone(err), errors.Is(err, client.ErrUnavailable):
			return c.explainRecorded(out, pod)
		case err != nil:
			return err
		case !out.Format.People():
			return output.One(out, why, nil, "pod", func(wire.PodExplanation) string { return pod.Name })
		}
		return c.tellExplanation(pod, why)
	})
	return cmd
}

func (c *cli) explainRecorded(out output.Printer, pod wire.Pod) error {
	why, err := whyPending(pod)
	switch {
	case err != nil:
		return err
	case why == nil && pod.Status == core.PodPending:
		return hinted("try again in a moment; if it stays so, `stark doctor` says whether a server is at work", "the scheduler has not looked at pod/%s yet", pod.Name)
	case why == nil:
		return hinted("try again in a moment", "pod/%s is %s, and the server cannot say now how the nodes look to it", pod.Name, pod.Status)
	case !out.Format.People():
		return output.One(out, *why, nil, "pod", func(explanation) string { return pod.Name })
	}
	if err := c.say("pod/%s is pending: %s", pod.Name, output.Clean(why.Text)); err != nil {
		return err
	}
	if err := c.tellFilters(why.Filters, why.Nodes); err != nil {
		return err
	}
	return c.tellClosest(why.Closest)
}

func (c *cli) tellExplanation(pod wire.Pod, why wire.PodExplanation) error {
	text := output.Clean(why.Text)
	if why.Status == core.PodPending {
		text = "is pending: " + text
	}
	if err := c.say("pod/%s %s", pod.Name, text); err != nil {
		return err
	}
	if n := len(why.Evicts); n > 0 {
		if err := c.say("%d pods of lower priority would have to go for it", n); err != nil {
			return err
		}
	}
	if err := c.tellFilters(why.Filters, why.Nodes); err != nil {
		return err
	}
	if len(why.Closest) > 0 {
		return c.tellClosest(why.Closest)
	}
	takers := slices.DeleteFunc(slices.Clone(why.Verdicts), func(v wire.NodeVerdict) bool { return len(v.Refusals) > 0 })
	if len(takers) == 0 {
		return nil
	}
	if err := c.section("Would take it"); err != nil {
		return err
	}
	return output.List(c.printer(output.Table), takers, []output.Column[wire.NodeVerdict]{
		{Title: "NODE", Cell: func(v wire.NodeVerdict) string {
			if why.Chosen != nil && v.NodeID == why.Chosen.NodeID {
				return v.Node + " *"
			}
			return v.Node
		}},
		{Title: "SCORE", Cell: func(v wire.NodeVerdict) string { return fmt.Sprintf("%.0f", v.Score) }},
		{Title: "MADE OF", Cell: scoreParts},
	}, "", nil)
}

// scoreParts are the scores that add something.
func scoreParts(v wire.NodeVerdict) string {
	var parts []string
	for _, s := range v.Scores {
		if s.Score*float64(s.Weight) != 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f×%d", s.Name, s.Score, s.Weight))
		}
	}
	return strings.Join(parts, ", ")
}

func (c *cli) tellFilters(filters map[string]int, nodes int) error {
	if nodes == 0 || len(filters) == 0 {
		return nil
	}
	if err := c.section("Refused by"); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(filters))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(filters[b], filters[a]) })
	return output.List(c.printer(output.Table), names, []output.Column[string]{
		{Title: "FILTER", Cell: func(name string) string { return name }},
		{Title: "NODES", Cell: func(name string) string { return fmt.Sprintf("%d/%d", filters[name], nodes) }},
	}, "", nil)
}

func (c *cli) tellClosest(closest []wire.NearNode) error {
	if len(closest) == 0 {
		return nil
	}
	if err := c.section("Closest nodes"); err != nil {
		return err
	}
	return output.List(c.printer(output.Table), closest, []output.Column[wire.NearNode]{
		{Title: "NODE", Cell: func(n wire.NearNode) string { return n.Node }},
		{Title: "REFUSED BY", Cell: func(n wire.NearNode) string { return n.Filter }},
		{Title: "BECAUSE", Cell: func(n wire.NearNode) string { return n.Detail }},
	}, "", nil)
}
