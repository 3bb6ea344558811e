package control

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

// Source: kube-controller-manager tainteviction TestGetMinTolerationTime.
func TestTheShortestTolerationCounts(t *testing.T) {
	t.Parallel()
	added := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	taint := core.Taint{Key: "k", Effect: core.EffectNoExecute, TimeAdded: added}
	seconds := func(n int64) core.Toleration {
		return core.Toleration{Key: "k", Operator: "Exists", TolerationSeconds: &n}
	}
	forever := core.Toleration{Operator: "Exists"}
	for name, c := range map[string]struct {
		tolerations []core.Toleration
		placed      time.Time
		until       time.Time
		ever        bool
	}{
		"none":                     {nil, added, time.Time{}, false},
		"another taint's":          {[]core.Toleration{{Key: "x", Operator: "Exists"}}, added, time.Time{}, false},
		"another effect's":         {[]core.Toleration{{Key: "k", Operator: "Exists", Effect: core.EffectNoSchedule}}, added, time.Time{}, false},
		"for ever":                 {[]core.Toleration{forever}, added, time.Time{}, true},
		"for a while":              {[]core.Toleration{seconds(5)}, added, added.Add(5 * time.Second), false},
		"the shorter":              {[]core.Toleration{seconds(9), seconds(5), forever}, added, added.Add(5 * time.Second), false},
		"less than nothing":        {[]core.Toleration{seconds(-5)}, added, added, false},
		"longer than anything":     {[]core.Toleration{seconds(1 << 62)}, added, time.Time{}, true},
		"from when it was placed":  {[]core.Toleration{seconds(5)}, added.Add(time.Hour), added.Add(time.Hour + 5*time.Second), false},
		"from when it was tainted": {[]core.Toleration{seconds(5)}, added.Add(-time.Hour), added.Add(5 * time.Second), false},
	} {
		until, ever := tolerated(taint, &core.Pod{Tolerations: c.tolerations, ScheduledAt: c.placed})
		require.Equal(t, c.until, until, name)
		require.Equal(t, c.ever, ever, name)
	}
}

// Whatever there is: a look asks nobody twice, asks no one who goes anyway, says that a node is drained only when nobody is left, and
// when it leaves someone for later it says when to look again.
func TestDepartures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		node := &core.Node{ID: uuid.New(), Name: "n"}
		if rapid.Bool().Draw(t, "drains") {
			node.DrainDeadline = now.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "deadline")) * time.Second)
		}
		if rapid.Bool().Draw(t, "tainted") {
			node.Taints = []core.Taint{{Key: "k", Effect: core.EffectNoExecute, TimeAdded: now.Add(-time.Minute)}}
		}
		var pods []*core.Pod
		for i := range rapid.IntRange(0, 6).Draw(t, "pods") {
			p := &core.Pod{ID: uuid.New(), NodeID: node.ID, Desired: core.DesiredRunning, GracePeriod: 10 * time.Second,
				Status: rapid.SampledFrom([]core.PodStatus{core.PodScheduled, core.PodStarting, core.PodRunning, core.PodStopping}).Draw(t, "status"),
				Labels: map[string]string{}}
			if rapid.Bool().Draw(t, "stopped") {
				p.Desired = core.DesiredStopped
			} else if p.Status == core.PodStopping || rapid.Bool().Draw(t, "asked") {
				p.Eviction = core.ReasonPreempted
			}
			if rapid.Bool().Draw(t, "tolerates") {
				n := rapid.Int64Range(0, 120).Draw(t, "seconds")
				p.Tolerations = []core.Toleration{{Operator: "Exists", TolerationSeconds: &n}}
			}
			if i == 0 && rapid.Bool().Draw(t, "daemon") {
				p.DeploymentID = node.ID
			}
			pods = append(pods, p)
		}
		daemon := func(p *core.Pod) bool { return p.DeploymentID != uuid.Nil }
		d := depart(now, []*core.Node{node}, func(uuid.UUID) []*core.Pod { return pods }, daemon)
		asked := map[uuid.UUID]core.Eviction{}
		for _, e := range d.evictions {
			require.NotContains(t, asked, e.PodID)
			asked[e.PodID] = e
		}
		rest := 0
		for _, p := range pods {
			e, is := asked[p.ID]
			if p.Desired == core.DesiredStopped {
				require.False(t, is)
			}
			if is && p.Eviction != "" {
				require.NotNil(t, e.Grace)
				require.Zero(t, *e.Grace, "one that was asked before is asked again only to end now")
			}
			drains := !node.DrainDeadline.IsZero() && !daemon(p)
			if drains {
				rest++
				require.True(t, is || p.Leaving())
			}
			if drains && node.DrainDeadline.After(now) {
				require.False(t, d.next.IsZero())
			}
		}
		require.Equal(t, !node.DrainDeadline.IsZero() && rest == 0, len(d.drained) == 1)
		require.True(t, d.next.IsZero() || d.next.After(now))
		if !drives(node) {
			require.Empty(t, d.evictions)
		}
	})
}

func TestALargeLossIsTakenSlowly(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]int{ // silent, known → how many lose their pods now
		{1, 1, 1}, {10, 10, 10}, {11, 20, 11}, {12, 20, 1}, {550, 1000, 550}, {551, 1000, 50}, {1000, 1000, 50},
	} {
		require.Equal(t, c[2], ration(c[0], c[1]), "%d of %d", c[0], c[1])
	}
}
