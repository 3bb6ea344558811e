package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// eventKind are events. They come, and never change; a watch tells those that come, a list those that came.
func eventKind(filter client.EventFilter) kind[wire.Event] {
	return kind[wire.Event]{
		name: "event", aliases: []string{"events", "ev"}, namespaced: true, watched: wire.WatchEvents, passes: true,
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Event, bool, error) {
			f := filter
			f.Namespace = s.namespace
			return conn.Events(ctx, f, s.limit)
		},
		columns:  func(func() time.Time, bool) []output.Column[wire.Event] { return clusterEventColumns() },
		title:    eventTitle,
		identity: func(e wire.Event) (string, int64) { return eventTitle(e), 0 },
		admits: func(e wire.Event) bool {
			return (filter.Kind == "" || e.Kind == filter.Kind) && (filter.Type == "" || e.Type == filter.Type) &&
				(filter.Reason == "" || e.Reason == filter.Reason) && (filter.ObjectName == "" || e.ObjectName == filter.ObjectName)
		},
	}
}

func eventTitle(e wire.Event) string { return strconv.FormatInt(e.ID, 10) }

func clusterEventColumns() []output.Column[wire.Event] {
	return []output.Column[wire.Event]{
		{Title: "TIME", Cell: func(e wire.Event) string { return e.At.UTC().Format(timestamp) }},
		{Title: "TYPE", Tint: true, Width: 7, Cell: func(e wire.Event) string { return e.Type }},
		{Title: "REASON", Width: 20, Cell: func(e wire.Event) string { return e.Reason }},
		{Title: "OBJECT", Width: 30, Cell: eventObject},
		{Title: "MESSAGE", Cell: func(e wire.Event) string { return e.Message }},
		{Title: "NAMESPACE", Wide: true, Cell: func(e wire.Event) string { return text(e.Namespace) }},
		{Title: "BY", Wide: true, Cell: func(e wire.Event) string { return e.ActorRole }},
		{Title: "CORRELATION", Wide: true, Cell: func(e wire.Event) string { return text(e.CorrelationID) }},
	}
}

func eventObject(e wire.Event) string {
	switch {
	case e.ObjectName != "":
		return e.Kind + "/" + e.ObjectName
	case e.ObjectID != nil:
		return e.Kind + "/" + e.ObjectID.String()
	}
	return e.Kind
}

var eventLevels = []string{"Normal", "Warning"}

func newEvents(c *cli) *cobra.Command {
	var namespace string
	var filter client.EventFilter
	var following bool
	var since time.Duration
	var limit int
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happened in the cluster, newest first; with -f, what happens from now on",
		Example: `  stark events
  stark events --since 1h --type Warning
  stark events --kind node --object laptop
  stark events -f -n staging -o json`,
		Args: between(0, 0, ""),
	}
	fs := cmd.Flags()
	fs.BoolVarP(&following, "follow", "f", false, "show what comes, as it comes, until interrupted; nothing of before")
	fs.StringVarP(&namespace, "namespace", "n", "", "only what is about this namespace (default everything)")
	fs.StringVar(&filter.Type, "type", "", "only Normal or Warning")
	fs.StringVar(&filter.Kind, "kind", "", "only what is about this kind of thing: node, pod, pack, …")
	fs.StringVar(&filter.ObjectName, "object", "", "only what is about the thing of this name")
	fs.StringVar(&filter.Reason, "reason", "", "only this reason: registered, drained, …")
	fs.DurationVar(&since, "since", 0, "only what happened in this time until now; 0 is all that is kept")
	fs.IntVar(&limit, "limit", 100, "show at most this many; 0 is all")
	mustComplete(cmd, "type", eventLevels)
	headersFlag(cmd)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		s := selection{namespace: namespace, labels: labels.Everything(), limit: limit}
		if following {
			return eventKind(filter).follow(ctx, c, conn, out, s, nil)
		}
		if since > 0 {
			filter.Since = c.now().Add(-since)
		}
		return eventKind(filter).showList(ctx, c, conn, out, s, false)
	})
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case filter.Type != "" && filter.Type != eventLevels[0] && filter.Type != eventLevels[1]:
			return usage(cmd, "--type %q: want Normal or Warning", filter.Type)
		case since < 0 || limit < 0:
			return usage(cmd, "--since and --limit: want 0 or more")
		case following && (since > 0 || cmd.Flags().Changed("limit")):
			return usage(cmd, "-f shows what comes: --since and --limit are for what came")
		}
		return run(cmd, args)
	}
	return cmd
}
