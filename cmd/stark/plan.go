package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPlan(c *cli) *cobra.Command {
	var files, scale, drain []string
	var namespace string
	cmd := &cobra.Command{
		Use:   "plan [-f FILE | DIR | -] [--scale DEPLOYMENT=N] [--drain NODE]",
		Short: "Show where pods would go, and who would have to leave, if one created, scaled or drained",
		Long: `Show where pods would go, who would have to leave, and what would find no place, if the pods and deployments of the files were created, deployments
scaled and nodes drained, all at once. It is decided by the code that decides in earnest, as of now, and nothing is changed.

Documents are those of "stark apply". Of a deployment that exists the replicas count; a rollout to another pack or template is not planned.

The exit code is 0 when nothing would change, 2 when something would, 1 on an error.`,
		Example: `  stark plan -f web.yaml
  stark plan --drain laptop
  stark plan --scale web=40 || echo "exit code $?"`,
		Args:        between(0, 0, ""),
		Annotations: map[string]string{annotationChanges: ""},
	}
	filesFlag(cmd, &files)
	namespaceFlag(cmd, &namespace)
	cmd.Flags().StringArrayVar(&scale, "scale", nil, "give a deployment another number of replicas: NAME=N; repeatable")
	cmd.Flags().StringArrayVar(&drain, "drain", nil, "take the pods off a node; repeatable")
	var changes bool
	c.shows(cmd, func(ctx context.Context, conn *connection, out output.Printer, _ []string) error {
		if len(files)+len(scale)+len(drain) == 0 {
			return usage(cmd, "pass -f FILE, --scale DEPLOYMENT=N or --drain NODE")
		}
		in := wire.PlanRequest{Drain: drain}
		if err := addScales(ctx, conn, namespace, scale, &in); err != nil {
			return err
		}
		if len(files) > 0 {
			wanted, err := c.wanted(cmd, files)
			if err != nil {
				return err
			}
			if err := eachWanted(ctx, wanted, func(w wantedThing) error { return addWanted(ctx, w, &in) }); err != nil {
				return err
			}
		}
		var plan wire.Plan
		if len(in.Pods)+len(in.Deployments)+len(in.Scale)+len(in.Drain) > 0 {
			var err error
			if plan, err = conn.Plan(ctx, in); err != nil {
				return err
			}
		}
		changes = len(plan.Placements)+len(plan.Evictions)+len(plan.Pending)+plan.Hidden > 0
		if !out.Format.People() {
			return output.One(out, plan, nil, "plan", func(wire.Plan) string { return "" })
		}
		return c.tellPlan(plan)
	})
	show := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := show(cmd, args); err != nil {
			return err
		}
		if changes {
			return &statusError{code: exitChanges}
		}
		return nil
	}
	return cmd
}

// addScales reads NAME=N.
func addScales(ctx context.Context, conn *connection, namespace string, scale []string, in *wire.PlanRequest) error {
	for _, s := range scale {
		name, count, _ := strings.Cut(s, "=")
		replicas, err := strconv.ParseInt(count, 10, 32)
		if err != nil || replicas < 0 || name == "" {
			return hinted("for example `--scale web=3`", "--scale %q is not DEPLOYMENT=N", s)
		}
		d, err := findDeployment(ctx, conn, namespace, name)
		if err != nil {
			return err
		}
		in.Scale = append(in.Scale, wire.PlanScale{DeploymentID: d.ID, Replicas: int32(replicas)})
	}
	return nil
}

// addWanted adds what a document would make new, or scale. Of other documents nothing is to be planned.
func addWanted(ctx context.Context, w wantedThing, in *wire.PlanRequest) error {
	if w.plan == nil {
		return nil
	}
	_, exists, err := w.changes(ctx)
	if err != nil {
		return err
	}
	w.plan(exists, in)
	return nil
}

func (c *cli) tellPlan(plan wire.Plan) error {
	if len(plan.Placements)+len(plan.Evictions)+len(plan.Pending)+plan.Hidden == 0 {
		return c.say("nothing would change")
	}
	type row struct {
		what string
		pod  wire.PlannedPod
		why  string
	}
	var rows []row
	for _, p := range plan.Evictions {
		rows = append(rows, row{"leaves", p, p.Reason})
	}
	for _, p := range plan.Placements {
		rows = append(rows, row{"goes to", p, p.Reason})
	}
	for _, p := range plan.Pending {
		rows = append(rows, row{"waits", p, p.Text})
	}
	if err := output.List(c.printer(output.Table), rows, []output.Column[row]{
		{Title: "POD", Cell: func(r row) string { return r.pod.Namespace + "/" + r.pod.Name }},
		{Title: "WOULD", Cell: func(r row) string { return r.what }},
		{Title: "NODE", Cell: func(r row) string { return r.pod.Node }},
		{Title: "BECAUSE", Cell: func(r row) string { return output.Clean(r.why) }},
	}, "", nil); err != nil || plan.Hidden == 0 {
		return err
	}
	return c.say("and %d pods of others, which are not yours to see", plan.Hidden)
}
