package wire

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Success is the seed's envelope of every good answer.
type Success struct {
	Success bool  `json:"success"` // always true
	Data    any   `json:"data"`
	Page    *Page `json:"page,omitempty"`
}

// Page says how to go on in a list.
type Page struct {
	// Next is the `cursor` of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

// Failure is the seed's envelope of every bad answer.
type Failure struct {
	Success bool    `json:"success"` // always false
	Error   Problem `json:"error"`
}

// Problem is what went wrong, for a program (Code, Field) and for a person (Message, Hint).
type Problem struct {
	Code          core.Code `json:"code"`
	Message       string    `json:"message"`
	Field         string    `json:"field,omitempty"`
	Hint          string    `json:"hint,omitempty"`
	CorrelationID string    `json:"correlationId,omitempty"`
}

// Pack is GET /api/packs/:id.
type Pack struct {
	ID           uuid.UUID       `json:"id"`
	Name         string          `json:"name"`
	Version      string          `json:"version"`
	RuntimeTag   core.RuntimeTag `json:"runtimeTag"`
	OwnerID      *uuid.UUID      `json:"ownerId"`
	Visibility   string          `json:"visibility"` // private, public
	BundlePath   string          `json:"bundlePath"`
	BundleSHA256 string          `json:"bundleSha256"`
	BundleSize   int64           `json:"bundleSize"` // bytes
	Description  string          `json:"description"`
	Metadata     json.RawMessage `json:"metadata"`
	CreatedAt    time.Time       `json:"createdAt"`
	Revision     int64           `json:"revision"`
}

// PackCreate is the body of POST /api/packs: the bundle is in Storage already. The server reads it again, under the
// caller's token, and records what it hashes to; a BundleSHA256 that differs is refused.
type PackCreate struct {
	Name         string          `json:"name"`
	Version      string          `json:"version"`
	RuntimeTag   core.RuntimeTag `json:"runtimeTag"`
	BundlePath   string          `json:"bundlePath"`
	BundleSHA256 string          `json:"bundleSha256,omitempty"`
	Visibility   string          `json:"visibility,omitempty"` // default private
	Description  string          `json:"description,omitempty"`
	Metadata     json.RawMessage `json:"metadata,omitempty"`
}

// PackPatch is the body of PATCH /api/packs/:id; what is left out stays as it is, what is given is replaced.
type PackPatch struct {
	Visibility  *string         `json:"visibility,omitempty"`
	Description *string         `json:"description,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Revision    *int64          `json:"revision,omitempty"`
}

// Resources are requests as Kubernetes quantities.
type Resources struct {
	CPU    string `json:"cpu,omitempty"`
	Memory string `json:"memory,omitempty"`
}

// Pod is GET /api/pods/:id.
type Pod struct {
	ID            uuid.UUID         `json:"id"`
	Name          string            `json:"name"`
	Namespace     string            `json:"namespace"`
	PackID        uuid.UUID         `json:"packId"`
	PackName      string            `json:"packName"` // empty when the caller may not see the pack
	PackVersion   string            `json:"packVersion"`
	NodeID        *uuid.UUID        `json:"nodeId"`
	NodeName      string            `json:"nodeName"`
	Status        core.PodStatus    `json:"status"`
	DesiredState  core.DesiredState `json:"desiredState"`
	Reason        string            `json:"reason"`
	Message       string            `json:"message"`
	Incarnation   int64             `json:"incarnation"`
	Restarts      int32             `json:"restarts"`
	Resources     Resources         `json:"resources"`
	PriorityClass *string           `json:"priorityClass"`
	Priority      int32             `json:"priority"`
	Env           map[string]string `json:"env"`
	Args          json.RawMessage   `json:"args"`
	Metadata      json.RawMessage   `json:"metadata"`
	NodeSelector  map[string]string `json:"nodeSelector"`
	Tolerations   []core.Toleration `json:"tolerations"`
	Affinity      json.RawMessage   `json:"affinity"`
	// TopologySpread holds topologySpreadConstraints as in Kubernetes.
	TopologySpread      json.RawMessage   `json:"topologySpread"`
	SchedulingGroup     string            `json:"schedulingGroup"` // "" for none; placed all together or not at all
	SchedulingGroupSize int32             `json:"schedulingGroupSize"`
	GracePeriodMS       int32             `json:"gracePeriodMs"`
	Labels              map[string]string `json:"labels"`
	Annotations         map[string]string `json:"annotations"`
	Unschedulable       json.RawMessage   `json:"unschedulable"` // why it is pending, or null
	Result              json.RawMessage   `json:"result"`
	CreatedBy           *uuid.UUID        `json:"createdBy"`
	CreatedAt           time.Time         `json:"createdAt"`
	ScheduledAt         *time.Time        `json:"scheduledAt"`
	StartedAt           *time.Time        `json:"startedAt"`
	FinishedAt          *time.Time        `json:"finishedAt"`
	// DeploymentID is whose pod it is, null for nobody's; DeploymentGeneration is what it was made from.
	DeploymentID         *uuid.UUID `json:"deploymentId"`
	DeploymentGeneration int64      `json:"deploymentGeneration"`
	// Eviction is why it is asked to leave its node, to wait for another place: preempted, drained, evicted; "" when it is not.
	Eviction string `json:"eviction"`
	Revision int64  `json:"revision"`
}

// PodCreate is the body of POST /api/pods. The pack is named by PackID, or by Pack and Version ("" or "latest" is the highest).
type PodCreate struct {
	PackID        *uuid.UUID        `json:"packId,omitempty"`
	Pack          string            `json:"pack,omitempty"`
	Version       string            `json:"version,omitempty"`
	Name          string            `json:"name,omitempty"`      // generated when empty
	Namespace     string            `json:"namespace,omitempty"` // "default" when empty
	Resources     Resources         `json:"resources"`
	PriorityClass string            `json:"priorityClass,omitempty"`
	Env           map[string]string `json:"env,omitempty"`
	Args          json.RawMessage   `json:"args,omitempty"`
	Metadata      json.RawMessage   `json:"metadata,omitempty"`
	NodeSelector  map[string]string `json:"nodeSelector,omitempty"`
	Tolerations   []core.Toleration `json:"tolerations,omitempty"`
	Affinity      json.RawMessage   `json:"affinity,omitempty"`
	// TopologySpread holds topologySpreadConstraints as in Kubernetes.
	TopologySpread json.RawMessage `json:"topologySpread,omitempty"`
	// SchedulingGroup names pods of the namespace that are placed all together or not at all; SchedulingGroupSize says how many they are.
	SchedulingGroup     string            `json:"schedulingGroup,omitempty"`
	SchedulingGroupSize int32             `json:"schedulingGroupSize,omitempty"`
	GracePeriodMS       *int32            `json:"gracePeriodMs,omitempty"`
	Labels              map[string]string `json:"labels,omitempty"`
	Annotations         map[string]string `json:"annotations,omitempty"`
}

// PodEvent is an entry of GET /api/pods/:id/history.
type PodEvent struct {
	ID            int64      `json:"id"`
	At            time.Time  `json:"at"`
	Event         string     `json:"event"` // created, status, stop_requested, eviction_requested, deleted
	From          *string    `json:"from"`
	To            *string    `json:"to"`
	Reason        string     `json:"reason"`
	Message       string     `json:"message"`
	NodeID        *uuid.UUID `json:"nodeId"`
	Incarnation   int64      `json:"incarnation"`
	ActorID       *uuid.UUID `json:"actorId"`
	ActorRole     string     `json:"actorRole"`
	CorrelationID *string    `json:"correlationId"`
}

// PodLogLine is an entry of GET /api/pods/:id/logs.
type PodLogLine struct {
	ID          int64     `json:"id"`
	At          time.Time `json:"at"`
	Stream      string    `json:"stream"`
	Line        string    `json:"line"`
	Incarnation int64     `json:"incarnation"`
}

// Node is GET /api/nodes/:id.
type Node struct {
	ID             uuid.UUID         `json:"id"`
	Name           string            `json:"name"`
	RuntimeType    core.Runtime      `json:"runtimeType"`
	RuntimeVersion string            `json:"runtimeVersion"`
	AgentVersion   string            `json:"agentVersion"`
	Status         core.NodeStatus   `json:"status"`
	StatusReason   string            `json:"statusReason"`
	StatusSince    time.Time         `json:"statusSince"`
	LastHeartbeat  *time.Time        `json:"lastHeartbeat"`
	OwnerID        *uuid.UUID        `json:"ownerId"`
	Access         core.Access       `json:"access"`
	Unschedulable  bool              `json:"unschedulable"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations"`
	Taints         []core.Taint      `json:"taints"`
	Capabilities   json.RawMessage   `json:"capabilities"`
	Resources      NodeResources     `json:"resources"`
	Pods           int64             `json:"pods"` // how many it has now
	// While it is being drained: since when, and when what is left on it is stopped.
	DrainRequestedAt *time.Time `json:"drainRequestedAt"`
	DrainDeadline    *time.Time `json:"drainDeadline"`
	DrainedAt        *time.Time `json:"drainedAt"` // when it was empty
	CreatedAt        time.Time  `json:"createdAt"`
	Revision         int64      `json:"revision"`
}

// NodeCreate is the body of POST /api/nodes: a node registered before its agent comes.
type NodeCreate struct {
	Name        string            `json:"name"`
	RuntimeType core.Runtime      `json:"runtimeType"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Taints      []core.Taint      `json:"taints,omitempty"`
	Resources   NodeResources     `json:"resources"`
}

// NodePatch is the body of PATCH /api/nodes/:id; what is left out stays as it is. Labels and annotations are merged, null takes a key away;
// taints are replaced. With Revision the change is refused (CONFLICT) when somebody else was faster.
type NodePatch struct {
	Labels        map[string]*string `json:"labels,omitempty"`
	Annotations   map[string]*string `json:"annotations,omitempty"`
	Taints        *[]core.Taint      `json:"taints,omitempty"`
	Access        *core.Access       `json:"access,omitempty"`
	Unschedulable *bool              `json:"unschedulable,omitempty"`
	Revision      *int64             `json:"revision,omitempty"`

	Drain *NodeDrain `json:"-"` // POST /api/nodes/:id/drain; an uncordoned node is not drained either
}

// NodeDrain is the body of POST /api/nodes/:id/drain.
type NodeDrain struct {
	TimeoutSeconds int64 `json:"timeoutSeconds"` // what is left on the node then is stopped; default 300
}

// Quota bounds the sum of a namespace's live pods; a nil field is no bound.
type Quota struct {
	MaxPods   *int64  `json:"maxPods,omitempty"`
	MaxCPU    *string `json:"maxCpu,omitempty"`
	MaxMemory *string `json:"maxMemory,omitempty"`
}

// Namespace is GET /api/namespaces/:name.
type Namespace struct {
	ID            uuid.UUID         `json:"id"`
	Name          string            `json:"name"`
	Labels        map[string]string `json:"labels"`
	ResourceQuota Quota             `json:"resourceQuota"`
	Defaults      Resources         `json:"defaults"` // what a pod asks for that says nothing; "" is the cluster's
	// Usage is what live pods take, null in lists and watches where there is no quota.
	Usage     *Usage    `json:"usage"`
	CreatedAt time.Time `json:"createdAt"`
	Revision  int64     `json:"revision"`
}

// Usage sums up what pods ask for.
type Usage struct {
	Pods   int64  `json:"pods"`
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
}

// NamespaceCreate is the body of POST /api/namespaces.
type NamespaceCreate struct {
	Name          string            `json:"name"`
	Labels        map[string]string `json:"labels,omitempty"`
	ResourceQuota Quota             `json:"resourceQuota"`
	Defaults      Resources         `json:"defaults"`
}

// NamespacePatch is the body of PATCH /api/namespaces/:name; what is left out stays as it is. Labels are merged, null takes a key away; quota and defaults
// are replaced.
type NamespacePatch struct {
	Labels        map[string]*string `json:"labels,omitempty"`
	ResourceQuota *Quota             `json:"resourceQuota,omitempty"`
	Defaults      *Resources         `json:"defaults,omitempty"`
	Revision      *int64             `json:"revision,omitempty"`
}

// PriorityClass is GET /api/priorityclasses/:name.
type PriorityClass struct {
	Name             string    `json:"name"`
	Value            int32     `json:"value"`
	PreemptionPolicy string    `json:"preemptionPolicy"` // PreemptLowerPriority, Never
	GlobalDefault    bool      `json:"globalDefault"`
	Description      string    `json:"description"`
	CreatedAt        time.Time `json:"createdAt"`
	Revision         int64     `json:"revision"`
}

// PriorityClassCreate is the body of POST /api/priorityclasses.
type PriorityClassCreate struct {
	Name             string `json:"name"`
	Value            *int32 `json:"value"`
	PreemptionPolicy string `json:"preemptionPolicy,omitempty"` // PreemptLowerPriority when empty
	GlobalDefault    bool   `json:"globalDefault,omitempty"`
	Description      string `json:"description,omitempty"`
}

// PriorityClassPatch is the body of PATCH /api/priorityclasses/:name; what pods have copied never changes.
type PriorityClassPatch struct {
	GlobalDefault *bool   `json:"globalDefault,omitempty"`
	Description   *string `json:"description,omitempty"`
	Revision      *int64  `json:"revision,omitempty"`
}

// Setting is GET /api/config/:key: one key of the cluster's configuration.
type Setting struct {
	Key         string          `json:"key"`
	Type        string          `json:"type"` // integer, number, boolean, text
	Value       json.RawMessage `json:"value"`
	Default     json.RawMessage `json:"default"`
	Set         bool            `json:"set"` // false while the default holds
	Description string          `json:"description"`
	UpdatedAt   *time.Time      `json:"updatedAt"`
	Revision    int64           `json:"revision"` // 0 while it is not set
}

// SettingPut is the body of PUT /api/config/:key.
type SettingPut struct {
	Value    json.RawMessage `json:"value"`
	Revision *int64          `json:"revision,omitempty"`
}

// PodBatch is the body of POST /api/pods/batch: all of them are made, or none.
type PodBatch struct {
	Pods []PodCreate `json:"pods"`
}

// PodPatch is the body of PATCH /api/pods/:id: what a pod runs never changes. Labels and annotations are merged, null takes a key away.
type PodPatch struct {
	Labels      map[string]*string `json:"labels,omitempty"`
	Annotations map[string]*string `json:"annotations,omitempty"`
	Revision    *int64             `json:"revision,omitempty"`
}

// PodRollback is the body of POST /api/pods/:id/rollback.
type PodRollback struct {
	Version string `json:"version"` // of the pod's pack; "" is the one before the pod's
}

// PodState is GET /api/pods/:id/status.
type PodState struct {
	ID            uuid.UUID         `json:"id"`
	Status        core.PodStatus    `json:"status"`
	DesiredState  core.DesiredState `json:"desiredState"`
	Reason        string            `json:"reason"`
	Message       string            `json:"message"`
	NodeID        *uuid.UUID        `json:"nodeId"`
	NodeName      string            `json:"nodeName"`
	Incarnation   int64             `json:"incarnation"`
	Restarts      int32             `json:"restarts"`
	Unschedulable json.RawMessage   `json:"unschedulable"`
	Result        json.RawMessage   `json:"result"`
	ScheduledAt   *time.Time        `json:"scheduledAt"`
	StartedAt     *time.Time        `json:"startedAt"`
	FinishedAt    *time.Time        `json:"finishedAt"`
	Revision      int64             `json:"revision"`
}

// Revised is a thing whose changes are numbered: its revision is its ETag.
type Revised interface{ GetRevision() int64 }

// GetRevision is the pod's revision; the others are alike.
func (p Pod) GetRevision() int64 { return p.Revision }

// GetRevision is as Pod's.
func (p PodState) GetRevision() int64 { return p.Revision }

// GetRevision is as Pod's.
func (n Node) GetRevision() int64 { return n.Revision }

// GetRevision is as Pod's.
func (p Pack) GetRevision() int64 { return p.Revision }

// GetRevision is as Pod's.
func (n Namespace) GetRevision() int64 { return n.Revision }

// GetRevision is as Pod's.
func (d Deployment) GetRevision() int64 { return d.Revision }

// GetRevision is as Pod's.
func (c PriorityClass) GetRevision() int64 { return c.Revision }

// GetRevision is as Pod's.
func (s Setting) GetRevision() int64 { return s.Revision }

// Deployment keeps pods of a pack running: a number of them, or one on every fitting node.
type Deployment struct {
	ID           uuid.UUID         `json:"id"`
	Name         string            `json:"name"`
	Namespace    string            `json:"namespace"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	PackID       uuid.UUID         `json:"packId"`
	PackName     string            `json:"packName"` // empty when the caller may not see the pack
	PackVersion  string            `json:"packVersion"`
	FollowLatest bool              `json:"followLatest"`
	Mode         string            `json:"mode"` // replicas, daemonset
	Replicas     int32             `json:"replicas"`
	Spec         json.RawMessage   `json:"spec"`     // the template of its pods
	Strategy     json.RawMessage   `json:"strategy"` // how a rollout goes
	Paused       bool              `json:"paused"`
	HistoryLimit int32             `json:"historyLimit"`
	// Generation grows when pack or spec change; ObservedGeneration is the one that the control loop has seen.
	Generation         int64           `json:"generation"`
	ObservedGeneration int64           `json:"observedGeneration"`
	Status             json.RawMessage `json:"status"` // what the control loop says
	CreatedBy          *uuid.UUID      `json:"createdBy"`
	CreatedAt          time.Time       `json:"createdAt"`
	UpdatedAt          time.Time       `json:"updatedAt"`
	Revision           int64           `json:"revision"`
}

// DeploymentCreate is the body of POST /api/deployments. The pack is named as in PodCreate.
type DeploymentCreate struct {
	Name         string            `json:"name"`
	Namespace    string            `json:"namespace,omitempty"` // "default" when empty
	PackID       *uuid.UUID        `json:"packId,omitempty"`
	Pack         string            `json:"pack,omitempty"`
	Version      string            `json:"version,omitempty"`
	FollowLatest bool              `json:"followLatest,omitempty"`
	Mode         string            `json:"mode,omitempty"`     // replicas, daemonset; "replicas" when empty
	Replicas     *int32            `json:"replicas,omitempty"` // 1 when nil
	Spec         json.RawMessage   `json:"spec,omitempty"`
	Strategy     json.RawMessage   `json:"strategy,omitempty"`
	Paused       bool              `json:"paused,omitempty"`
	HistoryLimit *int32            `json:"historyLimit,omitempty"` // 10 when nil
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// DeploymentPatch is the body of PATCH /api/deployments/:id; what is left out stays as it is. Labels and annotations are merged, null takes a key away;
// spec and strategy are replaced. With Revision the change is refused (CONFLICT) when somebody else was faster.
type DeploymentPatch struct {
	PackID       *uuid.UUID         `json:"packId,omitempty"`
	Pack         string             `json:"pack,omitempty"`
	Version      string             `json:"version,omitempty"`
	FollowLatest *bool              `json:"followLatest,omitempty"`
	Replicas     *int32             `json:"replicas,omitempty"`
	Spec         json.RawMessage    `json:"spec,omitempty"`
	Strategy     json.RawMessage    `json:"strategy,omitempty"`
	Paused       *bool              `json:"paused,omitempty"`
	HistoryLimit *int32             `json:"historyLimit,omitempty"`
	Labels       map[string]*string `json:"labels,omitempty"`
	Annotations  map[string]*string `json:"annotations,omitempty"`
	Revision     *int64             `json:"revision,omitempty"`
}

// DeploymentScale is the body of POST /api/deployments/:id/scale.
type DeploymentScale struct {
	Replicas *int32 `json:"replicas"`
}

// DeploymentRollback is the body of POST /api/deployments/:id/rollback.
type DeploymentRollback struct {
	Generation int64  `json:"generation"`         // 0 is the one before
	Revision   *int64 `json:"revision,omitempty"` // as in DeploymentPatch
}

// DeploymentRevision is an entry of GET /api/deployments/:id/revisions: what a generation was.
type DeploymentRevision struct {
	Generation  int64           `json:"generation"`
	PackID      uuid.UUID       `json:"packId"`
	PackName    string          `json:"packName"` // empty when the caller may not see the pack
	PackVersion string          `json:"packVersion"`
	Spec        json.RawMessage `json:"spec"`
	CreatedBy   *uuid.UUID      `json:"createdBy"` // null for the system
	CreatedAt   time.Time       `json:"createdAt"`
}

// Event is something that happened in the cluster; a pod's own life is in its history (PodEvent).
type Event struct {
	ID            int64           `json:"id"`
	At            time.Time       `json:"at"`
	Kind          string          `json:"kind"` // what it is about: cluster, config, deployment, namespace, node, pack, pod, priority_class, user
	ObjectID      *uuid.UUID      `json:"objectId"`
	ObjectName    string          `json:"objectName"`
	Namespace     *string         `json:"namespace"`
	Type          string          `json:"type"` // Normal, Warning
	Reason        string          `json:"reason"`
	Message       string          `json:"message"`
	Data          json.RawMessage `json:"data"`
	ActorID       *uuid.UUID      `json:"actorId"` // null for the system
	ActorRole     string          `json:"actorRole"`
	CorrelationID *string         `json:"correlationId"`
}

// Login is the body of POST /auth/login.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Register is the body of POST /auth/register.
type Register struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Refresh is the body of POST /auth/refresh.
type Refresh struct {
	RefreshToken string `json:"refreshToken"`
}

// Session is what POST /auth/login, register and refresh return. The tokens are empty when the address has to be confirmed first.
type Session struct {
	AccessToken  string    `json:"accessToken"`
	RefreshToken string    `json:"refreshToken"`
	ExpiresAt    time.Time `json:"expiresAt"`
	User         User      `json:"user"`
}

// User is GET /auth/whoami.
type User struct {
	ID          uuid.UUID `json:"id"`
	Email       string    `json:"email"`
	DisplayName string    `json:"displayName"`
	Role        string    `json:"role"`
}

// Setup is the body of POST /auth/setup: the token that the server printed at its first start.
type Setup struct {
	Token string `json:"token"`
}

// Account is GET /api/users/:id: a user as an admin manages them.
type Account struct {
	User
	CreatedAt time.Time `json:"createdAt"`
	Revision  int64     `json:"revision"`
}

// AccountPatch is the body of PATCH /api/users/:id; what is left out stays as it is. With Revision the change is refused (CONFLICT) when
// somebody else was faster.
type AccountPatch struct {
	Role        *string `json:"role,omitempty"`
	DisplayName *string `json:"displayName,omitempty"`
	Revision    *int64  `json:"revision,omitempty"`
}

// ServerInfo is GET /api/info: what a client needs to talk to Supabase directly. It is public; the key is the public one.
type ServerInfo struct {
	Version     string `json:"version"`
	SupabaseURL string `json:"supabaseUrl"`
	AnonKey     string `json:"anonKey"`
}
