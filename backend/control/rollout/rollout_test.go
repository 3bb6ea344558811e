package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

// cluster plays database, scheduler and agents: it carries steps out and lets pods live.
type cluster struct {
	d     core.Deployment
	pods  map[uuid.UUID]*core.Pod
	nodes []*core.Node
	now   time.Time
	n     int64
	made  int
	said  []core.RolloutEvent
}

func newCluster(mode core.DeploymentMode, replicas int32, strategy string) *cluster {
	return &cluster{now: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), pods: map[uuid.UUID]*core.Pod{},
		d: core.Deployment{ID: uuid.New(), Name: "web", Mode: mode, Replicas: replicas, Strategy: json.RawMessage(strategy), Generation: 1}}
}

func (c *cluster) list() (pods []*core.Pod) {
	for _, p := range c.pods {
		pods = append(pods, p)
	}
	return pods
}

func (c *cluster) plan() Plan {
	return Step(Input{Deployment: &c.d, Pods: c.list(), Nodes: c.nodes, Now: c.now, Version: "1.0.0"})
}

// step decides and carries out.
func (c *cluster) step() Plan {
	plan := c.plan()
	for _, wanted := range plan.Create {
		c.n++
		c.made++
		pod := &core.Pod{ID: uuid.New(), Name: fmt.Sprint("p", c.n), Generation: wanted.Generation, Status: core.PodPending, Desired: core.DesiredRunning,
			DeploymentID: c.d.ID, CreatedAt: c.now.Add(time.Duration(c.n))}
		if wanted.Node != "" {
			pod.Affinity = json.RawMessage(fmt.Sprintf(`{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
				{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [%q]}]}]}}}`, wanted.Node))
		}
		c.pods[pod.ID] = pod
	}
	for _, id := range plan.Stop {
		if pod := c.pods[id]; pod.Status == core.PodPending {
			c.ends(pod, core.PodStopped)
		}
		c.pods[id].Desired = core.DesiredStopped
	}
	for _, id := range plan.Delete {
		delete(c.pods, id)
	}
	if plan.Status != nil {
		c.d.Status, c.d.ObservedGeneration = plan.Status, c.d.Generation
	}
	if plan.RollbackTo != 0 {
		c.d.Generation++
	}
	c.said = append(c.said, plan.Events...)
	return plan
}

func (c *cluster) ends(pod *core.Pod, status core.PodStatus) {
	c.n++
	pod.Status, pod.FinishedAt = status, c.now.Add(time.Duration(c.n))
}

func (c *cluster) runs(pod *core.Pod) { pod.Status, pod.StartedAt = core.PodRunning, c.now }

// live lets everything happen that is under way: what waits runs, what is to stop stops.
func (c *cluster) live() {
	for _, pod := range c.pods {
		switch {
		case pod.Status.Final():
		case pod.Desired == core.DesiredStopped:
			c.ends(pod, core.PodStopped)
		default:
			if pod.Status != core.PodRunning {
				c.runs(pod)
			}
		}
	}
}

func (c *cluster) settle(t require.TestingT) {
	for range 400 {
		plan := c.step()
		if plan.Empty() && c.quiet() {
			if plan.Next.IsZero() {
				return
			}
			c.now = plan.Next
		}
		c.live()
		c.now = c.now.Add(time.Second)
	}
	require.FailNow(t, "it does not come to rest", "%s", c.d.Status)
}

func (c *cluster) quiet() bool {
	return !slices.ContainsFunc(c.list(), func(p *core.Pod) bool {
		return !p.Status.Final() && (p.Status != core.PodRunning || p.Desired == core.DesiredStopped)
	})
}

func (c *cluster) count(is func(*core.Pod) bool) (n int) {
	for _, p := range c.pods {
		if is(p) {
			n++
		}
	}
	return n
}

func running(generation int64) func(*core.Pod) bool {
	return func(p *core.Pod) bool {
		return p.Status == core.PodRunning && p.Desired == core.DesiredRunning && p.Generation == generation
	}
}

func (c *cluster) status() Status { return ParseStatus(c.d.Status) }

func TestItMakesWhatIsWanted(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 3, "")
	require.Len(t, c.step().Create, 3)
	c.settle(t)
	require.Equal(t, 3, c.count(running(1)))
	s := c.status()
	require.Equal(t, []int{3, 3, 3, 3, 0}, []int{s.Desired, s.Replicas, s.Updated, s.Available, s.Unavailable})
	require.EqualValues(t, 1, s.Stable)
	c.d.Replicas = 1
	c.settle(t)
	require.Equal(t, 1, c.count(running(1)))
	c.d.Replicas = 0
	c.settle(t)
	require.Zero(t, c.count(running(1)))
	require.Equal(t, 3, c.made)
}

// Source: kubernetes deployment e2e: maxSurge 1, maxUnavailable 0 replaces one at a time.
func TestItRollsOneAtATime(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 3, `{"maxSurge": 1, "maxUnavailable": 0, "minReadySeconds": 5}`)
	c.settle(t)
	c.d.Generation = 2
	for range 3 {
		require.Len(t, c.step().Create, 1)
		require.Empty(t, c.step().Stop, "the new one does not run yet")
		c.live()
		require.Empty(t, c.step().Stop, "it has not run for long enough yet")
		require.True(t, c.plan().Next.After(c.now))
		c.now = c.now.Add(5 * time.Second)
		require.Len(t, c.step().Stop, 1)
	}
	c.settle(t)
	require.Equal(t, 3, c.count(running(2)))
	require.EqualValues(t, 2, c.status().Stable)
}

func TestRecreateEndsAllFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 2, `{"type": "Recreate"}`)
	c.settle(t)
	c.d.Generation = 2
	plan := c.step()
	require.Len(t, plan.Stop, 2)
	require.Empty(t, plan.Create)
	require.Empty(t, c.step().Create, "they have not ended yet")
	c.live()
	require.Len(t, c.step().Create, 2)
	c.settle(t)
	require.Equal(t, 2, c.count(running(2)))
}

func TestAPausedDeploymentOnlyScales(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 2, "")
	c.settle(t)
	c.d.Paused, c.d.Generation, c.d.Replicas = true, 2, 4
	c.settle(t)
	require.Equal(t, 4, c.count(running(1)))
	require.Equal(t, ReasonPaused, c.status().Conditions[1].Reason)
	c.now = c.now.Add(time.Hour)
	c.d.Paused = false
	c.settle(t)
	require.Equal(t, 4, c.count(running(2)))
	require.NotContains(t, reasons(c.said), "progress_deadline_exceeded", "a pause does not count")
}

func reasons(events []core.RolloutEvent) (all []string) {
	for _, e := range events {
		all = append(all, e.Reason)
	}
	return all
}

// crash lets every pod of a generation fail that runs or waits.
func (c *cluster) crash(generation int64) {
	for _, pod := range c.pods {
		if pod.Generation == generation && !pod.Status.Final() && pod.Desired == core.DesiredRunning {
			c.ends(pod, core.PodFailed)
		}
	}
}

func TestACrashLoopIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 2, `{"maxUnavailable": 0}`)
	c.settle(t)
	c.d.Generation = 2
	for range 200 {
		if c.step().RollbackTo != 0 {
			break
		}
		c.crash(2)
		c.now = c.now.Add(time.Second)
	}
	require.EqualValues(t, 3, c.d.Generation)
	require.Equal(t, &RolledBack{From: 2, To: 1, Generation: 3, Version: "1.0.0"}, c.status().RolledBack)
	require.Contains(t, reasons(c.said), "rolled_back")
	c.settle(t)
	require.Equal(t, 2, c.count(running(3)))

	// What was brought back crashes as well: it is not brought back again and again.
	c.d.Status = json.RawMessage(`{"stableGeneration": 1, "rolledBack": {"generation": 3}}`)
	for range 200 {
		c.crash(3)
		require.Zero(t, c.step().RollbackTo)
		c.now = c.now.Add(time.Minute)
	}
}

func TestWhoAsksForNoRollbackGetsPauses(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 1, `{"autoRollback": false}`)
	c.settle(t)
	c.d.Generation = 2
	var at []time.Duration
	began := c.now
	for c.now.Sub(began) < 30*time.Minute {
		if plan := c.step(); len(plan.Create) > 0 {
			at = append(at, c.now.Sub(began).Round(time.Second))
		}
		c.crash(2)
		c.now = c.now.Add(time.Second)
	}
	require.Equal(t, []time.Duration{0, time.Second}, at[:2], "the first is replaced at once")
	pauses := []int{}
	for i := 2; i < 9; i++ {
		pauses = append(pauses, int((at[i] - at[i-1]).Seconds()))
	}
	for i, want := range []int{10, 20, 40, 80, 160, 300, 300} {
		require.InDelta(t, want, pauses[i], 2)
	}
	require.Equal(t, 1, c.count(running(1)), "what works is left alone")
	require.LessOrEqual(t, len(c.pods), keepEnded+3)
}

func TestARolloutThatStandsStillIsSaid(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 2, `{"progressDeadlineSeconds": 60}`)
	c.settle(t)
	c.d.Generation = 2
	c.step() // the new pods find no node
	plan := c.step()
	require.Equal(t, c.now.Add(time.Minute), plan.Next)
	c.now = plan.Next
	c.step()
	require.Equal(t, []string{"rolled_out", "progress_deadline_exceeded"}, reasons(c.said))
	c.step()
	require.Len(t, c.said, 2, "once")
	c.settle(t)
	require.Equal(t, 2, c.count(running(2)), "and goes on when it can")
}

func TestARefusalIsSaidAndNotRepeated(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 2, "")
	in := Input{Deployment: &c.d, Now: c.now, Refused: "namespace is full", RefusedFor: ReasonQuota, Retry: c.now.Add(time.Minute)}
	plan := Step(in)
	require.Empty(t, plan.Create)
	require.Equal(t, c.now.Add(time.Minute), plan.Next)
	c.d.Status = plan.Status
	require.Equal(t, "namespace is full", c.status().Conditions[1].Message)
	require.Equal(t, ReasonQuota, c.status().Conditions[1].Reason)
	require.True(t, plan.Short)

	in.Deployment = &core.Deployment{Generation: 1, Status: plan.Status}
	plan = Step(in)
	require.False(t, plan.Short, "none is wanted any more")
	require.NotContains(t, string(plan.Status), Failing, "so that nothing is refused")

	in.Deployment = &c.d
	in.Now, in.Refused = in.Retry, ""
	plan = Step(in)
	require.Len(t, plan.Create, 2)
	require.NotContains(t, string(plan.Status), Failing)
}

func TestFollowingTheLatest(t *testing.T) {
	t.Parallel()
	c := newCluster(core.ModeReplicas, 1, "")
	c.d.FollowLatest = true
	latest := &core.Pack{ID: uuid.New(), Version: "2.0.0"}
	plan := Step(Input{Deployment: &c.d, Latest: latest, Version: "1.0.0", Now: c.now})
	require.Equal(t, latest.ID, plan.Pack)
	require.Empty(t, plan.Create, "of the version that it leaves")
	c.d.Paused = true
	require.Equal(t, uuid.Nil, Step(Input{Deployment: &c.d, Latest: latest, Now: c.now}).Pack)
}

// Whatever happens to pods and whoever changes the deployment: by its own doing there are never more pods than replicas and maxSurge, never fewer available
// than replicas less maxUnavailable, and in the end all is as wanted and nothing is left to do.
func TestAnyRolloutKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		surge, unavailable := rapid.IntRange(0, 3).Draw(t, "surge"), rapid.IntRange(0, 3).Draw(t, "unavailable")
		percent := ""
		if rapid.Bool().Draw(t, "percent") {
			percent, surge, unavailable = "%", surge*25, unavailable*25
		}
		c := newCluster(core.ModeReplicas, int32(rapid.IntRange(0, 8).Draw(t, "replicas")),
			fmt.Sprintf(`{"maxSurge": "%d%s", "maxUnavailable": "%d%s", "minReadySeconds": %d, "autoRollback": false}`, surge, percent, unavailable, percent, rapid.IntRange(0, 3).Draw(t, "minReady")))
		for range rapid.IntRange(1, 40).Draw(t, "moments") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				c.d.Generation++
			case 1:
				c.d.Replicas = int32(rapid.IntRange(0, 8).Draw(t, "scale"))
			case 2:
				c.d.Paused = !c.d.Paused
			case 3:
				c.live()
			default:
				pods := c.list()
				slices.SortFunc(pods, func(a, b *core.Pod) int { return a.CreatedAt.Compare(b.CreatedAt) })
				pods = slices.DeleteFunc(pods, func(p *core.Pod) bool { return p.Status.Final() })
				if len(pods) == 0 {
					break
				}
				pod := rapid.SampledFrom(pods).Draw(t, "pod")
				switch rapid.IntRange(0, 5).Draw(t, "fate") {
				case 0:
					c.ends(pod, core.PodFailed)
				case 1:
					pod.Status, pod.StartedAt = core.PodPending, time.Time{} // lost its node
				default:
					if pod.Desired == core.DesiredStopped {
						c.ends(pod, core.PodStopped)
					} else if pod.Status != core.PodRunning {
						c.runs(pod)
					}
				}
			}
			c.now = c.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)

			desired := int(c.d.Replicas)
			strategy := ParseStrategy(c.d.Strategy, false)
			mayMore, mayLess := strategy.bounds(desired)
			wanted := func() int {
				return c.count(func(p *core.Pod) bool { return !p.Status.Final() && p.Desired == core.DesiredRunning })
			}
			available := func() int {
				return c.count(func(p *core.Pod) bool {
					return p.Status == core.PodRunning && p.Desired == core.DesiredRunning && !p.StartedAt.Add(strategy.MinReady).After(c.now)
				})
			}
			before, had := wanted(), available()
			require.Equal(t, c.plan(), c.plan(), "the same situation gives the same step")
			c.step()
			require.LessOrEqual(t, wanted(), max(before, desired+mayMore))
			require.GreaterOrEqual(t, available(), min(had, max(desired-mayLess, 0)))
		}
		c.d.Paused = false
		c.settle(t)
		require.EqualValues(t, c.d.Replicas, c.count(running(c.d.Generation)))
		require.Equal(t, c.d.Generation, c.status().Stable)
		rest := c.plan()
		require.True(t, rest.Empty(), "at rest there is nothing to do")
	})
}

func TestWhatCannotBeReadCountsAsLeftOut(t *testing.T) {
	t.Parallel()
	want := Strategy{MaxSurge: Share{25, true}, MaxUnavailable: Share{25, true}, MinReady: time.Second, ProgressDeadline: 10 * time.Minute, AutoRollback: true}
	for _, raw := range []string{"", "{}", "[]", `{"maxSurge": "x", "maxUnavailable": -1}`, `{"type": "RollingUpdate"}`} {
		require.Equal(t, want, ParseStrategy(json.RawMessage(raw), false), raw)
	}
	require.Equal(t, Share{Number: 1}, ParseStrategy(nil, true).MaxUnavailable)
	require.Equal(t, Strategy{Recreate: true, MaxSurge: Share{2, false}, MaxUnavailable: Share{10, true}, MinReady: 3 * time.Second, ProgressDeadline: time.Minute},
		ParseStrategy(json.RawMessage(`{"type": "Recreate", "maxSurge": 2, "maxUnavailable": "10%", "minReadySeconds": 3, "progressDeadlineSeconds": "60", "autoRollback": false}`), false))
	require.Equal(t, Status{}, ParseStatus(json.RawMessage(`[1]`)))
	for _, c := range [][4]int{{10, 25, 3, 2}, {1, 25, 1, 0}, {3, 34, 2, 1}, {4, 100, 4, 4}} {
		s := Share{c[1], true}
		require.Equal(t, []int{c[2], c[3]}, []int{s.of(c[0], true), s.of(c[0], false)})
	}
}
