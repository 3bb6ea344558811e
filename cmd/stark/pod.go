package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPod(c *cli) *cobra.Command {
	cmd := group("pod", "Run pods and look at them",
		newPodRun(c),
		newPodList(c),
		newPodGet(c),
		newPodDescribe(c),
		newPodLogs(c),
		newPodWait(c),
		newPodHistory(c),
		newPodExplain(c),
		newPodStop(c),
		newPodRollback(c),
		newPodDelete(c),
	)
	cmd.Aliases = []string{"pods"}
	return cmd
}

// podKind are pods; the filter narrows lists of them.
func podKind(filter client.PodFilter) kind[wire.Pod] {
	return kind[wire.Pod]{
		name: "pod", aliases: []string{"pods", "po"}, namespaced: true, watched: wire.WatchPods, selects: true,
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Pod, bool, error) {
			f := filter
			f.Namespace, f.LabelSelector = s.namespace, s.labels.String()
			return conn.Pods(ctx, f, s.limit)
		},
		find: findPod,
		remove: func(ctx context.Context, conn *connection, p wire.Pod) (string, error) {
			return "deleted", conn.DeletePod(ctx, p.ID)
		},
		columns: podColumns, fields: podFields, details: podDetails, title: podName,
		labelsOf: func(p wire.Pod) map[string]string { return p.Labels },
		identity: func(p wire.Pod) (string, int64) { return p.ID.String(), p.Revision },
		admits: func(p wire.Pod) bool {
			return (filter.Status == "" || string(p.Status) == filter.Status) && (filter.PackID == "" || p.PackID.String() == filter.PackID) &&
				hasFields(filter.FieldSelector, p)
		},
	}
}

// hasFields says whether a pod that a watch tells of has the fields that the server has narrowed the list by. The server refuses a selector that it does not know.
func hasFields(selector string, p wire.Pod) bool {
	parsed, err := fields.ParseSelector(selector)
	return err == nil && parsed.Matches(fields.Set{
		"metadata.name": p.Name, "metadata.namespace": p.Namespace, "spec.nodeName": p.NodeName, "status.phase": string(p.Status), "status": string(p.Status),
	})
}

func podName(p wire.Pod) string { return p.Name }

// findPod is the pod with that id, or with that name in the namespace.
func findPod(ctx context.Context, conn *connection, namespace, ref string) (wire.Pod, error) {
	if id, ok := asID(ref); ok {
		return conn.Pod(ctx, id)
	}
	name := trimKind(ref, "pod")
	pods, _, err := conn.Pods(ctx, client.PodFilter{Namespace: namespace, Name: name}, 2)
	if err != nil {
		return wire.Pod{}, err
	}
	for _, p := range pods {
		if p.Name == name && p.Namespace == namespace {
			return p, nil
		}
	}
	return wire.Pod{}, hinted("`stark pod list -A` shows the pods of all namespaces", "there is no pod %q in namespace %q", name, namespace)
}

// waitingFor is why a pod is still pending, as the scheduler put it; what cannot be read is left out of lists.
func waitingFor(p wire.Pod) string {
	why, err := whyPending(p)
	if err != nil || why == nil {
		return ""
	}
	return why.Text
}

// because is the reason of a status in brackets, or "".
func because(p wire.Pod) string {
	if p.Reason == "" {
		return ""
	}
	return " (" + p.Reason + ")"
}

// reasonOf is why a pod is in its status, or why it is about to leave it.
func reasonOf(p wire.Pod) string {
	if p.Eviction != "" {
		return p.Eviction
	}
	return p.Reason
}

func packOf(p wire.Pod) string {
	if p.PackName == "" {
		return p.PackID.String() // private, and someone else's
	}
	return p.PackName + "@" + p.PackVersion
}

func podColumns(now func() time.Time, allNamespaces bool) []output.Column[wire.Pod] {
	columns := []output.Column[wire.Pod]{
		{Title: "NAME", Cell: podName},
		{Title: "PACK", Cell: packOf},
		{Title: "STATUS", Tint: true, Cell: func(p wire.Pod) string { return string(p.Status) }},
		{Title: "REASON", Cell: reasonOf},
		{Title: "RESTARTS", Cell: func(p wire.Pod) string { return fmt.Sprint(p.Restarts) }},
		{Title: "NODE", Cell: func(p wire.Pod) string { return p.NodeName }},
		{Title: "AGE", Cell: func(p wire.Pod) string { return output.Age(now(), p.CreatedAt) }},
		{Title: "ID", Wide: true, Cell: func(p wire.Pod) string { return p.ID.String() }},
		{Title: "CPU", Wide: true, Cell: func(p wire.Pod) string { return p.Resources.CPU }},
		{Title: "MEMORY", Wide: true, Cell: func(p wire.Pod) string { return p.Resources.Memory }},
		{Title: "PRIORITY", Wide: true, Cell: func(p wire.Pod) string { return fmt.Sprint(p.Priority) }},
		{Title: "LABELS", Wide: true, Cell: func(p wire.Pod) string { return output.Labels(p.Labels) }},
		{Title: "WAITING FOR", Wide: true, Cell: waitingFor},
	}
	if !allNamespaces {
		return columns
	}
	namespace := output.Column[wire.Pod]{Title: "NAMESPACE", Cell: func(p wire.Pod) string { return p.Namespace }}
	return append([]output.Column[wire.Pod]{namespace}, columns...)
}
