package sched

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

// try runs one round and returns how many pods were tried.
func try(c *Cluster, q *Queue, now time.Time) int {
	pods := q.Take(now)
	plan := c.Decide(pods, Options{NoPreemption: true})
	q.Settle(&plan, now)
	return len(pods)
}

// What happened, and whether it is a reason to try the pod again. Source of the idea: KEP-4247 QueueingHints.
func TestQueueWakesOnlyByWhatCouldHelp(t *testing.T) {
	t.Parallel()
	happenings := map[string]func(*Cluster){
		"a node came":       func(c *Cluster) { c.UpsertNode(someNode(50, func(n *core.Node) { n.CPUMillis = 0 })) },
		"a pod came":        func(c *Cluster) { c.Place(somePod(60, asks(1, 1)), nodeID(1)) },
		"a pod left":        func(c *Cluster) { c.Remove(podID(40)) },
		"a quota changed":   func(c *Cluster) { c.UpsertNamespace(&core.Namespace{Name: "other"}) },
		"a pack came":       func(c *Cluster) { c.UpsertPack(&core.Pack{ID: id('k', 8)}) },
		"nothing":           func(*Cluster) {},
		"a node's echo":     func(c *Cluster) { c.UpsertNode(someNode(1)) },
		"a pod's echo":      func(c *Cluster) { c.Place(somePod(40), nodeID(1)) },
		"a dry run":         func(c *Cluster) { c.Decide([]*core.Pod{somePod(61)}, Options{DryRun: true}) },
		"somebody asks why": func(c *Cluster) { c.Explain(somePod(40)) },
	}
	for name, tc := range map[string]struct {
		pod  func(*core.Pod)
		wake []string
	}{
		"no room":         {asks(9000, 0), []string{"a node came", "a pod left"}},
		"a label":         {func(p *core.Pod) { p.NodeSelector = map[string]string{"disk": "ssd"} }, []string{"a node came"}},
		"affinity to pod": {towardsApp("db", "zone"), []string{"a node came", "a pod came", "a pod left", "a quota changed"}},
		"spread": {spreading(`[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{},"minDomains":2}]`),
			[]string{"a node came", "a pod came", "a pod left"}},
		"no pack":  {func(p *core.Pod) { p.PackID = id('k', 9) }, []string{"a pack came"}},
		"nonsense": {affine("7"), nil},
		"a gang":   {ganged("2"), []string{"a pod came"}},
	} {
		for event, happens := range happenings {
			t.Run(name+"/"+event, func(t *testing.T) {
				t.Parallel()
				c := clusterOf(someNode(1))
				c.Place(somePod(40), nodeID(1))
				q := NewQueue(c, Backoff{})
				q.Add(somePod(1, tc.pod))
				require.Equal(t, 1, try(c, q, epoch))
				require.Zero(t, try(c, q, epoch), "nothing happened")
				happens(c)
				want := 0
				for _, w := range tc.wake {
					if w == event {
						want = 1
					}
				}
				require.Equal(t, want, try(c, q, epoch))
				_, placed := c.Home(podID(1))
				require.Equal(t, !placed, q.Len() == 1)
			})
		}
	}
}

func TestQueueBackoff(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	q := NewQueue(c, Backoff{First: time.Second, Max: 3 * time.Second})
	q.Add(somePod(1, asks(9000, 0)))
	now := epoch
	for i, pause := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		require.Equal(t, 1, try(c, q, now))
		_, ok := q.Next()
		require.False(t, ok, "nothing could help yet")
		c.UpsertNode(someNode(10+i, func(n *core.Node) { n.CPUMillis = 1 }))
		require.Zero(t, try(c, q, now.Add(pause-1)))
		at, ok := q.Next()
		require.True(t, ok)
		require.Equal(t, now.Add(pause), at)
		now = at
	}
	q.Add(somePod(1, asks(100, 0)))
	require.Equal(t, 1, try(c, q, now), "a pod's new state is tried at once")
	require.Zero(t, q.Len())
}

func TestQueueTakesGangsWhole(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1))
	q := NewQueue(c, Backoff{First: time.Hour, Max: time.Hour})
	q.Add(somePod(1, ganged("2")))
	require.Equal(t, 1, try(c, q, epoch))
	q.Add(somePod(2, ganged("2")))
	require.Equal(t, 2, try(c, q, epoch), "the first comes along although it is to pause")
	require.Zero(t, q.Len())
	q.Add(somePod(3))
	q.Delete(podID(3))
	q.Delete(podID(3))
	require.Zero(t, try(c, q, epoch))
}

// A pod that the queue leaves asleep is one that could not be placed anyhow.
func TestQueueForgetsNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		m.upsertNode(t)
		q := NewQueue(m.cluster, Backoff{})
		waiting := map[*core.Pod]bool{}
		for range rapid.IntRange(1, 20).Draw(t, "rounds") {
			for range rapid.IntRange(0, 3).Draw(t, "new") {
				p := m.drawPod(t)
				waiting[p] = true
				q.Add(p)
			}
			pick(t, "happens", m.upsertNode, m.removeNode, m.removePod, m.stopPod, m.placeElsewhere, m.upsertNamespace, func(*rapid.T) {})(t)
			for p := range waiting {
				if _, placed := m.cluster.Home(p.ID); placed {
					delete(waiting, p)
					q.Delete(p.ID)
				}
			}
			// Its own placements may help others (affinity): until nothing moves.
			for {
				plan := m.cluster.Decide(q.Take(epoch), Options{NoPreemption: true})
				q.Settle(&plan, epoch)
				for p := range waiting {
					if node, placed := m.cluster.Home(p.ID); placed {
						m.oracle.homes[p.ID] = home{p, node}
						delete(waiting, p)
					}
				}
				if len(plan.Placements) == 0 {
					break
				}
			}
			for p := range waiting {
				if best, _ := m.oracle.best(p); best != nil && m.oracle.withinQuota(p) {
					t.Fatalf("pod %s sleeps but could be on %s", p.Name, best.Name)
				}
			}
		}
	})
}
