package cluster

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// State is the picture. All methods may be called from any goroutine. The values it hands out are shared: never change one.
type State struct {
	mu sync.RWMutex // guards everything below

	synced     bool
	position   uint64
	packs      map[uuid.UUID]*core.Pack
	pods       map[uuid.UUID]*core.Pod
	nodes      map[uuid.UUID]*core.Node
	usage      map[uuid.UUID]Usage                  // by node, for pods at home there; kept while pods are, even if the node is not known yet
	onNode     map[uuid.UUID]map[uuid.UUID]struct{} // node → pods at home there, assumed ones included
	homes      map[uuid.UUID]uuid.UUID              // pod → the node whose room it takes
	pending    map[uuid.UUID]struct{}               // waits for a decision
	assumed    map[uuid.UUID]assumption             // decided, not yet confirmed by the feed
	namespaces map[uuid.UUID]*core.Namespace
	deploys    map[uuid.UUID]*core.Deployment
	podsOf     map[uuid.UUID]map[uuid.UUID]struct{} // deployment → its pods, those that have ended too
	config     map[string]json.RawMessage
	settings   uint64 // grows with each change of config or namespaces

	watches []*Watch
}

// assumption is a decision that the feed has not confirmed yet.
type assumption struct {
	node        uuid.UUID
	incarnation int64 // of the pod when it was decided; being assigned makes it grow
}

// New returns an empty picture. It is not synced until the first snapshot is applied.
func New() *State {
	s := &State{}
	s.reset()
	return s
}

func (s *State) reset() {
	s.packs = map[uuid.UUID]*core.Pack{}
	s.pods = map[uuid.UUID]*core.Pod{}
	s.nodes = map[uuid.UUID]*core.Node{}
	s.usage = map[uuid.UUID]Usage{}
	s.onNode = map[uuid.UUID]map[uuid.UUID]struct{}{}
	s.homes = map[uuid.UUID]uuid.UUID{}
	s.pending = map[uuid.UUID]struct{}{}
	s.assumed = map[uuid.UUID]assumption{}
	s.namespaces = map[uuid.UUID]*core.Namespace{}
	s.deploys = map[uuid.UUID]*core.Deployment{}
	s.podsOf = map[uuid.UUID]map[uuid.UUID]struct{}{}
	s.config = map[string]json.RawMessage{}
}

// Usage is what pods take of a node.
type Usage struct {
	CPUMillis   int64
	MemoryBytes int64
	Pods        int32
}

// PodChange is a pod before and after: Old is nil for a new one, New for a deleted one.
type PodChange struct{ Old, New *core.Pod }

// NodeChange is a node before and after, as PodChange.
type NodeChange struct{ Old, New *core.Node }

// Delta is what a batch of changes came to.
type Delta struct {
	Snapshot bool
	Pods     []PodChange
	Nodes    []NodeChange
	// Deployments are those that changed, or that have a pod which did; some more than once.
	Deployments []uuid.UUID
	Packs       bool // some changed
	Namespaces  bool // some changed
	// Reschedule says that something changed which could let a pending pod be placed: a new pending pod, room, a node.
	// It is also set when a node went, which only changes why pods are pending.
	Reschedule bool
	CommitTime time.Time
}

// Apply takes a batch in and says what it came to. A snapshot replaces everything, and the delta is the difference.
func (s *State) Apply(changes core.Changes) Delta {
	s.mu.Lock()
	defer s.mu.Unlock()
	if changes.Snapshot {
		s.position = changes.Position
		return s.replace(changes)
	}
	s.position = max(s.position, changes.Position)
	delta := Delta{CommitTime: changes.CommitTime}
	for _, event := range changes.Events {
		s.apply(event, &delta)
	}
	return delta
}

// replace installs a snapshot. Assumptions that it does not confirm stay: the decision may be committed a moment later, and until its echo
// or Forget its room is not anybody else's.
func (s *State) replace(changes core.Changes) Delta {
	s.settings++
	oldPods, oldNodes, assumed := s.pods, s.nodes, s.assumed
	s.allChanged() // what was there, since it may be gone
	s.reset()
	s.synced = true
	var ignored Delta
	for _, event := range changes.Events {
		s.apply(event, &ignored)
	}
	for id, a := range assumed {
		if pod := s.pods[id]; pod != nil && pod.Status == core.PodPending && pod.Incarnation == a.incarnation {
			s.assume(pod, a.node)
		}
	}
	s.allChanged()
	delta := Delta{Snapshot: true, Reschedule: true}
	for id, pod := range s.pods {
		if old := oldPods[id]; old == nil || old.Revision != pod.Revision {
			delta.Pods = append(delta.Pods, PodChange{Old: old, New: pod})
		}
	}
	for id, old := range oldPods {
		if s.pods[id] == nil {
			delta.Pods = append(delta.Pods, PodChange{Old: old})
		}
	}
	for id, node := range s.nodes {
		delta.Nodes = append(delta.Nodes, NodeChange{Old: oldNodes[id], New: node})
	}
	for id, old := range oldNodes {
		if s.nodes[id] == nil {
			delta.Nodes = append(delta.Nodes, NodeChange{Old: old})
		}
	}
	return delta
}

func (s *State) apply(event core.Event, delta *Delta) {
	switch e := event.(type) {
	case core.PodUpserted:
		s.upsertPod(e, delta)
	case core.PodDeleted:
		if old := s.pods[e.ID]; old != nil {
			s.podChanged(e.ID)
			delete(s.pods, e.ID)
			delete(s.pending, e.ID)
			delete(s.assumed, e.ID)
			delta.Reschedule = delta.Reschedule || s.homes[e.ID] != uuid.Nil
			s.settle(old, uuid.Nil)
			s.belong(old, nil, delta)
			delta.Pods = append(delta.Pods, PodChange{Old: old})
		}
	case core.NodeUpserted:
		old := s.nodes[e.Node.ID]
		node := e.Node.FillFrom(old, e.Missing)
		s.nodes[node.ID] = node
		s.nodeChanged(node.ID)
		delta.Nodes = append(delta.Nodes, NodeChange{Old: old, New: node})
		delta.Reschedule = true
	case core.NodeDeleted:
		if old := s.nodes[e.ID]; old != nil {
			delete(s.nodes, e.ID)
			s.nodeChanged(e.ID)
			delta.Nodes = append(delta.Nodes, NodeChange{Old: old})
			delta.Reschedule = true
		}
	case core.PackUpserted:
		s.packs[e.Pack.ID] = withPath(e, s.packs[e.Pack.ID])
		s.packChanged(e.Pack.ID)
		delta.Reschedule, delta.Packs = true, true
	case core.PackDeleted:
		delete(s.packs, e.ID)
		s.packChanged(e.ID)
	case core.NamespaceUpserted:
		s.settings++
		s.namespaces[e.Namespace.ID] = withLabels(e, s.namespaces[e.Namespace.ID])
		s.namespaceChanged(e.Namespace.ID)
		delta.Reschedule, delta.Namespaces = true, true // its quota may have grown
	case core.NamespaceDeleted:
		s.settings++
		s.namespaceChanged(e.ID)
		delete(s.namespaces, e.ID)
	case core.ConfigUpserted:
		s.settings++
		delta.Reschedule = true // it may say how pods are placed
		if !e.Unchanged {
			s.config[e.Key] = e.Value
		}
	case core.ConfigDeleted:
		s.settings++
		delta.Reschedule = true
		delete(s.config, e.Key)
	case core.PriorityClassUpserted, core.PriorityClassDeleted:
		// Resolved by the database when a pod is inserted; nothing here needs them.
	case core.DeploymentUpserted:
		s.deploys[e.Deployment.ID] = e.Deployment.FillFrom(s.deploys[e.Deployment.ID], e.Missing)
		delta.Deployments = append(delta.Deployments, e.Deployment.ID)
	case core.DeploymentDeleted:
		delete(s.deploys, e.ID)
		delta.Deployments = append(delta.Deployments, e.ID)
	case core.EventRecorded:
		// Nothing is decided by it: it is for watchers.
	}
}

func withPath(e core.PackUpserted, old *core.Pack) *core.Pack {
	if !e.PathUnchanged || old == nil {
		return e.Pack
	}
	pack := *e.Pack
	pack.BundlePath = old.BundlePath
	return &pack
}

func withLabels(e core.NamespaceUpserted, old *core.Namespace) *core.Namespace {
	if !e.LabelsUnchanged || old == nil {
		return e.Namespace
	}
	namespace := *e.Namespace
	namespace.Labels = old.Labels
	return &namespace
}

func (s *State) upsertPod(e core.PodUpserted, delta *Delta) {
	old := s.pods[e.Pod.ID]
	pod := e.Pod.FillFrom(old, e.Missing)
	s.pods[pod.ID] = pod
	s.podChanged(pod.ID)
	s.belong(old, pod, delta)
	delta.Pods = append(delta.Pods, PodChange{Old: old, New: pod})

	hadHome := s.homes[pod.ID]
	switch {
	case pod.Status.Active():
		delete(s.pending, pod.ID)
		delete(s.assumed, pod.ID)
		s.settle(pod, pod.NodeID)
	case pod.Status == core.PodPending && s.isAssumed(pod):
		// An echo from before the decision; the decision stands.
	case pod.Status == core.PodPending:
		delete(s.assumed, pod.ID)
		if _, waiting := s.pending[pod.ID]; !waiting {
			s.pending[pod.ID] = struct{}{}
			delta.Reschedule = true
		}
		s.settle(pod, uuid.Nil)
	default: // final
		delete(s.pending, pod.ID)
		delete(s.assumed, pod.ID)
		s.settle(pod, uuid.Nil)
	}
	if hadHome != uuid.Nil && s.homes[pod.ID] != hadHome {
		delta.Reschedule = true // room
	}
}

// belong keeps account of whose pod it is.
func (s *State) belong(old, now *core.Pod, delta *Delta) {
	var was, is uuid.UUID
	if old != nil {
		was = old.DeploymentID
	}
	if now != nil {
		is = now.DeploymentID
	}
	if was != is && was != uuid.Nil {
		pods := s.podsOf[was]
		if delete(pods, old.ID); len(pods) == 0 {
			delete(s.podsOf, was)
		}
		delta.Deployments = append(delta.Deployments, was)
	}
	if is == uuid.Nil {
		return
	}
	if s.podsOf[is] == nil {
		s.podsOf[is] = map[uuid.UUID]struct{}{}
	}
	s.podsOf[is][now.ID] = struct{}{}
	delta.Deployments = append(delta.Deployments, is)
}

// settle moves the room that a pod takes to a node, or to none with uuid.Nil. A pod's size never changes.
func (s *State) settle(pod *core.Pod, node uuid.UUID) {
	before := s.homes[pod.ID]
	if before == node {
		return
	}
	if before != uuid.Nil {
		u := s.usage[before]
		u.CPUMillis -= pod.CPUMillis
		u.MemoryBytes -= pod.MemoryBytes
		u.Pods--
		pods := s.onNode[before]
		delete(pods, pod.ID)
		if len(pods) == 0 {
			delete(s.usage, before)
			delete(s.onNode, before)
		} else {
			s.usage[before] = u
		}
	}
	if node == uuid.Nil {
		delete(s.homes, pod.ID)
		return
	}
	s.homes[pod.ID] = node
	u := s.usage[node]
	u.CPUMillis += pod.CPUMillis
	u.MemoryBytes += pod.MemoryBytes
	u.Pods++
	s.usage[node] = u
	if s.onNode[node] == nil {
		s.onNode[node] = map[uuid.UUID]struct{}{}
	}
	s.onNode[node][pod.ID] = struct{}{}
}
