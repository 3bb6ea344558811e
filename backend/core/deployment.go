package core

import "github.com/google/uuid"

// DeploymentMode says how a deployment spreads its pods.
type DeploymentMode string

// The two modes: so many pods wherever there is room, or one on each node that suits.
const (
	ModeReplicas  DeploymentMode = "replicas"
	ModeDaemonSet DeploymentMode = "daemonset"
)

// Deployment is what is known of a deployment.
type Deployment struct {
	ID        uuid.UUID
	Name      string
	Namespace string
	Mode      DeploymentMode
}
