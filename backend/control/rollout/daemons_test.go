package rollout

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

func (c *cluster) node(name string, change func(*core.Node)) {
	n := &core.Node{ID: uuid.New(), Name: name, Status: core.NodeHealthy}
	if change != nil {
		change(n)
	}
	c.nodes = append(c.nodes, n)
}

func TestADaemonsetHasOneOnEachNode(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeDaemonSet, 1, "")
	c.node("a", nil)
	c.node("b", nil)
	c.node("lost", func(n *core.Node) { n.Status = core.NodeUnhealthy })
	c.node("cordoned", func(n *core.Node) { n.Unschedulable = true })
	c.settle(t)
	require.Equal(t, 2, c.count(running(1)))
	require.EqualValues(t, 1, c.status().Stable)
	c.nodes[2].Status = core.NodeHealthy
	c.nodes[0].Unschedulable = true
	c.settle(t)
	require.Equal(t, 3, c.count(running(1)), "what runs on a cordoned node stays")
	c.nodes = c.nodes[1:]
	c.settle(t)
	require.Equal(t, 2, c.count(running(1)), "a node that is gone has none")

	c.d.Generation = 2
	plan := c.step()
	require.Len(t, plan.Stop, 1, "one node at a time")
	require.Empty(t, plan.Create, "and the old one goes first")
	c.settle(t)
	require.Equal(t, 2, c.count(running(2)))
	for _, p := range c.pods { // a node is lost: its pod waits for it, and is not missed
		if nodeOf(p) == "b" && running(2)(p) {
			p.Status = core.PodPending
		}
	}
	c.nodes[0].Status = core.NodeUnhealthy
	c.settle(t)
	c.d.Generation = 3
	c.settle(t)
	require.Equal(t, 1, c.count(running(3)))
	c.nodes[0].Status = core.NodeHealthy
	c.settle(t)
	require.Equal(t, 2, c.count(running(3)))
}

// alive are the pods of a node that are wanted and have not ended.
func (c *cluster) alive(node string) int {
	return c.count(func(p *core.Pod) bool {
		return !p.Status.Final() && p.Desired == core.DesiredRunning && nodeOf(p) == node
	})
}

// Whatever happens to nodes and pods: by its own doing a daemonset never has a second pod on a node, never takes more nodes their pod than maxUnavailable,
// and in the end every node has one of the present generation.
func TestAnyDaemonsetKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unavailable := rapid.IntRange(1, 3).Draw(t, "unavailable")
		c := newCluster(core.ModeDaemonSet, 1, fmt.Sprintf(`{"maxUnavailable": %d, "autoRollback": false}`, unavailable))
		for range rapid.IntRange(1, 40).Draw(t, "moments") {
			switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
			case what == 0:
				c.d.Generation++
			case what == 1:
				c.d.Paused = !c.d.Paused
			case what == 2:
				c.node(fmt.Sprint("n", len(c.pods)+len(c.nodes), "-", c.n), nil)
				c.n++
			case what <= 5 && len(c.nodes) > 0:
				i := rapid.IntRange(0, len(c.nodes)-1).Draw(t, "node")
				switch rapid.IntRange(0, 3).Draw(t, "change") {
				case 0:
					c.nodes = slices.Delete(c.nodes, i, i+1) // does not suit any more
				case 1:
					c.nodes[i].Unschedulable = !c.nodes[i].Unschedulable
				default:
					c.nodes[i].Status = core.NodeHealthy
					if rapid.Bool().Draw(t, "lost") {
						c.nodes[i].Status = core.NodeUnhealthy
					}
				}
			case what == 6:
				for _, p := range c.sorted() {
					if !p.Status.Final() && p.Desired == core.DesiredRunning && rapid.Bool().Draw(t, "fails") {
						c.ends(p, core.PodFailed)
					}
				}
			default:
				c.live()
			}
			c.now = c.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)

			usable, before := map[string]bool{}, map[string]int{}
			for _, n := range c.nodes {
				usable[n.Name] = true
				before[n.Name] = c.alive(n.Name)
			}
			available := func() (n int) {
				return c.count(func(p *core.Pod) bool {
					return p.Status == core.PodRunning && p.Desired == core.DesiredRunning && usable[nodeOf(p)] && !p.StartedAt.Add(time.Second).After(c.now)
				})
			}
			had := available()
			require.Equal(t, c.plan(), c.plan(), "the same situation gives the same step")
			c.step()
			for _, n := range c.nodes {
				require.LessOrEqual(t, c.alive(n.Name), max(before[n.Name], 1), n.Name)
			}
			require.GreaterOrEqual(t, available(), min(had, c.status().Desired-unavailable))
		}
		c.d.Paused = false
		for _, n := range c.nodes {
			n.Status, n.Unschedulable = core.NodeHealthy, false
		}
		c.settle(t)
		for _, n := range c.nodes {
			require.Equal(t, 1, c.count(func(p *core.Pod) bool { return running(c.d.Generation)(p) && nodeOf(p) == n.Name }), n.Name)
		}
		require.Equal(t, len(c.nodes), c.count(running(c.d.Generation)))
		rest := c.plan()
		require.True(t, rest.Empty(), "at rest there is nothing to do")
	})
}

// sorted are the pods in an order that a seed gives again.
func (c *cluster) sorted() []*core.Pod {
	pods := c.list()
	slices.SortFunc(pods, func(a, b *core.Pod) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return pods
}

// Whatever happens meanwhile: with Recreate pods of two generations never live beside each other, and in the end all are of the present one.
func TestRecreateNeverMixes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(core.ModeReplicas, int32(rapid.IntRange(1, 6).Draw(t, "replicas")), `{"type": "Recreate", "autoRollback": false}`)
		for range rapid.IntRange(1, 30).Draw(t, "moments") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				c.d.Generation++
			case 1:
				c.d.Replicas = int32(rapid.IntRange(0, 6).Draw(t, "scale"))
			case 2:
				for _, p := range c.sorted() {
					if p.Desired == core.DesiredStopped && !p.Status.Final() && rapid.Bool().Draw(t, "ends") {
						c.ends(p, core.PodStopped)
					}
				}
			default:
				c.live()
			}
			c.now = c.now.Add(time.Second)
			c.step()
			generations := map[int64]bool{}
			for _, p := range c.pods {
				if !p.Status.Final() {
					generations[p.Generation] = true
				}
			}
			require.LessOrEqual(t, len(generations), 1)
		}
		c.settle(t)
		require.EqualValues(t, c.d.Replicas, c.count(running(c.d.Generation)))
	})
}
