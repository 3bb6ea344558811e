package main

import (
	"context"
	"encoding/json"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/manifest"
)

// deploymentSpec is what a document may say of a deployment. What is left out stays as it is.
type deploymentSpec struct {
	Pack         string          `json:"pack,omitempty"` // NAME or NAME@VERSION
	Version      string          `json:"version,omitempty"`
	FollowLatest *bool           `json:"followLatest,omitempty"`
	Mode         string          `json:"mode,omitempty"`
	Replicas     *int32          `json:"replicas,omitempty"`
	Template     json.RawMessage `json:"template,omitempty"` // of its pods
	Strategy     json.RawMessage `json:"strategy,omitempty"`
	Paused       *bool           `json:"paused,omitempty"`
	HistoryLimit *int32          `json:"historyLimit,omitempty"`
}

func deploymentThing(conn *connection, doc manifest.Document) (wantedThing, error) {
	var spec deploymentSpec
	if err := doc.DecodeSpec(&spec); err != nil {
		return wantedThing{}, err
	}
	if spec.Pack == "" {
		return wantedThing{}, doc.Wrong("spec.pack", "is missing: want NAME or NAME@VERSION")
	}
	if spec.Version == "" {
		spec.Pack, spec.Version = splitPack(spec.Pack)
	}
	namespace := doc.Metadata.Namespace
	if namespace == "" {
		namespace = defaultNamespace
	}
	want := spec
	if want.Version == "latest" {
		want.Version = "" // whatever it is by now
	}
	create := wire.DeploymentCreate{
		Name: doc.Metadata.Name, Namespace: namespace, Pack: spec.Pack, Version: spec.Version, FollowLatest: spec.FollowLatest != nil && *spec.FollowLatest,
		Mode: spec.Mode, Replicas: spec.Replicas, Spec: spec.Template, Strategy: spec.Strategy, Paused: spec.Paused != nil && *spec.Paused,
		HistoryLimit: spec.HistoryLimit, Labels: doc.Metadata.Labels, Annotations: doc.Metadata.Annotations,
	}
	var have wire.Deployment // as it was looked at
	return wantedThing{
		ref: "deployment/" + doc.Metadata.Name, want: formOf(doc, want),
		look: func(ctx context.Context) (any, error) {
			all, _, err := conn.Deployments(ctx, client.DeploymentFilter{Namespace: namespace, Name: doc.Metadata.Name}, 1)
			switch {
			case err != nil:
				return nil, err
			case len(all) == 0:
				return nil, client.ErrNotFound
			}
			have = all[0]
			return docForm{formMetadata{have.Labels, have.Annotations}, deploymentSpec{
				Pack: have.PackName, Version: have.PackVersion, FollowLatest: &have.FollowLatest, Mode: have.Mode, Replicas: &have.Replicas,
				Template: have.Spec, Strategy: have.Strategy, Paused: &have.Paused, HistoryLimit: &have.HistoryLimit,
			}}, nil
		},
		create: func(ctx context.Context) error {
			_, err := conn.CreateDeployment(ctx, create)
			return err
		},
		plan: func(exists bool, in *wire.PlanRequest) {
			switch {
			case !exists:
				in.Deployments = append(in.Deployments, create)
			case spec.Replicas != nil && *spec.Replicas != have.Replicas:
				in.Scale = append(in.Scale, wire.PlanScale{DeploymentID: have.ID, Replicas: *spec.Replicas})
			}
		},
		update: func(ctx context.Context) error {
			if spec.Mode != "" && spec.Mode != have.Mode {
				return doc.Wrong("spec.mode", "never changes: it is %s", have.Mode)
			}
			patch := wire.DeploymentPatch{
				FollowLatest: spec.FollowLatest, Replicas: spec.Replicas, Spec: spec.Template, Strategy: spec.Strategy, Paused: spec.Paused,
				HistoryLimit: spec.HistoryLimit, Labels: given(doc.Metadata.Labels), Annotations: given(doc.Metadata.Annotations), Revision: &have.Revision,
			}
			if spec.Pack != have.PackName || (spec.Version != "" && spec.Version != have.PackVersion) {
				patch.Pack, patch.Version = spec.Pack, spec.Version
			}
			_, err := conn.UpdateDeployment(ctx, have.ID, patch)
			return err
		},
	}, nil
}
