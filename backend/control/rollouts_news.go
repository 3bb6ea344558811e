package control

import (
	"sync"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/cluster"
)

// touched collects which deployments something happened to.
type touched struct {
	mu   sync.Mutex // guards news
	news deploymentNews
}

// deploymentNews says which deployments something happened to.
type deploymentNews struct {
	all   bool
	nodes bool // something happened to nodes: daemonsets
	packs bool // and to packs: those that follow the latest
	room  bool // something may be taken now that was refused before
	ids   map[uuid.UUID]struct{}
}

// take returns what was collected.
func (t *touched) take() deploymentNews {
	t.mu.Lock()
	defer t.mu.Unlock()
	news := t.news
	t.news = deploymentNews{}
	return news
}

// add takes a change in and says whether it is one for deployments. Room is only asked for while something is refused.
func (t *touched) add(delta cluster.Delta, refusing bool) bool {
	room := refusing && makesRoom(delta)
	if !delta.Snapshot && len(delta.Deployments)+len(delta.Nodes) == 0 && !delta.Packs && !room {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &t.news
	n.all = n.all || delta.Snapshot
	n.nodes = n.nodes || len(delta.Nodes) > 0
	n.packs = n.packs || delta.Packs
	n.room = n.room || room
	for _, id := range delta.Deployments {
		if n.ids == nil {
			n.ids = map[uuid.UUID]struct{}{}
		}
		n.ids[id] = struct{}{}
	}
	return true
}

// makesRoom says whether a change can let the database take what it has refused: a quota that grew, a pod that ended, a pack that was shared.
func makesRoom(delta cluster.Delta) bool {
	if delta.Namespaces || delta.Packs {
		return true
	}
	for _, p := range delta.Pods {
		if p.Old != nil && !p.Old.Status.Final() && (p.New == nil || p.New.Status.Final()) {
			return true
		}
	}
	return false
}
