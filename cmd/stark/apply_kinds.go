package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/manifest"
)

// applicable are the kinds of documents, in the order in which they are applied: what others need comes first.
var applicable = []struct {
	name string
	of   func(*connection, manifest.Document) (wantedThing, error)
}{
	{"Namespace", namespaceThing},
	{"PriorityClass", priorityClassThing},
	{"Node", nodeThing},
	{"Deployment", deploymentThing},
	{"Pod", podThing},
}

func applicableKinds() []string {
	names := make([]string, len(applicable))
	for i, k := range applicable {
		names[i] = k.name
	}
	return names
}

func thingOf(conn *connection, doc manifest.Document) (wantedThing, error) {
	for _, k := range applicable {
		if k.name == doc.Kind {
			thing, err := k.of(conn, doc)
			thing.doc = doc
			return thing, err
		}
	}
	return wantedThing{}, doc.Wrong("kind", "%q is not one of %s", doc.Kind, strings.Join(applicableKinds(), ", "))
}

// sorted puts them in the order of their kinds; within a kind the order of the documents stays.
func sorted(things []wantedThing) []wantedThing {
	rank := func(w wantedThing) int { return slices.Index(applicableKinds(), w.doc.Kind) }
	slices.SortStableFunc(things, func(a, b wantedThing) int { return rank(a) - rank(b) })
	return things
}

func isGone(err error) bool { return errors.Is(err, client.ErrNotFound) }

// docForm is a document's form: metadata without the name, and a spec.
type docForm struct {
	Metadata formMetadata `json:"metadata"`
	Spec     any          `json:"spec"`
}

type formMetadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func formOf(doc manifest.Document, spec any) docForm {
	return docForm{formMetadata{doc.Metadata.Labels, doc.Metadata.Annotations}, spec}
}

// unnamespaced refuses a namespace where there is none.
func unnamespaced(doc manifest.Document) error {
	if doc.Metadata.Namespace != "" {
		return doc.Wrong("metadata.namespace", "a %s is in no namespace", doc.Kind)
	}
	return nil
}

// nodeSpec is what a document may say of a node. A nil field is left as it is.
type nodeSpec struct {
	Taints        *[]core.Taint `json:"taints,omitempty"`
	Unschedulable *bool         `json:"unschedulable,omitempty"`
	Access        *core.Access  `json:"access,omitempty"`
}

func nodeThing(conn *connection, doc manifest.Document) (wantedThing, error) {
	var spec nodeSpec
	if err := errors.Join(unnamespaced(doc), doc.DecodeSpec(&spec)); err != nil {
		return wantedThing{}, err
	}
	var node wire.Node // as it was looked at
	return wantedThing{
		ref: "node/" + doc.Metadata.Name, want: formOf(doc, spec),
		look: func(ctx context.Context) (have any, err error) {
			node, err = conn.Node(ctx, doc.Metadata.Name)
			if isGone(err) {
				err = doc.Wrong("metadata.name", "%w", hinted("start its agent first: `stark agent --name "+doc.Metadata.Name+"`", "there is no node %q", doc.Metadata.Name))
			}
			return docForm{formMetadata{node.Labels, node.Annotations}, nodeSpec{&node.Taints, &node.Unschedulable, &node.Access}}, err
		},
		update: func(ctx context.Context) error {
			_, err := conn.UpdateNode(ctx, node.ID.String(), wire.NodePatch{
				Labels: given(doc.Metadata.Labels), Annotations: given(doc.Metadata.Annotations),
				Taints: spec.Taints, Unschedulable: spec.Unschedulable, Access: spec.Access, Revision: &node.Revision,
			})
			return err
		},
	}, nil
}

// given is a map as a patch takes it.
func given(m map[string]string) map[string]*string {
	patch := make(map[string]*string, len(m))
	for key, value := range maps.All(m) {
		patch[key] = &value
	}
	return patch
}

func podThing(conn *connection, doc manifest.Document) (wantedThing, error) {
	create, err := podOf(doc)
	if err != nil {
		return wantedThing{}, err
	}
	spec := create
	spec.Name, spec.Namespace, spec.Labels, spec.Annotations = "", "", nil, nil
	return wantedThing{
		ref: "pod/" + create.Name, want: formOf(doc, spec),
		look: func(ctx context.Context) (any, error) {
			pods, _, err := conn.Pods(ctx, client.PodFilter{Namespace: create.Namespace, Name: create.Name}, 1)
			switch {
			case err != nil:
				return nil, err
			case len(pods) == 0:
				return nil, client.ErrNotFound
			}
			return livePod(pods[0]), nil
		},
		create: func(ctx context.Context) error {
			_, err := conn.CreatePod(ctx, create)
			return err
		},
		plan: func(exists bool, in *wire.PlanRequest) {
			if !exists {
				in.Pods = append(in.Pods, create)
			}
		},
	}, nil
}

// podOf is the request that a document makes. What it is called and labelled stands in its metadata.
func podOf(doc manifest.Document) (wire.PodCreate, error) {
	var in wire.PodCreate
	if err := doc.DecodeSpec(&in); err != nil {
		return in, err
	}
	for field, set := range map[string]bool{"name": in.Name != "", "namespace": in.Namespace != "", "labels": in.Labels != nil, "annotations": in.Annotations != nil} {
		if set {
			return in, doc.Wrong("spec."+field, "belongs under metadata")
		}
	}
	if in.PackID == nil && in.Pack == "" {
		return in, doc.Wrong("spec.pack", "is missing: want NAME or NAME@VERSION")
	}
	if in.Version == "" {
		in.Pack, in.Version = splitPack(in.Pack)
	}
	in.Name, in.Namespace = doc.Metadata.Name, doc.Metadata.Namespace
	if in.Namespace == "" {
		in.Namespace = defaultNamespace
	}
	in.Labels, in.Annotations = doc.Metadata.Labels, doc.Metadata.Annotations
	return in, nil
}

// livePod is a pod in the form of a document.
func livePod(p wire.Pod) docForm {
	class := text(p.PriorityClass)
	return docForm{formMetadata{p.Labels, p.Annotations}, wire.PodCreate{
		PackID: &p.PackID, Pack: p.PackName, Version: p.PackVersion, Resources: p.Resources, PriorityClass: class, Env: p.Env, Args: p.Args,
		Metadata: p.Metadata, NodeSelector: p.NodeSelector, Tolerations: p.Tolerations, Affinity: p.Affinity, TopologySpread: p.TopologySpread,
		SchedulingGroup: p.SchedulingGroup, SchedulingGroupSize: p.SchedulingGroupSize, GracePeriodMS: &p.GracePeriodMS,
	}}
}
