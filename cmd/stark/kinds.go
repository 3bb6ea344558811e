package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// selection says which things of a kind are wanted.
type selection struct {
	namespace string          // "" is all
	labels    labels.Selector // never nil
	limit     int             // 0 is all
}

// kind is what get, describe, delete and the list verbs know of a kind of things. What is nil it cannot do.
type kind[T any] struct {
	name       string   // pod, as in pod/hello
	aliases    []string // the plural first
	namespaced bool
	watched    wire.WatchKind
	// selects says that the server looks at the labels itself.
	selects bool
	// list gives the newest first. Without it, only what comes is shown.
	list func(context.Context, *connection, selection) (items []T, more bool, err error)
	find func(ctx context.Context, conn *connection, namespace, ref string) (T, error)
	// remove says what became of it.
	remove func(context.Context, *connection, T) (done string, err error)
	// columns have a clock, not a moment: a row that a watch shows later has its age then.
	columns func(now func() time.Time, allNamespaces bool) []output.Column[T]
	fields  func(now time.Time, item T) []output.Field
	// details are shown after the fields by describe.
	details  func(ctx context.Context, c *cli, conn *connection, item T) error
	title    func(T) string
	labelsOf func(T) map[string]string
	identity func(T) (id string, revision int64) // as in GET /api/watch; the revision is 0 for what never changes
	admits   func(T) bool                        // what list filters by, for what comes from a watch; nil admits all
	passes   bool                                // what is watched comes and never changes: a watch shows only what comes, though there is a list
	none     string                              // what to say when there are none
}

// anyKind is a kind whatever its things are.
type anyKind interface {
	words() []string
	get(ctx context.Context, c *cli, conn *connection, out output.Printer, s selection, watch bool, refs []string) error
	describe(ctx context.Context, c *cli, conn *connection, out output.Printer, namespace string, refs []string) error
	delete(ctx context.Context, c *cli, conn *connection, namespace string, refs []string) error
	can(verb string) bool
	titles(ctx context.Context, conn *connection, s selection) ([]string, error)
}

// allKinds are those that get, describe and delete take.
func allKinds() []anyKind {
	return []anyKind{podKind(client.PodFilter{}), deploymentKind(), nodeKind(client.NodeFilter{}), packKind(""), namespaceKind(), priorityClassKind(), userKind(), eventKind(client.EventFilter{})}
}

// kindOf finds a kind by any of its words.
func kindOf(cmd *cobra.Command, verb, word string) (anyKind, error) {
	var known []string
	for _, k := range allKinds() {
		if !k.can(verb) {
			continue
		}
		if isWord(k, word) {
			return k, nil
		}
		known = append(known, k.words()[1])
	}
	return nil, usage(cmd, "cannot %s %q: want one of %s", verb, word, strings.Join(known, ", "))
}

func isWord(k anyKind, word string) bool { return slices.Contains(k.words(), strings.ToLower(word)) }

// kindAndRefs reads KIND NAME…, or KIND/NAME….
func kindAndRefs(cmd *cobra.Command, args []string) (anyKind, []string, error) {
	word, _, slashed := strings.Cut(args[0], "/")
	k, err := kindOf(cmd, cmd.Name(), word)
	if err != nil || !slashed {
		return k, args[1:], err
	}
	refs := make([]string, len(args))
	for i, arg := range args {
		of, name, slashed := strings.Cut(arg, "/")
		if !slashed || !isWord(k, of) || name == "" {
			return nil, nil, usage(cmd, "%q: want %s/NAME, as the first one", arg, k.words()[0])
		}
		refs[i] = name
	}
	return k, refs, nil
}

func (k kind[T]) words() []string { return append([]string{k.name}, k.aliases...) }

func (k kind[T]) can(verb string) bool {
	switch verb {
	case "describe":
		return k.fields != nil
	case "delete":
		return k.remove != nil
	case "find":
		return k.find != nil
	case "list":
		return k.list != nil
	case "select":
		return k.labelsOf != nil
	case "watch":
		return k.watched != ""
	}
	return true
}

// trim takes kind/ off what -o name printed.
func (k kind[T]) trim(ref string) string { return trimKind(ref, k.name) }

func (k kind[T]) describe(ctx context.Context, c *cli, conn *connection, out output.Printer, namespace string, refs []string) error {
	now := c.now()
	for i, ref := range refs {
		item, err := k.find(ctx, conn, namespace, k.trim(ref))
		if err != nil {
			return err
		}
		if i > 0 && out.Format.People() {
			if err := c.say(""); err != nil {
				return err
			}
		}
		if err := output.One(out, item, func(item T) []output.Field { return k.fields(now, item) }, k.name, k.title); err != nil {
			return err
		}
		if k.details != nil && out.Format.People() {
			if err := k.details(ctx, c, conn, item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k kind[T]) delete(ctx context.Context, c *cli, conn *connection, namespace string, refs []string) error {
	return each(ctx, refs, func(ref string) error {
		item, err := k.find(ctx, conn, namespace, k.trim(ref))
		if err != nil {
			return err
		}
		done, err := k.remove(ctx, conn, item)
		if err != nil {
			return err
		}
		return c.say("%s/%s %s", k.name, k.title(item), done)
	})
}

// finder makes a find of a request by name or id; a thing that is not there is told by its name.
func finder[T any](name, list string, ask func(ctx context.Context, conn *connection, ref string) (T, error)) func(context.Context, *connection, string, string) (T, error) {
	return func(ctx context.Context, conn *connection, _, ref string) (T, error) {
		item, err := ask(ctx, conn, ref)
		if errors.Is(err, client.ErrNotFound) {
			return item, hinted("`"+list+"` shows those that you may see", "there is no %s %q", name, ref)
		}
		return item, err
	}
}

// section writes the title of a part of a description.
func (c *cli) section(title string) error { return c.say("\n%s:", title) }

// emptyIn says that there are none, and where.
func emptyIn(what, namespace string) string {
	if namespace == "" {
		return "no " + what
	}
	return fmt.Sprintf("no %s in namespace %q", what, namespace)
}
