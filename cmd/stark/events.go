package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// eventFilter narrows events; an empty field is any.
type eventFilter struct{ kind, level string }

// eventKind are events. They come, and never change; the server tells those that come.
func eventKind(filter eventFilter) kind[wire.Event] {
	return kind[wire.Event]{
		name: "event", aliases: []string{"events", "ev"}, namespaced: true, watched: wire.WatchEvents,
		columns:  func(func() time.Time, bool) []output.Column[wire.Event] { return clusterEventColumns() },
		title:    eventTitle,
		identity: func(e wire.Event) (string, int64) { return eventTitle(e), 0 },
		admits: func(e wire.Event) bool {
			return (filter.kind == "" || e.Kind == filter.kind) && (filter.level == "" || e.Type == filter.level)
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
	var filter eventFilter
	var following bool
	cmd := &cobra.Command{
		Use:   "events -f",
		Short: "Show what happens in the cluster, as it happens, until interrupted",
		Example: `  stark events -f
  stark events -f --type Warning -n staging
  stark events -f --kind node -o json`,
		Args: between(0, 0, ""),
	}
	fs := cmd.Flags()
	fs.BoolVarP(&following, "follow", "f", false, "go on until interrupted; needed")
	fs.StringVarP(&namespace, "namespace", "n", "", "only what is about this namespace (default everything)")
	fs.StringVar(&filter.level, "type", "", "only Normal or Warning")
	fs.StringVar(&filter.kind, "kind", "", "only what is about this kind of thing: node, pod, pack, …")
	mustComplete(cmd, "type", eventLevels)
	headersFlag(cmd)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		return eventKind(filter).follow(ctx, c, conn, out, selection{namespace: namespace, labels: labels.Everything()}, nil)
	})
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case !following:
			return usage(cmd, "pass -f: the server tells events as they happen (those before are in the table public.events)")
		case filter.level != "" && filter.level != eventLevels[0] && filter.level != eventLevels[1]:
			return usage(cmd, "--type %q: want Normal or Warning", filter.level)
		}
		return run(cmd, args)
	}
	return cmd
}
