package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/manifest"
)

func newApply(c *cli) *cobra.Command {
	var files []string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE | DIR | -",
		Short: "Make things as files describe them: create what is missing, change what differs",
		Long: `Make things as files describe them: create what is missing, change what differs, leave the rest. YAML or JSON, many documents in a file;
of a folder, its .yaml, .yml and .json files. Nothing is done when any document is wrong.

  apiVersion: stark/v1
  kind: ` + strings.Join(applicableKinds(), " | ") + `
  metadata: {name, namespace, labels, annotations}
  spec: {…}        # the fields that the REST API takes

What a document leaves out is left as it is. A pod never changes: give another name. A node is not made, only labelled, tainted and cordoned.`,
		Example: `  stark apply -f cluster.yaml
  stark apply -f deploy/ --dry-run
  printf 'kind: Namespace\nmetadata: {name: batch}\n' | stark apply -f -`,
		Args: between(0, 0, ""),
	}
	filesFlag(cmd, &files)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		wanted, err := c.wanted(cmd, files)
		if err != nil {
			return err
		}
		return eachWanted(cmd.Context(), wanted, func(w wantedThing) error { return c.applyOne(cmd.Context(), w, dryRun) })
	}
	return cmd
}

func newDiff(c *cli) *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "diff -f FILE | DIR | -",
		Short: "Show what `stark apply` would change",
		Long: `Show what "stark apply" would change, and change nothing.

The exit code is 0 when nothing would change, 2 when something would, 1 on an error.`,
		Example: `  stark diff -f cluster.yaml
  stark diff -f deploy/ || echo "exit code $?"`,
		Args:        between(0, 0, ""),
		Annotations: map[string]string{annotationChanges: ""},
	}
	filesFlag(cmd, &files)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		wanted, err := c.wanted(cmd, files)
		if err != nil {
			return err
		}
		differs := false
		err = eachWanted(cmd.Context(), wanted, func(w wantedThing) error {
			changes, exists, err := w.changes(cmd.Context())
			if err != nil {
				return err
			}
			differs = differs || len(changes) > 0 || !exists
			return c.tellChanges(w.ref, changes, exists)
		})
		if err == nil && differs {
			return &statusError{code: exitChanges}
		}
		return err
	}
	return cmd
}

func filesFlag(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVarP(into, "filename", "f", nil, "file or folder of documents, or - for standard input; repeatable")
	if err := cmd.MarkFlagFilename("filename", "yaml", "yml", "json"); err != nil {
		panic(err) // a slip in this program
	}
}

// wantedThing is a document in terms of its kind.
type wantedThing struct {
	doc  manifest.Document
	ref  string // namespace/batch
	want any    // the document's form, without what it leaves out
	// look gives what there is in the same form, or client.ErrNotFound.
	look   func(context.Context) (have any, err error)
	create func(context.Context) error // nil: it is not made here
	update func(context.Context) error // after look; nil: it never changes
	// plan adds, after look, what it is for placing pods; nil: nothing.
	plan func(exists bool, in *wire.PlanRequest)
}

// wanted reads the documents, all of them before anything is done, and logs in.
func (c *cli) wanted(cmd *cobra.Command, files []string) ([]wantedThing, error) {
	if len(files) == 0 {
		return nil, usage(cmd, "pass -f FILE, -f DIR or -f -")
	}
	docs, err := manifest.Read(files, c.in)
	if err != nil {
		return nil, err
	}
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	var things []wantedThing
	var wrong failures
	seen := map[string]string{}
	for _, doc := range docs {
		thing, err := thingOf(conn, doc)
		if err == nil && seen[thing.ref] != "" {
			err = doc.Wrong("metadata.name", "%s is in %s already", thing.ref, seen[thing.ref])
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		seen[thing.ref] = doc.Where
		things = append(things, thing)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return sorted(things), nil
}

// eachWanted does something with all of them, also after a failure. An error names the document.
func eachWanted(ctx context.Context, things []wantedThing, do func(wantedThing) error) error {
	var failed failures
	for _, thing := range things {
		if err := do(thing); err != nil {
			var placed *manifest.Error
			if !errors.As(err, &placed) {
				err = fmt.Errorf("%s: %w", thing.doc.Where, err)
			}
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// changes is what differs; everything, when it does not exist.
func (w wantedThing) changes(ctx context.Context) (changes []manifest.Change, exists bool, err error) {
	have, err := w.look(ctx)
	switch {
	case isGone(err):
		if w.create == nil {
			return nil, false, err
		}
		have = struct{}{}
	case err != nil:
		return nil, false, err
	default:
		exists = true
	}
	changes, err = manifest.Changes(w.want, have)
	if err == nil && exists && len(changes) > 0 && w.update == nil {
		return nil, true, &manifest.Error{Where: w.doc.Where, Path: changes[0].Path, Cause: hinted(
			"give the new one another name, or delete the old one first: `stark delete "+w.ref+inNamespace(w.doc.Metadata.Namespace)+"`",
			"%s exists, and never changes: it has %s, not %s", w.ref, orNothing(changes[0].Have), changes[0].Want)}
	}
	return changes, exists, err
}

// inNamespace is the flag that a command needs for what is in another namespace than the default one.
func inNamespace(namespace string) string {
	if namespace == "" || namespace == defaultNamespace {
		return ""
	}
	return " -n " + namespace
}

func orNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

// conflictTries is how often a change is tried again that was refused because somebody else was faster. The control loop is somebody: it writes the status
// of a deployment as long as that rolls over.
const conflictTries = 10

// applyOne creates or changes one thing and says so in kubectl's words.
func (c *cli) applyOne(ctx context.Context, w wantedThing, dryRun bool) error {
	for try := 1; ; try++ {
		err := c.tryToApply(ctx, w, dryRun)
		if !errors.Is(err, client.ErrConflict) || try == conflictTries {
			return err
		}
	}
}

func (c *cli) tryToApply(ctx context.Context, w wantedThing, dryRun bool) error {
	changes, exists, err := w.changes(ctx)
	if err != nil {
		return err
	}
	done, act := "unchanged", func(context.Context) error { return nil }
	switch {
	case !exists:
		done, act = "created", w.create
	case len(changes) > 0:
		done, act = "configured", w.update
	}
	if dryRun {
		return c.say("%s %s (dry run)", w.ref, done)
	}
	if err := act(ctx); err != nil {
		return err
	}
	return c.say("%s %s", w.ref, done)
}

func (c *cli) tellChanges(ref string, changes []manifest.Change, exists bool) error {
	switch {
	case !exists:
		if err := c.say("+ %s", ref); err != nil {
			return err
		}
	case len(changes) > 0:
		if err := c.say("~ %s", ref); err != nil {
			return err
		}
	}
	for _, change := range changes {
		if change.Have != "" {
			if err := c.say("  - %s: %s", change.Path, change.Have); err != nil {
				return err
			}
		}
		if err := c.say("  + %s: %s", change.Path, change.Want); err != nil {
			return err
		}
	}
	return nil
}
