package cluster

import (
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Watch collects what has changed since it was last asked, for one who keeps an index of his own. However much happens, it holds everything
// once: what it hands out is how things are now, not how they came to be. Make it with State.Watch; Close it.
type Watch struct {
	state *State

	// Guarded by state.mu: ids of what has changed.
	pods, nodes, packs map[uuid.UUID]struct{}
	namespaces         map[uuid.UUID]string // and the name, which is all that is left of one that is gone
}

// News is how those things are now that have changed.
type News struct {
	Packs          []*core.Pack
	GonePacks      []uuid.UUID
	Namespaces     []*core.Namespace
	GoneNamespaces []string
	Nodes          []*core.Node
	GoneNodes      []uuid.UUID
	Pods           []PodPlace
	GonePods       []uuid.UUID
}

// PodPlace is a pod and where it is.
type PodPlace struct {
	Pod     *core.Pod
	Home    uuid.UUID // the node whose room it takes, by what the feed shows or by an assumption; uuid.Nil when there is none
	Waiting bool      // for a decision, and nobody wants it stopped
}

// Watch begins to collect. At first everything is news.
func (s *State) Watch() *Watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &Watch{state: s}
	w.empty()
	w.addAll(s)
	s.watches = append(s.watches, w)
	return w
}

// Close ends the collecting.
func (w *Watch) Close() {
	s := w.state
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.watches {
		if other == w {
			s.watches = append(s.watches[:i:i], s.watches[i+1:]...)
			return
		}
	}
}

func (w *Watch) empty() {
	w.pods, w.nodes, w.packs = map[uuid.UUID]struct{}{}, map[uuid.UUID]struct{}{}, map[uuid.UUID]struct{}{}
	w.namespaces = map[uuid.UUID]string{}
}

// addAll marks all that a picture holds.
func (w *Watch) addAll(s *State) {
	for id := range s.packs {
		w.packs[id] = struct{}{}
	}
	for id, n := range s.namespaces {
		w.namespaces[id] = n.Name
	}
	for id := range s.nodes {
		w.nodes[id] = struct{}{}
	}
	for id := range s.pods {
		w.pods[id] = struct{}{}
	}
}

// Take returns what has changed since the last time, in no order. An assumption (Assume) is no news: who made it knows.
func (w *Watch) Take() News {
	s := w.state
	s.mu.Lock()
	defer s.mu.Unlock()
	var news News
	for id := range w.packs {
		if pack := s.packs[id]; pack != nil {
			news.Packs = append(news.Packs, pack)
		} else {
			news.GonePacks = append(news.GonePacks, id)
		}
	}
	for id, name := range w.namespaces {
		if namespace := s.namespaces[id]; namespace != nil {
			news.Namespaces = append(news.Namespaces, namespace)
		} else {
			news.GoneNamespaces = append(news.GoneNamespaces, name)
		}
	}
	for id := range w.nodes {
		if node := s.nodes[id]; node != nil {
			news.Nodes = append(news.Nodes, node)
		} else {
			news.GoneNodes = append(news.GoneNodes, id)
		}
	}
	for id := range w.pods {
		if pod := s.pods[id]; pod != nil {
			_, pending := s.pending[id]
			news.Pods = append(news.Pods, PodPlace{Pod: pod, Home: s.homes[id], Waiting: pending && pod.Desired == core.DesiredRunning})
		} else {
			news.GonePods = append(news.GonePods, id)
		}
	}
	w.empty()
	return news
}

// The marks of one change; s.mu is held.

func (s *State) podChanged(id uuid.UUID) {
	for _, w := range s.watches {
		w.pods[id] = struct{}{}
	}
}

func (s *State) nodeChanged(id uuid.UUID) {
	for _, w := range s.watches {
		w.nodes[id] = struct{}{}
	}
}

func (s *State) packChanged(id uuid.UUID) {
	for _, w := range s.watches {
		w.packs[id] = struct{}{}
	}
}

func (s *State) namespaceChanged(id uuid.UUID) {
	for _, w := range s.watches {
		if n := s.namespaces[id]; n != nil {
			w.namespaces[id] = n.Name
		}
	}
}

func (s *State) allChanged() {
	for _, w := range s.watches {
		w.addAll(s)
	}
}
