package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/control/rollout"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
	"github.com/stark-o/stark/cmd/stark/internal/output"
	"github.com/stark-o/stark/cmd/stark/internal/progress"
)

func newRolloutStatus(c *cli) *cobra.Command {
	var namespace string
	var timeout time.Duration
	var watch bool
	cmd := &cobra.Command{
		Use:   "status NAME | ID",
		Short: "Follow a rollout to its end",
		Long:  `Follow a rollout to its end. The exit code is 1 when it was taken back, stands still or crashes.`,
		Example: `  stark deploy rollout status web
  stark deploy rollout status web --timeout 2m
  stark deploy rollout status web --watch=false`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this long; 0 is never")
	cmd.Flags().BoolVarP(&watch, "watch", "w", true, "follow it to its end; --watch=false says how far it is and ends")
	completes(c, cmd, deploymentKind(), false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.onDeployment(cmd.Context(), namespace, args[0], func(conn *connection, d wire.Deployment) error {
			if watch {
				return c.awaitRollout(cmd.Context(), conn, d, timeout)
			}
			a := &awaiting{cli: c, conn: conn, d: d}
			switch err := a.look(d); {
			case errors.Is(err, follow.ErrDone):
				return c.say("deployment/%s is rolled out", d.Name)
			case err != nil:
				return err
			}
			return c.say("deployment/%s: %s", d.Name, a.told)
		})
	}
	return cmd
}

// awaiting follows one deployment until its generation is rolled out, or will not be.
type awaiting struct {
	*cli
	conn *connection
	d    wire.Deployment
	told string         // last
	line *progress.Line // where it is told; nil for nowhere
}

// awaitRollout waits until a deployment is rolled out and says how far it is whenever that changes.
func (c *cli) awaitRollout(ctx context.Context, conn *connection, d wire.Deployment, timeout time.Duration) error {
	waiting, cancel := limit(ctx, timeout)
	defer cancel()
	a := &awaiting{cli: c, conn: conn, d: d, line: &progress.Line{W: c.err, Terminal: output.IsTerminal(c.err) && c.env("TERM") != "dumb"}}
	query := wire.WatchQuery{Kinds: []wire.WatchKind{wire.WatchDeployments}, Namespace: d.Namespace}
	err := follow.Changed(waiting, conn, query, follow.Changes{List: a.list, Change: a.change}, c.pace)
	a.line.Clear()
	switch {
	case errors.Is(err, errTimeout):
		return hinted("`stark deploy describe "+d.Name+inNamespace(d.Namespace)+"` shows its pods", "gave up waiting for deployment/%s: %s", d.Name, a.told)
	case errors.Is(err, context.Canceled):
		c.note("the rollout of deployment/%s goes on without this command", d.Name)
		return err
	case err != nil:
		return err
	}
	return c.say("deployment/%s is rolled out", d.Name)
}

func (a *awaiting) list(ctx context.Context) error {
	d, err := a.conn.Deployment(ctx, a.d.ID)
	if err != nil {
		return err
	}
	return a.look(d)
}

func (a *awaiting) change(_ context.Context, change client.Change) error {
	if change.Type == wire.WatchDelete {
		if change.ID == a.d.ID.String() {
			return fmt.Errorf("deployment/%s was deleted", a.d.Name)
		}
		return nil
	}
	var d wire.Deployment
	if err := json.Unmarshal(change.Object, &d); err != nil {
		return fmt.Errorf("read a changed deployment: %w", err)
	}
	if d.ID != a.d.ID {
		return nil
	}
	return a.look(d)
}

// look says how far it is, and ends the waiting when there is nothing more to wait for.
func (a *awaiting) look(d wire.Deployment) error {
	status := rollout.ParseStatus(d.Status)
	if back := status.RolledBack; back != nil && back.From == a.d.Generation {
		return hinted("`stark pod list -n "+d.Namespace+" --status failed` and `stark pod logs` show why", "generation %d of deployment/%s crashed; it is back at generation %d", back.From, d.Name, back.To)
	}
	if d.Generation > a.d.Generation {
		return fmt.Errorf("deployment/%s was changed meanwhile: it is generation %d now", d.Name, d.Generation)
	}
	if d.ObservedGeneration < d.Generation {
		a.tell("waiting for the control loop", 0, 0)
		return nil
	}
	wanted := wantedPods(d)
	if status.Stable == d.Generation && status.Desired == wanted && status.Available >= wanted && status.Replicas == wanted {
		return follow.ErrDone
	}
	for _, c := range status.Conditions {
		switch {
		case c.Type == rollout.Failing && c.Status:
			a.tell(c.Message, 0, 0)
			return nil
		case c.Type != rollout.Progressing:
		case c.Reason == rollout.ReasonDeadlineExceeded, c.Reason == rollout.ReasonCrashLoop, c.Reason == rollout.ReasonPaused:
			return hinted("`stark deploy describe "+d.Name+inNamespace(d.Namespace)+"` shows its pods", "deployment/%s: %s", d.Name, c.Message)
		}
	}
	old, surplus := max(status.Replicas-status.Updated, 0), max(status.Updated-wanted, 0)
	what := fmt.Sprintf("%d of %d pods are updated, %d available", status.Updated-surplus, wanted, status.Available)
	if old > 0 {
		what += fmt.Sprintf(", %d old still run", old)
	}
	if surplus > 0 {
		what += fmt.Sprintf(", %d too many", surplus)
	}
	a.tell(what, min(status.Updated, max(status.Available-old, 0)), wanted)
	return nil
}

// tell says how far it is: so many pods of so many are as they should be.
func (a *awaiting) tell(what string, done, total int) {
	a.told = what
	if a.line != nil {
		a.line.Tell(fmt.Sprintf("deployment/%s: %s", a.d.Name, what), done, total)
	}
}

func newRolloutHistory(c *cli) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "history NAME | ID",
		Short: "List the generations that can be rolled back to, newest first",
		Example: `  stark deploy rollout history web
  stark deploy rollout history web -o yaml`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, deploymentKind(), false)
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, args []string) error {
		d, err := findDeployment(ctx, conn, namespace, args[0])
		if err != nil {
			return err
		}
		all, err := conn.DeploymentRevisions(ctx, d.ID)
		if err != nil {
			return err
		}
		title := func(r wire.DeploymentRevision) string { return fmt.Sprint(r.Generation) }
		return output.List(out, all, []output.Column[wire.DeploymentRevision]{
			{Title: "GENERATION", Cell: title},
			{Title: "PACK", Cell: func(r wire.DeploymentRevision) string {
				if r.PackName == "" {
					return r.PackID.String()
				}
				return r.PackName + "@" + r.PackVersion
			}},
			{Title: "AGE", Cell: func(r wire.DeploymentRevision) string { return output.Age(c.now(), r.CreatedAt) }},
			{Title: "TEMPLATE", Cell: func(r wire.DeploymentRevision) string { return string(r.Spec) }},
		}, "generation", title)
	})
	return cmd
}

func newRolloutUndo(c *cli, use string) *cobra.Command {
	var namespace string
	var generation int64
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   use + " NAME | ID",
		Short: "Roll a deployment back to what it was before",
		Long: `Roll a deployment back to what it was before, or with --to-revision to any generation that is kept. What it was becomes the next generation;
following the latest version ends.`,
		Example: `  stark deploy rollback web
  stark deploy rollout undo web --to-revision 3 --wait`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	cmd.Flags().Int64Var(&generation, "to-revision", 0, "generation to go back to (default the one before)")
	waitFlags(cmd, &wait, &timeout)
	completes(c, cmd, deploymentKind(), false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if generation < 0 {
			return usage(cmd, "--to-revision %d: want one of `stark deploy rollout history`", generation)
		}
		return c.onDeployment(cmd.Context(), namespace, args[0], func(conn *connection, d wire.Deployment) error {
			d, err := conn.RollBackDeployment(cmd.Context(), d.ID, generation)
			if err != nil {
				return err
			}
			if err := c.say("deployment/%s rolled back: %s, generation %d", d.Name, deploymentPack(d), d.Generation); err != nil || !wait {
				return err
			}
			return c.awaitRollout(cmd.Context(), conn, d, timeout)
		})
	}
	return cmd
}

func newRolloutPause(c *cli, pause bool) *cobra.Command {
	var namespace string
	use, short, done := "pause", "Keep pods as they are, whatever changes", "paused"
	if !pause {
		use, short, done = "resume", "Go on rolling over", "resumed"
	}
	cmd := &cobra.Command{
		Use: use + " NAME | ID", Short: short, Args: between(1, 1, "NAME"),
		Example: "  stark deploy rollout " + use + " web",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.onDeployment(cmd.Context(), namespace, args[0], func(conn *connection, d wire.Deployment) error {
				d, err := conn.UpdateDeployment(cmd.Context(), d.ID, wire.DeploymentPatch{Paused: &pause})
				if err != nil {
					return err
				}
				return c.say("deployment/%s %s", d.Name, done)
			})
		},
	}
	namespaceFlag(cmd, &namespace)
	completes(c, cmd, deploymentKind(), false)
	return cmd
}
