package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const cluster = `
kind: Pod
metadata: {name: web, namespace: batch, labels: {app: web}}
spec:
  pack: hello@1.0.0
  resources: {cpu: 500m}
  env: {MODE: fast}
---
kind: Namespace
metadata: {name: batch, labels: {team: data}}
spec: {resourceQuota: {maxPods: 3, maxCpu: "8"}}
---
kind: Node
metadata: {name: laptop, labels: {zone: eu}}
spec: {taints: [{key: gpu, effect: NoSchedule}], unschedulable: true}
`

func TestApply(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.nodes = []wire.Node{{ID: uuid.New(), Name: "laptop", Labels: map[string]string{"zone": "us", "other": "1"}, Revision: 7}}
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	require.NoError(t, os.WriteFile(file, []byte(cluster), 0o600))

	require.Equal(t, exitChanges, s.run("diff", "-f", file))
	require.Contains(t, s.out, "+ namespace/batch\n  + metadata.labels.team: \"data\"\n")
	require.Contains(t, s.out, "~ node/laptop\n  - metadata.labels.zone: \"us\"\n  + metadata.labels.zone: \"eu\"\n")
	require.Empty(t, s.err, "that something would change is no error")
	require.Equal(t, "namespace/batch created (dry run)\nnode/laptop configured (dry run)\npod/web created (dry run)\n", s.must("apply", "-f", file, "--dry-run"))
	require.Empty(t, f.created)

	require.Equal(t, "namespace/batch created\nnode/laptop configured\npod/web created\n", s.must("apply", "-f", file), "what others need comes first")
	eu := "eu"
	require.Equal(t, map[string]*string{"zone": &eu}, f.nodePatch.Labels)
	require.EqualValues(t, 7, *f.nodePatch.Revision)
	require.Equal(t, &[]core.Taint{{Key: "gpu", Effect: core.EffectNoSchedule}}, f.nodePatch.Taints)
	require.Equal(t, []wire.PodCreate{{
		Name: "web", Namespace: "batch", Pack: "hello", Version: "1.0.0", Labels: map[string]string{"app": "web"}, Env: map[string]string{"MODE": "fast"},
		Resources: wire.Resources{CPU: "500m"},
	}}, f.created)
	require.EqualValues(t, 3, *f.namespaces[1].ResourceQuota.MaxPods)

	f.nodes[0].Taints = *f.nodePatch.Taints
	f.pods[0].Labels, f.pods[0].Resources.CPU = map[string]string{"app": "web"}, "0.5"
	require.Equal(t, "namespace/batch unchanged\nnode/laptop unchanged\npod/web unchanged\n", s.must("apply", "-f", file))
	require.Empty(t, s.must("diff", "-f", file))
}

func TestApplyRefusals(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.pods = pods("web")
	for text, want := range map[string]string{
		"kind: Pid\nmetadata: {name: a}":                                                  "document 1 (Pid a): kind: \"Pid\" is not one of Namespace, PriorityClass, Node, Deployment, Pod",
		"kind: Pod\nmetadata: {name: a}":                                                  "spec.pack: is missing",
		"kind: Pod\nmetadata: {name: a}\nspec: {pack: x, lables: {}}":                     "spec.lables: there is no such field",
		"kind: Pod\nmetadata: {name: a}\nspec: {pack: x, labels: {a: b}}":                 "spec.labels: belongs under metadata",
		"kind: Node\nmetadata: {name: a, namespace: b}":                                   "metadata.namespace: a Node is in no namespace",
		"kind: Namespace\nmetadata: {name: a, annotations: {b: c}}":                       "metadata.annotations: namespaces have none",
		"kind: Namespace\nmetadata: {name: a}\n---\nkind: Namespace\nmetadata: {name: a}": "namespace/a is in standard input: document 1",
		"kind: Namespace\nmetadata: {name: new}\n---\nkind: Oops\nmetadata: {name: a}":    "document 2",
		"": "there are no documents",
	} {
		s.in = text
		require.Equal(t, exitError, s.run("apply", "-f", "-"), text)
		require.Contains(t, s.err, want, text)
		require.Empty(t, s.out, "nothing is done when any document is wrong")
	}
	for text, want := range map[string]string{
		"kind: Node\nmetadata: {name: gone}":                          "hint: start its agent first",
		"kind: Pod\nmetadata: {name: web}\nspec: {pack: hello@2.0.0}": `spec.version: pod/web exists, and never changes: it has "1.0.0", not "2.0.0"`,
	} {
		s.in = text + "\n---\nkind: Namespace\nmetadata: {name: default}\n"
		require.Equal(t, exitError, s.run("apply", "-f", "-"), text)
		require.Contains(t, s.err, want, text)
		require.Contains(t, s.out, "namespace/default unchanged\n", "the others are still done")
	}
	require.Equal(t, exitUsage, s.run("apply"))
	require.Equal(t, exitError, s.run("diff"), "2 would say that something would change")
}
