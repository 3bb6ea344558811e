package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/control/rollout"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newDeploy(c *cli) *cobra.Command {
	cmd := group("deploy", "Keep pods of a pack running, and roll them over to another version",
		newDeployCreate(c),
		newDeployList(c),
		newDeployGet(c),
		newDescribeOf(c, deploymentKind(), `  stark deploy describe web`),
		newDeployUpdate(c),
		newDeployScale(c),
		group("rollout", "Follow, pause and undo rollouts",
			newRolloutStatus(c),
			newRolloutHistory(c),
			newRolloutUndo(c, "undo"),
			newRolloutPause(c, true),
			newRolloutPause(c, false),
		),
		newRolloutUndo(c, "rollback"),
		newDeleteOf(c, deploymentKind(), "Delete deployments; their pods are asked to stop", `  stark deploy delete web
  stark deploy delete web api -n staging`),
	)
	cmd.Aliases = []string{"deployment", "deployments"}
	return cmd
}

func deploymentKind() kind[wire.Deployment] {
	return kind[wire.Deployment]{
		name: "deployment", aliases: []string{"deployments", "deploy"}, namespaced: true, watched: wire.WatchDeployments,
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Deployment, bool, error) {
			return conn.Deployments(ctx, client.DeploymentFilter{Namespace: s.namespace}, s.limit)
		},
		find: findDeployment,
		remove: func(ctx context.Context, conn *connection, d wire.Deployment) (string, error) {
			return "deleted", conn.DeleteDeployment(ctx, d.ID)
		},
		columns: deploymentColumns, fields: deploymentFields, details: deploymentDetails, title: deploymentName,
		labelsOf: func(d wire.Deployment) map[string]string { return d.Labels },
		identity: func(d wire.Deployment) (string, int64) { return d.ID.String(), d.Revision },
	}
}

func deploymentName(d wire.Deployment) string { return d.Name }

// findDeployment is the deployment with that id, or with that name in the namespace.
func findDeployment(ctx context.Context, conn *connection, namespace, ref string) (wire.Deployment, error) {
	if id, ok := asID(ref); ok {
		return conn.Deployment(ctx, id)
	}
	name := trimKind(ref, "deployment")
	all, _, err := conn.Deployments(ctx, client.DeploymentFilter{Namespace: namespace, Name: name}, 1)
	if err != nil {
		return wire.Deployment{}, err
	}
	if len(all) == 0 {
		return wire.Deployment{}, hinted("`stark deploy list -A` shows the deployments of all namespaces", "there is no deployment %q in namespace %q", name, namespace)
	}
	return all[0], nil
}

func deploymentPack(d wire.Deployment) string {
	if d.PackName == "" {
		return d.PackID.String() // private, and someone else's
	}
	return d.PackName + "@" + d.PackVersion
}

// wantedPods is how many a deployment should have; of a daemonset the control loop says it.
func wantedPods(d wire.Deployment) int {
	if d.Mode == "daemonset" {
		return rollout.ParseStatus(d.Status).Desired
	}
	return int(d.Replicas)
}

// rolloutState is how a deployment is, in a word or two.
func rolloutState(d wire.Deployment) string {
	if d.ObservedGeneration != d.Generation {
		return "rolling out"
	}
	status := rollout.ParseStatus(d.Status)
	state := "rolling out"
	for _, c := range status.Conditions {
		switch {
		case c.Type == rollout.Failing && c.Status:
			return "failing"
		case c.Type != rollout.Progressing:
		case c.Reason == rollout.ReasonComplete:
			state = "complete"
		case c.Reason == rollout.ReasonPaused:
			state = "paused"
		case c.Reason == rollout.ReasonDeadlineExceeded:
			state = "stuck"
		case c.Reason == rollout.ReasonCrashLoop:
			state = "crashing"
		}
	}
	if state == "complete" && status.Available < wantedPods(d) {
		return "degraded"
	}
	return state
}

func deploymentColumns(now func() time.Time, allNamespaces bool) []output.Column[wire.Deployment] {
	status := func(d wire.Deployment) rollout.Status { return rollout.ParseStatus(d.Status) }
	columns := []output.Column[wire.Deployment]{
		{Title: "NAME", Cell: deploymentName},
		{Title: "PACK", Cell: deploymentPack},
		{Title: "READY", Cell: func(d wire.Deployment) string { return fmt.Sprintf("%d/%d", status(d).Ready, wantedPods(d)) }},
		{Title: "UPDATED", Cell: func(d wire.Deployment) string { return fmt.Sprint(status(d).Updated) }},
		{Title: "AVAILABLE", Cell: func(d wire.Deployment) string { return fmt.Sprint(status(d).Available) }},
		{Title: "STATE", Tint: true, Cell: rolloutState},
		{Title: "AGE", Cell: func(d wire.Deployment) string { return output.Age(now(), d.CreatedAt) }},
		{Title: "GENERATION", Wide: true, Cell: func(d wire.Deployment) string { return fmt.Sprint(d.Generation) }},
		{Title: "MODE", Wide: true, Cell: func(d wire.Deployment) string { return d.Mode }},
		{Title: "ID", Wide: true, Cell: func(d wire.Deployment) string { return d.ID.String() }},
		{Title: "LABELS", Wide: true, Cell: func(d wire.Deployment) string { return output.Labels(d.Labels) }},
	}
	if !allNamespaces {
		return columns
	}
	namespace := output.Column[wire.Deployment]{Title: "NAMESPACE", Cell: func(d wire.Deployment) string { return d.Namespace }}
	return append([]output.Column[wire.Deployment]{namespace}, columns...)
}

func deploymentFields(now time.Time, d wire.Deployment) []output.Field {
	s := rollout.ParseStatus(d.Status)
	follows := ""
	if d.FollowLatest {
		follows = "the latest version"
	}
	fields := []output.Field{
		{Label: "Name", Value: d.Name},
		{Label: "Namespace", Value: d.Namespace},
		{Label: "ID", Value: d.ID.String()},
		{Label: "Pack", Value: deploymentPack(d)},
		{Label: "Follows", Value: follows},
		{Label: "Mode", Value: d.Mode},
		{Label: "State", Value: rolloutState(d), Tint: true},
		{Label: "Pods", Value: fmt.Sprintf("%d wanted, %d updated, %d ready, %d available", wantedPods(d), s.Updated, s.Ready, s.Available)},
		{Label: "Generation", Value: fmt.Sprintf("%d (last rolled out: %d)", d.Generation, s.Stable)},
		{Label: "Strategy", Value: someJSON(d.Strategy, "{}")},
		{Label: "Template", Value: someJSON(d.Spec, "{}")},
		{Label: "Labels", Value: output.Labels(d.Labels)},
		{Label: "Created", Value: moment(now, &d.CreatedAt)},
	}
	if back := s.RolledBack; back != nil {
		fields = append(fields, output.Field{Label: "Taken back", Value: fmt.Sprintf("generation %d (version %s), to generation %d", back.From, back.Version, back.To)})
	}
	for _, c := range s.Conditions {
		if c.Message != "" {
			fields = append(fields, output.Field{Label: c.Type, Value: fmt.Sprintf("%t: %s", c.Status, c.Message)})
		}
	}
	return fields
}

// deploymentDetails are its pods.
func deploymentDetails(ctx context.Context, c *cli, conn *connection, d wire.Deployment) error {
	pods, _, err := conn.Pods(ctx, client.PodFilter{DeploymentID: d.ID.String()}, 50)
	if err != nil || len(pods) == 0 {
		return err
	}
	if err := c.section("Pods"); err != nil {
		return err
	}
	return output.List(c.printer(output.Table), pods, podColumns(c.now, false), "pod", podName)
}

func newDeployList(c *cli) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deployments, newest first",
		Example: `  stark deploy list
  stark deploy list -A -w`,
		Args: between(0, 0, ""),
	}
	return newList(c, cmd, &o, deploymentKind(), nil)
}

func newDeployGet(c *cli) *cobra.Command {
	cmd := newShow(c, deploymentKind(), "get NAME | ID", "Show one deployment", `  stark deploy get web
  stark deploy status web -o yaml`)
	cmd.Aliases = []string{"status"}
	return cmd
}
