package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// listOptions are the flags of a list.
type listOptions struct {
	namespace, selector string
	all, watch          bool
	limit               int
}

// listFlags adds the flags of a list of things: in namespaces or not, with labels or not, watched or not.
func listFlags(cmd *cobra.Command, o *listOptions, namespaced, labelled, watched bool) {
	fs := cmd.Flags()
	fs.IntVar(&o.limit, "limit", 500, "show at most this many, newest first; 0 is all")
	headersFlag(cmd)
	if labelled {
		fs.StringVarP(&o.selector, "selector", "l", "", "only those with these labels: app=web,tier in (a, b),!old")
	}
	if namespaced {
		fs.StringVarP(&o.namespace, "namespace", "n", defaultNamespace, "in this namespace")
		fs.BoolVarP(&o.all, "all-namespaces", "A", false, "in all namespaces")
	}
	if watched {
		fs.BoolVarP(&o.watch, "watch", "w", false, "go on showing what changes, until interrupted")
	}
}

// selection is what the flags ask for.
func (o listOptions) selection(cmd *cobra.Command) (selection, error) {
	if o.limit < 0 {
		return selection{}, usage(cmd, "--limit %d: want 0 or more", o.limit)
	}
	selector, err := labels.Parse(o.selector)
	if err != nil {
		return selection{}, usage(cmd, "--selector: %w", err)
	}
	s := selection{namespace: o.namespace, labels: selector, limit: o.limit}
	if o.all {
		s.namespace = ""
	}
	return s, nil
}

// newList is the list verb of a kind; make gives the kind once the flags are read.
func newList[T any](c *cli, cmd *cobra.Command, o *listOptions, k kind[T], narrow func(ctx context.Context, conn *connection, k *kind[T], args []string) error) *cobra.Command {
	cmd.Aliases = append(cmd.Aliases, "ls")
	listFlags(cmd, o, k.namespaced, k.can("select"), k.can("watch"))
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		if narrow != nil {
			if err := narrow(ctx, conn, &k, args); err != nil {
				return err
			}
		}
		s, err := o.selection(cmd)
		if err != nil {
			return err
		}
		return k.showList(ctx, c, conn, out, s, o.watch)
	})
	return cmd
}

// get is what `stark get` does with a kind: a list, or those that refs name.
func (k kind[T]) get(ctx context.Context, c *cli, conn *connection, out output.Printer, s selection, watch bool, refs []string) error {
	if !k.namespaced {
		s.namespace = ""
	}
	if len(refs) == 0 {
		return k.showList(ctx, c, conn, out, s, watch)
	}
	items := make([]T, 0, len(refs))
	failed := each(ctx, refs, func(ref string) error {
		item, err := k.find(ctx, conn, s.namespace, k.trim(ref))
		if err == nil {
			items = append(items, item)
		}
		return err
	})
	if len(refs) == 1 && !out.Format.People() {
		if failed != nil {
			return failed
		}
		if err := output.One(out, items[0], nil, k.name, k.title); err != nil {
			return err
		}
	} else if err := output.List(out, items, k.columns(c.now, false), k.name, k.title); err != nil {
		return err
	}
	if failed != nil || !watch {
		return failed
	}
	return k.follow(ctx, c, conn, out, s, items)
}

// showList lists what is selected, and with watch goes on.
func (k kind[T]) showList(ctx context.Context, c *cli, conn *connection, out output.Printer, s selection, watch bool) error {
	if watch {
		return k.follow(ctx, c, conn, out, s, nil)
	}
	items, more, err := k.selected(ctx, conn, s)
	if err != nil {
		return err
	}
	c.noteList(len(items), more, k.empty(s))
	return output.List(out, items, k.columns(c.now, s.namespace == ""), k.name, k.title)
}

// selected lists those that fit the labels, whether or not the server has looked at them.
func (k kind[T]) selected(ctx context.Context, conn *connection, s selection) (items []T, more bool, err error) {
	if s.labels.Empty() || k.selects {
		return k.list(ctx, conn, s)
	}
	limit := s.limit
	s.limit = 0 // any of them may fit
	if items, _, err = k.list(ctx, conn, s); err != nil {
		return nil, false, err
	}
	items = slices.DeleteFunc(items, func(item T) bool { return !k.fits(s, item) })
	if limit > 0 && len(items) > limit {
		return items[:limit], true, nil
	}
	return items, false, nil
}

func (k kind[T]) fits(s selection, item T) bool {
	if k.admits != nil && !k.admits(item) {
		return false
	}
	return s.labels.Empty() || k.labelsOf != nil && s.labels.Matches(labels.Set(k.labelsOf(item)))
}

func (k kind[T]) empty(s selection) string {
	if k.none != "" {
		return k.none
	}
	return emptyIn(k.aliases[0], s.namespace)
}
