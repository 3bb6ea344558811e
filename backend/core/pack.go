package core

import "github.com/google/uuid"

// BundleBucket is the Storage bucket that holds every bundle.
const BundleBucket = "packs"

// RuntimeTag says where a pack may run.
type RuntimeTag string

// The three tags.
const (
	TagNode      RuntimeTag = "node"
	TagBrowser   RuntimeTag = "browser"
	TagUniversal RuntimeTag = "universal"
)

// Valid says that it is one of the three.
func (t RuntimeTag) Valid() bool { return t == TagNode || t == TagBrowser || t == TagUniversal }

// RunsOn says whether a pack with this tag runs on that runtime.
func (t RuntimeTag) RunsOn(r Runtime) bool { return t == TagUniversal || string(t) == string(r) }

// Pack is one registered version of a bundle.
type Pack struct {
	ID           uuid.UUID
	Name         string
	Version      string
	Tag          RuntimeTag
	OwnerID      uuid.UUID
	Public       bool
	BundlePath   string // object name in BundleBucket
	BundleSHA256 string // hex
	BundleSize   int64  // bytes
	// MinRuntimeVersion is the oldest runtime that it runs on, as a semantic version; "" means any.
	MinRuntimeVersion string
}

// Namespace is a boundary for names and quotas.
type Namespace struct {
	ID     uuid.UUID
	Name   string
	Labels map[string]string
	Quota  Quota
}

// PriorityClass is a named priority.
type PriorityClass struct {
	Name          string
	Value         int32
	NeverPreempts bool
	GlobalDefault bool
}
