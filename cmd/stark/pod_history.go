package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// timestamp is RFC 3339 with milliseconds, in UTC.
const timestamp = "2006-01-02T15:04:05.000Z07:00"

func newPodHistory(c *cli) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:     "history NAME | ID",
		Aliases: []string{"timeline"},
		Short:   "Show what happened to a pod, when, why and by whom",
		Example: `  stark pod history hello-5f0c9a3e8a35
  stark pod history hello -n staging -o json`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, podKind(client.PodFilter{}), false)
	headersFlag(cmd)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		pod, err := findPod(ctx, conn, namespace, args[0])
		if err != nil {
			return err
		}
		events, err := conn.PodHistory(ctx, pod.ID)
		if err != nil {
			return err
		}
		return output.List(out, events, eventColumns(events), "event", func(e wire.PodEvent) string { return fmt.Sprint(e.ID) })
	})
	return cmd
}

func eventColumns(events []wire.PodEvent) []output.Column[wire.PodEvent] {
	var start time.Time
	if len(events) > 0 {
		start = events[0].At
	}
	return []output.Column[wire.PodEvent]{
		{Title: "TIME", Cell: func(e wire.PodEvent) string { return e.At.UTC().Format(timestamp) }},
		{Title: "ELAPSED", Cell: func(e wire.PodEvent) string { return e.At.Sub(start).Round(time.Millisecond).String() }},
		{Title: "EVENT", Cell: func(e wire.PodEvent) string { return e.Event }},
		{Title: "STATUS", Tint: true, Cell: func(e wire.PodEvent) string { return text(e.To) }},
		{Title: "REASON", Cell: func(e wire.PodEvent) string { return e.Reason }},
		{Title: "BY", Cell: func(e wire.PodEvent) string { return e.ActorRole }},
		{Title: "INCARNATION", Wide: true, Cell: func(e wire.PodEvent) string { return fmt.Sprint(e.Incarnation) }},
		{Title: "NODE", Wide: true, Cell: func(e wire.PodEvent) string {
			if e.NodeID == nil {
				return ""
			}
			return e.NodeID.String()
		}},
		{Title: "CORRELATION", Wide: true, Cell: func(e wire.PodEvent) string { return text(e.CorrelationID) }},
		{Title: "MESSAGE", Cell: func(e wire.PodEvent) string { return e.Message }},
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
