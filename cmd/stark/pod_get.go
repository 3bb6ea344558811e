package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPodGet(c *cli) *cobra.Command {
	cmd := newShow(c, podKind(client.PodFilter{}), "get NAME | ID", "Show one pod", `  stark pod get hello-5f0c9a3e8a35
  stark pod get hello -n staging -o yaml`)
	cmd.Aliases = []string{"status"}
	return cmd
}

func newPodDescribe(c *cli) *cobra.Command {
	return newDescribeOf(c, podKind(client.PodFilter{}), `  stark pod describe hello-5f0c9a3e8a35
  stark pod describe hello -n staging`)
}

// podDetails is what happened to the pod.
func podDetails(ctx context.Context, c *cli, conn *connection, p wire.Pod) error {
	events, err := conn.PodHistory(ctx, p.ID)
	if err != nil {
		return err
	}
	if err := c.section("History"); err != nil {
		return err
	}
	return output.List(c.printer(output.Table), events, eventColumns(events), "event", func(e wire.PodEvent) string { return fmt.Sprint(e.ID) })
}

func podFields(now time.Time, p wire.Pod) []output.Field {
	priority := fmt.Sprint(p.Priority)
	if p.PriorityClass != nil {
		priority += " (" + *p.PriorityClass + ")"
	}
	return []output.Field{
		{Label: "Name", Value: p.Name},
		{Label: "Namespace", Value: p.Namespace},
		{Label: "ID", Value: p.ID.String()},
		{Label: "Pack", Value: packOf(p)},
		{Label: "Status", Value: string(p.Status), Tint: true},
		{Label: "Wanted", Value: wanted(p)},
		{Label: "Reason", Value: p.Reason},
		{Label: "Leaves because", Value: p.Eviction},
		{Label: "Message", Value: p.Message},
		{Label: "Waiting for", Value: waitingFor(p)},
		{Label: "Node", Value: p.NodeName},
		{Label: "Restarts", Value: fmt.Sprint(p.Restarts)},
		{Label: "Requests", Value: fmt.Sprintf("cpu %s, memory %s", p.Resources.CPU, p.Resources.Memory)},
		{Label: "Priority", Value: priority},
		{Label: "Labels", Value: output.Labels(p.Labels)},
		{Label: "Node selector", Value: output.Labels(p.NodeSelector)},
		{Label: "Tolerations", Value: tolerationsText(p.Tolerations)},
		{Label: "Args", Value: someJSON(p.Args, "[]")},
		{Label: "Env", Value: envText(p.Env)},
		{Label: "Created", Value: moment(now, &p.CreatedAt)},
		{Label: "Scheduled", Value: moment(now, p.ScheduledAt)},
		{Label: "Started", Value: moment(now, p.StartedAt)},
		{Label: "Finished", Value: moment(now, p.FinishedAt)},
		{Label: "Result", Value: someJSON(p.Result, "null")},
	}
}

// envText is one variable a line, sorted.
func envText(env map[string]string) string {
	lines := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		lines = append(lines, key+"="+env[key])
	}
	return strings.Join(lines, "\n")
}

// wanted is only told when it differs from what is.
func wanted(p wire.Pod) string {
	if p.DesiredState == core.DesiredStopped && !p.Status.Final() {
		return string(p.DesiredState)
	}
	return ""
}

// moment is a time for people, or "" for none.
func moment(now time.Time, at *time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s (%s ago)", at.UTC().Format(timestamp), output.Age(now, *at))
}

// someJSON is the value in one line, or "" when it says nothing.
func someJSON(raw json.RawMessage, nothing string) string {
	if s := string(raw); s != nothing && s != "{}" {
		return s
	}
	return ""
}

func tolerationsText(list []core.Toleration) string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = t.Key
		if t.Value != "" {
			texts[i] += "=" + t.Value
		}
		if t.Effect != "" {
			texts[i] += ":" + string(t.Effect)
		}
		if texts[i] == "" {
			texts[i] = "everything"
		}
	}
	return strings.Join(texts, ", ")
}
