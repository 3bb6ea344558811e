package cluster

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func TestAWatchBeginsWithEverythingAndEnds(t *testing.T) {
	t.Parallel()
	s := New()
	s.Apply(snapshotOf(node(nodeN), up(pod(podA, nil)), up(pod(podB, on(nodeN))), core.PackUpserted{Pack: &core.Pack{ID: packP}},
		core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(7), Name: "team"}}))
	w := s.Watch()
	news := w.Take()
	require.Len(t, news.Nodes, 1)
	require.Len(t, news.Packs, 1)
	require.Len(t, news.Namespaces, 1)
	require.ElementsMatch(t, []PodPlace{{Pod: s.Pod(podA), Waiting: true}, {Pod: s.Pod(podB), Home: nodeN}}, news.Pods)
	require.Equal(t, News{}, w.Take())

	w.Close()
	w.Close()
	s.Apply(events(node(nodeM)))
	require.Equal(t, News{}, w.Take())
}

func TestAWatchTellsWhatIsGone(t *testing.T) {
	t.Parallel()
	s := New()
	s.Apply(snapshotOf(node(nodeN), up(pod(podA, nil)), core.PackUpserted{Pack: &core.Pack{ID: packP}},
		core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(7), Name: "team"}}))
	w := s.Watch()
	w.Take()
	delta := s.Apply(events(core.PodDeleted{ID: podA}, core.NodeDeleted{ID: nodeN}, core.PackDeleted{ID: packP}, core.NamespaceDeleted{ID: id(7)}))
	require.True(t, delta.Reschedule)
	gone := News{GonePods: []uuid.UUID{podA}, GoneNodes: []uuid.UUID{nodeN}, GonePacks: []uuid.UUID{packP}, GoneNamespaces: []string{"team"}}
	require.Equal(t, gone, w.Take())

	s.Apply(events(node(nodeN), up(pod(podA, nil)), core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(7), Name: "team"}}))
	w.Take()
	s.Apply(snapshotOf())
	require.Equal(t, News{GonePods: []uuid.UUID{podA}, GoneNodes: []uuid.UUID{nodeN}, GoneNamespaces: []string{"team"}}, w.Take(), "with a listing, too")
}

// A quota that grows and a pack that comes can let a pod be placed.
func TestPacksAndNamespacesWakeTheScheduler(t *testing.T) {
	t.Parallel()
	s := New()
	require.True(t, s.Apply(events(core.PackUpserted{Pack: &core.Pack{ID: packP}})).Reschedule)
	require.True(t, s.Apply(events(core.NamespaceUpserted{Namespace: &core.Namespace{ID: id(7), Name: "team"}})).Reschedule)
}
