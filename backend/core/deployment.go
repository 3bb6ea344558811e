package core

import "github.com/google/uuid"

// Deployment is what is known of a deployment: which one it is.
type Deployment struct {
	ID        uuid.UUID
	Name      string
	Namespace string
}
