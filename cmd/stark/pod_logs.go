package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

type logsOptions struct {
	namespace          string
	follow, timestamps bool
	tail               int
	since              time.Duration
}

func newPodLogs(c *cli) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs NAME | ID",
		Short: "Print what a pod has written",
		Long: `Print what a pod has written: its standard output to standard output; its standard error, and what the agent has to
say about it, to standard error.`,
		Example: `  stark pod logs hello-5f0c9a3e8a35
  stark pod logs hello -f --tail 20 --timestamps
  stark pod logs hello --since 5m`,
		Args: between(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.tail < -1:
				return usage(cmd, "--tail %d: want 0 or more", o.tail)
			case o.since < 0:
				return usage(cmd, "--since %s: want 0 or more", o.since)
			}
			return c.podLogs(cmd.Context(), args[0], o)
		},
	}
	namespaceFlag(cmd, &o.namespace)
	completes(c, cmd, podKind(client.PodFilter{}), false)
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on until the pod has ended")
	cmd.Flags().IntVar(&o.tail, "tail", -1, "start with the last lines, this many; -1 is all")
	cmd.Flags().DurationVar(&o.since, "since", 0, "only what was written in this time until now; 0 is all")
	cmd.Flags().BoolVar(&o.timestamps, "timestamps", false, "begin each line with when it was written")
	return cmd
}

func (c *cli) podLogs(ctx context.Context, ref string, o logsOptions) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	pod, err := findPod(ctx, conn, o.namespace, ref)
	if err != nil {
		return err
	}
	line := c.logLine(o.timestamps)
	if o.since > 0 {
		line = writtenAfter(c.now().Add(-o.since), line)
	}
	var after int64
	if o.tail >= 0 {
		if after, err = tail(ctx, conn, pod, o.tail, line); err != nil {
			return err
		}
	}
	switch {
	case o.follow:
		_, err = follow.Pod(ctx, conn, pod.ID, follow.Watch{Line: line, After: after}, c.pace)
	case o.tail < 0:
		_, err = follow.Lines(ctx, conn, pod.ID, after, line)
	}
	return err
}

// writtenAfter leaves out what was written before.
func writtenAfter(start time.Time, line func(wire.PodLogLine) error) func(wire.PodLogLine) error {
	return func(l wire.PodLogLine) error {
		if l.At.Before(start) {
			return nil
		}
		return line(l)
	}
}

// tail prints the last n lines and returns the id of the very last.
func tail(ctx context.Context, conn *connection, pod wire.Pod, n int, line func(wire.PodLogLine) error) (last int64, err error) {
	lines, err := conn.PodLogs(ctx, pod.ID, client.LogQuery{Tail: max(n, 1)})
	if err != nil {
		return 0, err
	}
	for _, l := range lines {
		last = l.ID
		if n > 0 {
			if err := line(l); err != nil {
				return last, err
			}
		}
	}
	return last, nil
}

// logLine prints a line where it belongs, and says in between when the pod has been placed anew.
func (c *cli) logLine(timestamps bool) func(wire.PodLogLine) error {
	var incarnation int64
	return func(l wire.PodLogLine) error {
		if incarnation != 0 && l.Incarnation != incarnation {
			c.note("--- placed anew (incarnation %d)", l.Incarnation)
		}
		incarnation = l.Incarnation
		text := l.Line
		if timestamps {
			text = l.At.UTC().Format(timestamp) + " " + text
		}
		to := c.err
		if l.Stream == "stdout" {
			to = c.out
		}
		if _, err := fmt.Fprintln(to, text); err != nil {
			return fmt.Errorf("write the log: %w", err)
		}
		return nil
	}
}
