package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/manifest"
)

// namespaceSpec is what a document may say of a namespace. A bound or default that it leaves out is left as it is.
type namespaceSpec struct {
	ResourceQuota wire.Quota     `json:"resourceQuota"`
	Defaults      wire.Resources `json:"defaults"`
}

func namespaceThing(conn *connection, doc manifest.Document) (wantedThing, error) {
	var spec namespaceSpec
	if err := errors.Join(unnamespaced(doc), doc.DecodeSpec(&spec)); err != nil {
		return wantedThing{}, err
	}
	if len(doc.Metadata.Annotations) > 0 {
		return wantedThing{}, doc.Wrong("metadata.annotations", "namespaces have none")
	}
	name := doc.Metadata.Name
	var have wire.Namespace // as it was looked at
	return wantedThing{
		ref: "namespace/" + name, want: formOf(doc, spec),
		look: func(ctx context.Context) (_ any, err error) {
			have, err = conn.Namespace(ctx, name)
			return docForm{formMetadata{Labels: have.Labels}, namespaceSpec{have.ResourceQuota, have.Defaults}}, err
		},
		create: func(ctx context.Context) error {
			_, err := conn.CreateNamespace(ctx, wire.NamespaceCreate{Name: name, Labels: doc.Metadata.Labels, ResourceQuota: spec.ResourceQuota, Defaults: spec.Defaults})
			return err
		},
		update: func(ctx context.Context) error {
			patch := wire.NamespacePatch{Labels: given(doc.Metadata.Labels), Revision: &have.Revision}
			// The server replaces quota and defaults whole.
			if q, old := spec.ResourceQuota, have.ResourceQuota; q != (wire.Quota{}) {
				patch.ResourceQuota = &wire.Quota{
					MaxPods: cmp.Or(q.MaxPods, old.MaxPods), MaxCPU: cmp.Or(q.MaxCPU, old.MaxCPU), MaxMemory: cmp.Or(q.MaxMemory, old.MaxMemory),
				}
			}
			if d, old := spec.Defaults, have.Defaults; d != (wire.Resources{}) {
				patch.Defaults = &wire.Resources{CPU: cmp.Or(d.CPU, old.CPU), Memory: cmp.Or(d.Memory, old.Memory)}
			}
			_, err := conn.UpdateNamespace(ctx, name, patch)
			return err
		},
	}, nil
}

// priorityClassSpec is what a document may say of a priority class. A nil field is left as it is.
type priorityClassSpec struct {
	Value            *int32  `json:"value,omitempty"`
	PreemptionPolicy string  `json:"preemptionPolicy,omitempty"`
	GlobalDefault    *bool   `json:"globalDefault,omitempty"`
	Description      *string `json:"description,omitempty"`
}

func priorityClassThing(conn *connection, doc manifest.Document) (wantedThing, error) {
	var spec priorityClassSpec
	if err := errors.Join(unnamespaced(doc), doc.DecodeSpec(&spec)); err != nil {
		return wantedThing{}, err
	}
	if len(doc.Metadata.Annotations) > 0 || len(doc.Metadata.Labels) > 0 {
		return wantedThing{}, doc.Wrong("metadata", "priority classes have a name, and neither labels nor annotations")
	}
	if spec.Value == nil {
		return wantedThing{}, doc.Wrong("spec.value", "is missing: want a whole number")
	}
	name := doc.Metadata.Name
	var have wire.PriorityClass // as it was looked at
	return wantedThing{
		ref: "priorityclass/" + name, want: formOf(doc, spec),
		look: func(ctx context.Context) (_ any, err error) {
			have, err = conn.PriorityClass(ctx, name)
			return docForm{Spec: priorityClassSpec{&have.Value, have.PreemptionPolicy, &have.GlobalDefault, &have.Description}}, err
		},
		create: func(ctx context.Context) error {
			in := wire.PriorityClassCreate{Name: name, Value: spec.Value, PreemptionPolicy: spec.PreemptionPolicy, Description: text(spec.Description)}
			in.GlobalDefault = spec.GlobalDefault != nil && *spec.GlobalDefault
			_, err := conn.CreatePriorityClass(ctx, in)
			return err
		},
		update: func(ctx context.Context) error {
			switch {
			case *spec.Value != have.Value:
				return doc.Wrong("spec.value", "never changes, for pods have copied it: it is %d", have.Value)
			case spec.PreemptionPolicy != "" && spec.PreemptionPolicy != have.PreemptionPolicy:
				return doc.Wrong("spec.preemptionPolicy", "never changes, for pods have copied it: it is %s", have.PreemptionPolicy)
			}
			_, err := conn.UpdatePriorityClass(ctx, name, wire.PriorityClassPatch{
				GlobalDefault: spec.GlobalDefault, Description: spec.Description, Revision: &have.Revision,
			})
			return err
		},
	}, nil
}
