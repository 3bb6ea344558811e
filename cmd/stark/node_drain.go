package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

const (
	maxDrain = 7 * 24 * time.Hour // the server's bound
	// drainPatience is how long after its deadline a drain is still awaited: what is stopped then has its grace period.
	drainPatience = time.Minute
)

func newNodeDrain(c *cli) *cobra.Command {
	var timeout time.Duration
	var wait bool
	cmd := &cobra.Command{
		Use:   "drain NAME | ID …",
		Short: "Move the pods of nodes elsewhere, and let no new ones come",
		Long: `Move the pods of nodes elsewhere, and let no new ones come: for maintenance, or for good. Each is asked to stop, with its grace period, and placed
again once it has; after --timeout what is still there is ended. Pods of daemonset deployments stay.

The command waits until the nodes are empty. Interrupting it leaves the drain going on; "stark node uncordon" takes it back.`,
		Example: `  stark node drain laptop
  stark node drain build-1 build-2 --timeout 30m
  stark node drain laptop --wait=false`,
		Args: between(1, -1, "NAME"),
	}
	completes(c, cmd, nodeKind(client.NodeFilter{}), true)
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long the pods may take to leave before they are stopped")
	cmd.Flags().BoolVar(&wait, "wait", true, "wait until the nodes are empty")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if timeout < 0 || timeout > maxDrain {
			return usage(cmd, "--timeout %s: want 0 to %s", timeout, maxDrain)
		}
		return c.eachNode(cmd.Context(), args, func(ctx context.Context, conn *connection, name string) error {
			node, err := conn.DrainNode(ctx, name, wire.NodeDrain{TimeoutSeconds: int64(timeout.Seconds())})
			if err != nil {
				return noNode(name, err)
			}
			if !wait {
				return c.say("node/%s is being drained", node.Name)
			}
			waiting, cancel := limit(ctx, timeout+drainPatience)
			defer cancel()
			d := &draining{cli: c, conn: conn, node: node}
			if err := follow.Changed(waiting, conn, wire.WatchQuery{Kinds: []wire.WatchKind{wire.WatchNodes, wire.WatchPods}}, follow.Changes{List: d.list, Change: d.change}, c.pace); err != nil {
				return d.left(err)
			}
			return c.say("node/%s is drained", node.Name)
		})
	}
	return cmd
}

// draining watches the pods of a node until there are none.
type draining struct {
	*cli
	conn  *connection
	node  wire.Node
	pods  map[string]string // names of those that are left, by id
	told  int               // how many were left when that was last said
	began bool
	done  bool // the server says so
}

func (d *draining) list(ctx context.Context) error {
	node, err := d.conn.Node(ctx, d.node.ID.String())
	if err != nil {
		return err
	}
	pods, _, err := d.conn.Pods(ctx, client.PodFilter{NodeID: d.node.ID.String()}, 0)
	if err != nil {
		return err
	}
	d.pods = map[string]string{}
	for _, p := range pods {
		if !p.Status.Final() {
			d.pods[p.ID.String()] = p.Name
		}
	}
	if err := d.asked(node); err != nil {
		return err
	}
	return d.tell()
}

func (d *draining) change(_ context.Context, change client.Change) error {
	switch {
	case change.Type == wire.WatchDelete && change.ID == d.node.ID.String():
		return fmt.Errorf("node/%s was deleted", d.node.Name)
	case change.Type == wire.WatchDelete:
		delete(d.pods, change.ID)
	case change.Kind == wire.WatchNodes:
		var node wire.Node
		if err := json.Unmarshal(change.Object, &node); err != nil {
			return fmt.Errorf("read a changed node: %w", err)
		}
		if err := d.asked(node); err != nil {
			return err
		}
	default:
		var pod wire.Pod
		if err := json.Unmarshal(change.Object, &pod); err != nil {
			return fmt.Errorf("read a changed pod: %w", err)
		}
		if here := pod.NodeID != nil && *pod.NodeID == d.node.ID; here && !pod.Status.Final() {
			d.pods[pod.ID.String()] = pod.Name
		} else {
			delete(d.pods, pod.ID.String())
		}
	}
	return d.tell()
}

// asked ends the waiting when somebody has taken the drain back.
func (d *draining) asked(node wire.Node) error {
	if node.ID == d.node.ID && !node.Unschedulable {
		return fmt.Errorf("the drain of node/%s was taken back: it is uncordoned", node.Name)
	}
	d.done = d.done || (node.ID == d.node.ID && node.DrainedAt != nil)
	return nil
}

// tell says how many are left, whenever that has changed; none is the end.
func (d *draining) tell() error {
	if d.done {
		return follow.ErrDone
	}
	if n := len(d.pods); !d.began || n != d.told {
		d.began, d.told = true, n
		if n > 0 {
			d.note("node/%s: %d %s left", d.node.Name, n, plural(n, "pod"))
		}
	}
	if len(d.pods) == 0 {
		return follow.ErrDone
	}
	return nil
}

func (d *draining) left(err error) error {
	if errors.Is(err, errTimeout) {
		return hinted("`stark node describe "+d.node.Name+"` shows them", "gave up waiting for node/%s, which has %d %s left: %w", d.node.Name, len(d.pods), plural(len(d.pods), "pod"), errTimeout)
	}
	if errors.Is(err, context.Canceled) {
		d.note("the drain of node/%s goes on without this command; `stark node uncordon %s` takes it back", d.node.Name, d.node.Name)
	}
	return err
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
