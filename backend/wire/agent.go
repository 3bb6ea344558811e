package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Bounds on what an agent may send.
const (
	MaxHeldPods     = 100_000
	MaxLogLines     = 500
	MaxLogLineBytes = 16 << 10
	MaxMessageBytes = 8 << 10
	MaxResultBytes  = 64 << 10
)

// Authenticate is auth:authenticate.
type Authenticate struct {
	Token    string `json:"token"`
	Protocol int    `json:"protocol"`
	Agent    struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"agent"`
}

func (p *Authenticate) validate() error {
	if p.Token == "" {
		return errors.New("token is missing")
	}
	return nil
}

// Authenticated is auth:authenticated.
type Authenticated struct {
	UserID    uuid.UUID `json:"userId"`
	Role      string    `json:"role"`
	ExpiresAt time.Time `json:"expiresAt"`
	Protocol  int       `json:"protocol"`
}

// NodeResources is what a node offers, as Kubernetes quantities.
type NodeResources struct {
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
	Pods   int32  `json:"pods"`
}

// HeldPod is a pod that the agent still holds.
type HeldPod struct {
	PodID       uuid.UUID      `json:"podId"`
	Incarnation int64          `json:"incarnation"`
	Status      core.PodStatus `json:"status"`
}

// NodeRegister is node:register.
type NodeRegister struct {
	Name           string            `json:"name"`
	RuntimeType    core.Runtime      `json:"runtimeType"`
	RuntimeVersion string            `json:"runtimeVersion"`
	AgentVersion   string            `json:"agentVersion"`
	BootID         uuid.UUID         `json:"bootId"`
	Labels         map[string]string `json:"labels,omitempty"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	Taints         []core.Taint      `json:"taints,omitempty"`
	Capabilities   json.RawMessage   `json:"capabilities,omitempty"`
	Resources      NodeResources     `json:"resources"`
	Pods           []HeldPod         `json:"pods"`
}

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (p *NodeRegister) validate() error {
	switch {
	case !dnsLabel.MatchString(p.Name):
		return errors.New("name must be a DNS label: at most 63 of a-z, 0-9 and -")
	case !p.RuntimeType.Valid():
		return errors.New("runtimeType must be node or browser")
	case p.BootID == uuid.Nil:
		return errors.New("bootId is missing")
	case p.Resources.CPU == "" || p.Resources.Memory == "":
		return errors.New("resources.cpu and resources.memory are needed")
	case p.Resources.Pods < 0:
		return errors.New("resources.pods must not be negative")
	case len(p.Pods) > MaxHeldPods:
		return fmt.Errorf("pods has more than %d entries", MaxHeldPods)
	}
	if len(p.Capabilities) > 0 && p.Capabilities[0] != '{' {
		return errors.New("capabilities must be an object")
	}
	for _, taint := range p.Taints {
		switch taint.Effect {
		case core.EffectNoSchedule, core.EffectPreferNoSchedule, core.EffectNoExecute:
		default:
			return errors.New("taints: effect must be NoSchedule, PreferNoSchedule or NoExecute")
		}
		if taint.Key == "" {
			return errors.New("taints: key is missing")
		}
	}
	for _, held := range p.Pods {
		switch {
		case held.PodID == uuid.Nil:
			return errors.New("pods: podId is missing")
		case held.Incarnation < 1:
			return errors.New("pods: incarnation must be positive")
		case !reported(held.Status):
			return fmt.Errorf("pods: %w", errStatus)
		}
	}
	return nil
}

// Supabase is what an agent needs to fetch bundles with its own token.
type Supabase struct {
	URL     string `json:"url"`
	AnonKey string `json:"anonKey"`
}

// NodeRegistered is node:registered.
type NodeRegistered struct {
	NodeID              uuid.UUID   `json:"nodeId"`
	Name                string      `json:"name"`
	Access              core.Access `json:"access"`
	HeartbeatIntervalMS int64       `json:"heartbeatIntervalMs"`
	LeaseMS             int64       `json:"leaseMs,omitempty"`
	Supabase            Supabase    `json:"supabase"`
}

// NodeHeartbeatAck is node:heartbeat:ack.
type NodeHeartbeatAck struct {
	// LeaseMS is how long the node counts as alive from when this beat was heard; left out when leases cannot be extended just now.
	LeaseMS int64 `json:"leaseMs,omitempty"`
}

// NodeHeartbeat is node:heartbeat.
type NodeHeartbeat struct {
	Pods  int `json:"pods"`
	Usage struct {
		CPUMillis   int64 `json:"cpuMillis"`
		MemoryBytes int64 `json:"memoryBytes"`
	} `json:"usage"`
}

func (p *NodeHeartbeat) validate() error {
	if p.Pods < 0 || p.Usage.CPUMillis < 0 || p.Usage.MemoryBytes < 0 {
		return errors.New("pods and usage must not be negative")
	}
	return nil
}

// NodeDisconnect is node:disconnect.
type NodeDisconnect struct {
	Reason string `json:"reason,omitempty"`
}

func (p *NodeDisconnect) validate() error { return nil }

// PodStatus is pod:status.
type PodStatus struct {
	PodID       uuid.UUID       `json:"podId"`
	Incarnation int64           `json:"incarnation"`
	Status      core.PodStatus  `json:"status"`
	Reason      string          `json:"reason,omitempty"`
	Message     string          `json:"message,omitempty"`
	Result      json.RawMessage `json:"result,omitempty"`
	At          time.Time       `json:"at"`
}

var errStatus = errors.New("status must be starting, running, stopping, stopped or failed")

// reported says whether a status is one that agents may speak of.
func reported(s core.PodStatus) bool {
	switch s {
	case core.PodStarting, core.PodRunning, core.PodStopping, core.PodStopped, core.PodFailed:
		return true
	}
	return false
}

func (p *PodStatus) validate() error {
	switch {
	case !reported(p.Status):
		return errStatus
	case p.PodID == uuid.Nil:
		return errors.New("podId is missing")
	case p.Incarnation < 1:
		return errors.New("incarnation must be positive")
	case len(p.Reason) > 64:
		return errors.New("reason is longer than 64")
	case len(p.Message) > MaxMessageBytes:
		return fmt.Errorf("message is longer than %d bytes", MaxMessageBytes)
	case len(p.Result) > MaxResultBytes:
		return fmt.Errorf("result is longer than %d bytes", MaxResultBytes)
	case p.At.IsZero():
		return errors.New("at is missing")
	}
	p.Reason, p.Message = storable(p.Reason), storable(p.Message)
	return nil
}

// LogLine is one line of pod:logs.
type LogLine struct {
	At     time.Time `json:"at"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
}

// PodLogs is pod:logs.
type PodLogs struct {
	PodID       uuid.UUID `json:"podId"`
	Incarnation int64     `json:"incarnation"`
	Lines       []LogLine `json:"lines"`
	Dropped     int64     `json:"dropped,omitempty"`
}

func (p *PodLogs) validate() error {
	switch {
	case p.PodID == uuid.Nil:
		return errors.New("podId is missing")
	case p.Incarnation < 1:
		return errors.New("incarnation must be positive")
	case len(p.Lines) > MaxLogLines:
		return fmt.Errorf("more than %d lines", MaxLogLines)
	case p.Dropped < 0:
		return errors.New("dropped must not be negative")
	}
	for i, line := range p.Lines {
		switch line.Stream {
		case "stdout", "stderr", "system":
		default:
			return errors.New("lines: stream must be stdout, stderr or system")
		}
		switch {
		case line.At.IsZero():
			return errors.New("lines: at is missing")
		case len(line.Text) > MaxLogLineBytes:
			return fmt.Errorf("lines: a text is longer than %d bytes", MaxLogLineBytes)
		}
		p.Lines[i].Text = storable(line.Text)
	}
	return nil
}

// Bundle says where a pack's code is and what it must hash to.
type Bundle struct {
	Bucket string `json:"bucket"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// AssignedPack is the pack of an assignment.
type AssignedPack struct {
	ID         uuid.UUID       `json:"id"`
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	RuntimeTag core.RuntimeTag `json:"runtimeTag"`
	Bundle     Bundle          `json:"bundle"`
}

// PodResources is what a pod was given.
type PodResources struct {
	CPUMillis   int64 `json:"cpuMillis"`
	MemoryBytes int64 `json:"memoryBytes"`
}

// PodAssign is pod:assign.
type PodAssign struct {
	PodID         uuid.UUID         `json:"podId"`
	Incarnation   int64             `json:"incarnation"`
	Name          string            `json:"name"`
	Namespace     string            `json:"namespace"`
	Pack          AssignedPack      `json:"pack"`
	Env           map[string]string `json:"env"`
	Args          json.RawMessage   `json:"args"`
	Metadata      json.RawMessage   `json:"metadata"`
	Resources     PodResources      `json:"resources"`
	GracePeriodMS int64             `json:"gracePeriodMs"`
}

// AssignmentOf makes the assignment of a pod that runs a pack.
func AssignmentOf(pod *core.Pod, pack *core.Pack) PodAssign {
	a := PodAssign{
		PodID: pod.ID, Incarnation: pod.Incarnation, Name: pod.Name, Namespace: pod.Namespace,
		Pack: AssignedPack{
			ID: pack.ID, Name: pack.Name, Version: pack.Version, RuntimeTag: pack.Tag,
			Bundle: Bundle{Bucket: core.BundleBucket, Path: pack.BundlePath, SHA256: pack.BundleSHA256, Size: pack.BundleSize},
		},
		Env: pod.Env, Args: pod.Args, Metadata: pod.Metadata,
		Resources:     PodResources{CPUMillis: pod.CPUMillis, MemoryBytes: pod.MemoryBytes},
		GracePeriodMS: pod.GracePeriod.Milliseconds(),
	}
	if a.Env == nil {
		a.Env = map[string]string{}
	}
	if len(a.Args) == 0 {
		a.Args = json.RawMessage("[]")
	}
	if len(a.Metadata) == 0 {
		a.Metadata = json.RawMessage("{}")
	}
	return a
}

// PodStop is pod:stop.
type PodStop struct {
	PodID         uuid.UUID `json:"podId"`
	Incarnation   int64     `json:"incarnation"`
	Reason        string    `json:"reason"`
	GracePeriodMS int64     `json:"gracePeriodMs"`
}

// PodStatusAck is pod:status:ack.
type PodStatusAck struct {
	PodID       uuid.UUID      `json:"podId"`
	Incarnation int64          `json:"incarnation"`
	Status      core.PodStatus `json:"status"`
	Accepted    bool           `json:"accepted"`
	Code        string         `json:"code,omitempty"`
	Message     string         `json:"message,omitempty"`
}

// ErrorFrame is error.
type ErrorFrame struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *ErrorFrame) validate() error {
	p.Code, p.Message = storable(p.Code[:min(len(p.Code), 64)]), storable(p.Message[:min(len(p.Message), 1024)])
	return nil
}
