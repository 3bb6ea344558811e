package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// watching shows things of a kind as they are and as they change, a row each time.
type watching[T any] struct {
	k     kind[T]
	c     *cli
	conn  *connection
	out   output.Printer
	s     selection
	only  map[string]bool // by id; nil is all that s selects
	known map[string]seen[T]
	table *output.TableWriter[T]
	began bool
}

// maxKnown bounds what is remembered of things that come and come, and never go.
const maxKnown = 10_000

type seen[T any] struct {
	item     T
	revision int64
}

// follow shows what is selected, or only the items, until it is interrupted. Items count as shown already.
func (k kind[T]) follow(ctx context.Context, c *cli, conn *connection, out output.Printer, s selection, items []T) error {
	if k.watched == "" {
		return fmt.Errorf("%s cannot be watched", k.aliases[0])
	}
	w := &watching[T]{k: k, c: c, conn: conn, out: out, s: s, known: map[string]seen[T]{}}
	w.table = output.NewTable(out, k.columns(c.now, s.namespace == "" && k.namespaced))
	for _, item := range items {
		id, revision := k.identity(item)
		if w.only == nil {
			w.only = map[string]bool{}
			out.NoHeaders = true
			w.table = output.NewTable(out, k.columns(c.now, false))
		}
		w.only[id], w.known[id] = true, seen[T]{item, revision}
	}
	do := follow.Changes{List: w.list, Change: w.change}
	if k.list == nil || k.passes {
		do.List = w.gap
	}
	query := wire.WatchQuery{Kinds: []wire.WatchKind{k.watched}}
	if k.namespaced {
		query.Namespace = s.namespace
	}
	return follow.Changed(ctx, conn, query, do, c.pace)
}

// gap stands in for a list where there is none: from the second time on, something may have been missed.
func (w *watching[T]) gap(context.Context) error {
	if w.began {
		w.c.note("--- some %s may be missing here: more happened than could be told", w.k.aliases[0])
	}
	w.began = true
	return nil
}

// list shows what is new since the last list, and says what is gone.
func (w *watching[T]) list(ctx context.Context) error {
	items, more, err := w.k.selected(ctx, w.conn, w.s)
	if err != nil {
		return err
	}
	first := len(w.known) == 0
	if first {
		w.c.noteList(len(items), more, w.k.empty(w.s))
	}
	there := map[string]bool{}
	for _, item := range items {
		id, _ := w.k.identity(item)
		there[id] = true
	}
	if !more { // what is not in a list that has an end need not be gone
		for id := range w.known {
			if !there[id] {
				w.gone(id)
			}
		}
	}
	return w.show(items...)
}

// show writes those that are wanted and newer than what was shown.
func (w *watching[T]) show(items ...T) error {
	var fresh []T
	for _, item := range items {
		id, revision := w.k.identity(item)
		before, known := w.known[id]
		if w.only != nil && !w.only[id] || known && before.revision >= revision {
			continue
		}
		if (w.k.list == nil || w.k.passes) && len(w.known) >= maxKnown {
			clear(w.known) // a repetition comes soon after, or not at all
		}
		w.known[id] = seen[T]{item, revision}
		fresh = append(fresh, item)
	}
	if len(fresh) == 0 {
		return nil
	}
	if w.out.Format.People() {
		return w.table.Write(fresh...)
	}
	for _, item := range fresh {
		if err := output.One(w.out, item, nil, w.k.name, w.k.title); err != nil {
			return err
		}
	}
	return nil
}

func (w *watching[T]) change(_ context.Context, change client.Change) error {
	if change.Type == wire.WatchDelete {
		w.gone(change.ID)
		return nil
	}
	var item T
	if err := json.Unmarshal(change.Object, &item); err != nil {
		return fmt.Errorf("read a changed %s: %w", w.k.name, err)
	}
	if !w.k.fits(w.s, item) {
		id, _ := w.k.identity(item)
		delete(w.known, id) // if it fits again, it is new
		return nil
	}
	return w.show(item)
}

func (w *watching[T]) gone(id string) {
	before, known := w.known[id]
	if !known {
		return
	}
	delete(w.known, id)
	w.c.note("%s/%s is gone", w.k.name, w.k.title(before.item))
}
