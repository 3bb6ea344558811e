package cluster

import (
	"encoding/json"
	"maps"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// NodeView is a node and what is taken of it.
type NodeView struct {
	Node *core.Node
	Used Usage
}

// Snapshot is what a scheduling decision is made on. It does not change any more.
type Snapshot struct {
	Nodes []NodeView
	// Pending is in no order.
	Pending []*core.Pod
	Packs   map[uuid.UUID]*core.Pack // of the pending pods
}

// Snapshot takes a picture for the scheduler.
func (s *State) Snapshot() Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	snap := Snapshot{
		Nodes:   make([]NodeView, 0, len(s.nodes)),
		Pending: make([]*core.Pod, 0, len(s.pending)),
		Packs:   map[uuid.UUID]*core.Pack{},
	}
	for id, node := range s.nodes {
		snap.Nodes = append(snap.Nodes, NodeView{Node: node, Used: s.usage[id]})
	}
	for id := range s.pending {
		pod := s.pods[id]
		if pod.Desired != core.DesiredRunning {
			continue
		}
		snap.Pending = append(snap.Pending, pod)
		if pack := s.packs[pod.PackID]; pack != nil {
			snap.Packs[pack.ID] = pack
		}
	}
	return snap
}

// Position is up to where in the WAL the picture reaches: everything that was committed before is in it.
func (s *State) Position() uint64 { s.mu.RLock(); defer s.mu.RUnlock(); return s.position }

// Synced says whether a snapshot has been applied.
func (s *State) Synced() bool { s.mu.RLock(); defer s.mu.RUnlock(); return s.synced }

// Pack returns a pack, or nil.
func (s *State) Pack(id uuid.UUID) *core.Pack { s.mu.RLock(); defer s.mu.RUnlock(); return s.packs[id] }

// Pod returns a pod, or nil.
func (s *State) Pod(id uuid.UUID) *core.Pod { s.mu.RLock(); defer s.mu.RUnlock(); return s.pods[id] }

// Node returns a node, or nil.
func (s *State) Node(id uuid.UUID) *core.Node { s.mu.RLock(); defer s.mu.RUnlock(); return s.nodes[id] }

// Deployment returns a deployment, or nil.
func (s *State) Deployment(id uuid.UUID) *core.Deployment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.deploys[id]
}

// Deployments returns all of them, in no order.
func (s *State) Deployments() []*core.Deployment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*core.Deployment, 0, len(s.deploys))
	for _, d := range s.deploys {
		all = append(all, d)
	}
	return all
}

// PodsOf returns the pods of a deployment, those that have ended too, in no order.
func (s *State) PodsOf(deployment uuid.UUID) []*core.Pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	pods := make([]*core.Pod, 0, len(s.podsOf[deployment]))
	for id := range s.podsOf[deployment] {
		pods = append(pods, s.pods[id])
	}
	return pods
}

// Packs returns all versions of a pack, in no order.
func (s *State) Packs(name string) []*core.Pack {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var versions []*core.Pack
	for _, p := range s.packs {
		if p.Name == name {
			versions = append(versions, p)
		}
	}
	return versions
}

// PodsOn returns the pods that the feed has confirmed to be on a node.
func (s *State) PodsOn(node uuid.UUID) []*core.Pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	pods := make([]*core.Pod, 0, len(s.onNode[node]))
	for id := range s.onNode[node] {
		if pod := s.pods[id]; pod.Status.Active() {
			pods = append(pods, pod)
		}
	}
	return pods
}

// Nodes returns all nodes, in no order.
func (s *State) Nodes() []*core.Node {
	s.mu.RLock()
	defer s.mu.RUnlock()
	nodes := make([]*core.Node, 0, len(s.nodes))
	for _, node := range s.nodes {
		nodes = append(nodes, node)
	}
	return nodes
}

// ConfigInt reads a number from cluster_config, or returns the fallback when it is missing or is not a number.
func (s *State) ConfigInt(key string, fallback int64) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var v int64
	if raw, ok := s.config[key]; ok && json.Unmarshal(raw, &v) == nil {
		return v
	}
	return fallback
}

// Settings are what people have set, as of a version that grows with each change.
type Settings struct {
	Version    uint64
	Config     map[string]json.RawMessage // cluster_config; shared, do not change it
	Namespaces []*core.Namespace
}

// SettingsVersion is the version of Settings.
func (s *State) SettingsVersion() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.settings
}

// Settings returns them.
func (s *State) Settings() Settings {
	s.mu.RLock()
	defer s.mu.RUnlock()
	settings := Settings{Version: s.settings, Config: maps.Clone(s.config)}
	for _, ns := range s.namespaces {
		settings.Namespaces = append(settings.Namespaces, ns)
	}
	return settings
}

// Counts says how much there is: for health pages and metrics.
func (s *State) Counts() (nodes, pods, pending int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.nodes), len(s.pods), len(s.pending)
}
